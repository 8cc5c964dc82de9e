"""What the passing of a day changes, and what it does not: `today` in names, sources and variables."""

from __future__ import annotations

import shutil

import pytest

from tests.end_to_end.shop import Shop, hashes, mail
from tests.sandbox_client import Sandbox

DAY, NEXT = ("--today", "2026-11-24"), ("--today", "2026-11-25")
PROJECT = "kind: Project\nvars:\n  since: 'since {{ today }}'\n"


@pytest.mark.parametrize(
    "words",
    [
        {"name": "Loyal {{ today }}"},
        {"description": "As of {{ today }}"},
        {"name": "Loyal", "description": "{{ var('since') }}"},
    ],
    ids=["a name", "a description", "a variable"],
)
def test_sync_goes_on_when_only_the_date_has_moved(shop: Shop, sandbox: Sandbox, words: dict[str, str]) -> None:
    shop.write("activations/project.yaml", PROJECT)
    shop.activation(**{"name": "Loyal", **words})
    shop.apply(*DAY)
    before = [(segment.name, segment.description) for segment in sandbox.segments()]
    shop.people(mail(1, 2, 3, 4))
    assert "skipped" not in shop.run("sync", *NEXT).out
    [segment] = sandbox.segments()
    assert (segment.name, segment.description) == before[0]
    assert sandbox.members(segment.id, "email") == hashes(1, 2, 3, 4)
    assert [row["condition"] for row in shop.run("status", "--format", "json").json["activations"]] == ["applied"]


def test_apply_renames_once_a_day_and_then_finds_nothing_to_do(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation(name="Loyal {{ today }}")
    shop.apply(*DAY)
    shop.run("sync", *NEXT)
    change = shop.plan(*NEXT)["loyal"]
    assert (change["action"], change["reasons"]) == ("update", ["name changed"])
    shop.apply(*NEXT)
    assert [segment.name for segment in sandbox.segments()] == ["Loyal 2026-11-25"]
    assert shop.plan(*NEXT)["loyal"]["action"] == "unchanged"
    sandbox.change_segment(sandbox.segments()[0].id, name="Theirs")
    assert shop.plan(*NEXT)["loyal"]["reasons"] == ["renamed in Criteo"]


def test_another_name_is_not_shipped_by_sync_though_it_names_the_day(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation(name="Loyal {{ today }}")
    shop.apply(*DAY)
    shop.activation(name="Faithful {{ today }}")
    assert "its definition is not the applied one (name changed)" in shop.run("sync", *NEXT, code=7).out
    assert [segment.name for segment in sandbox.segments()] == ["Loyal 2026-11-24"]


def test_a_source_of_a_file_a_day_is_the_same_source_every_day(shop: Shop, sandbox: Sandbox) -> None:
    source = (shop.folder / "activations/shop.yaml").read_text()
    shop.write("activations/shop.yaml", source.replace("data/people.csv", "data/{{ today }}.csv"))
    people = shop.folder / "data/people.csv"
    shutil.copy(people, people.with_name("2026-11-24.csv"))
    shop.activation()
    shop.apply(*DAY)
    shop.people(mail(2, 3, 4))
    shutil.copy(people, people.with_name("2026-11-25.csv"))
    assert "skipped" not in shop.run("sync", *NEXT).out
    assert sandbox.members(sandbox.segments()[0].id, "email") == hashes(2, 3, 4)
    shop.write("activations/shop.yaml", source.replace("data/people.csv", "data/./../data/people.csv"))
    assert "its definition is not the applied one (SQL changed)" in shop.run("sync", *NEXT, code=7).out
