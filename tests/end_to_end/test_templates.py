"""Templates and the environment as a user meets them: what works, what is refused, and what is never shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.shop import Shop
from tests.unit.config.templates.hostile import HOSTILE

SECRET = "s3cr3t-of-the-machine"
LIMIT = 700 * 1024
"""Kilobytes of address space for a whole command."""


def test_an_audience_can_depend_on_what_a_variable_is(shop: Shop) -> None:
    shop.write("activations/project.yaml", "kind: Project\nvars: {market: {code: FR, people: [1, 2]}}\n")
    shop.activation(
        sql="select email from shop.people where kind <> 'canary'"
        "{% if var('market').code == 'FR' %} and email in ("
        "{% for n in var('market')['people'] %}{{ ', ' if not loop.first else '' }}'person-{{ n }}@shop.example'"
        "{% endfor %}){% endif %}"
    )
    assert shop.plan()["loyal"]["members"][0]["added"] == 2


def test_what_is_wrong_behind_a_template_is_shown_where_it_was_written(shop: Shop) -> None:
    shop.write(
        "activations/loyal.yaml",
        "kind: Activation\nid: loyal\nsegment:\n  name: Loyal\n  sql: |\n    select email from shop.people\n"
        "    where '{{ today }}' > '2000-01-01' and knd <> 'canary'\n",
    )
    told = shop.run("validate", "--today", "2026-11-24", code=3).err
    assert "loyal.yaml:7:44: error[sql-unknown-column]" in told
    assert "   7 |     where '{{ today }}' > '2000-01-01' and knd <> 'canary'\n" in told
    assert "2026-11-24" not in told


@pytest.mark.parametrize("name", ["SHOP_SECRET", "CRITEO_CLIENT_SECRET", "HEADCOUNT_ENV_SECRET", "HEADCOUNT_STATE_KEY"])
@pytest.mark.parametrize(
    "document",
    [
        "kind: Source\nname: crm\ntype: files\ntables: {t: \"../data/{{ env('NAME') }}.csv\"}\n",
        "kind: Source\nname: crm\ntype: duckdb\npath: \"{{ env('NAME') }}\"\n",
        "kind: Project\nstate: \"s3://{{ env('NAME') }}/x\"\n",
        "kind: Project\nvars: {x: \"{{ env('NAME') }}\"}\n",
    ],
)
def test_a_new_file_cannot_show_what_the_environment_holds(shop: Shop, name: str, document: str) -> None:
    shop.activation(description="{{ var('x', 'without') }}")
    shop.write("activations/new.yaml", document.replace("NAME", name))
    for command in (("validate",), ("plan",), ("plan", "--format", "json"), ("status",)):
        done = shop.run(*command, code=3, **{name: SECRET, "HEADCOUNT_ENV": "SHOP_SECRET"})
        assert SECRET not in done.out + done.err
        assert "new.yaml" in done.out + done.err


def test_only_what_needs_a_variable_fails_where_it_is_not_set(shop: Shop) -> None:
    shop.activation()
    shop.run("apply", "--yes")
    without = {"CRITEO_CLIENT_SECRET": ""}
    for command in (("validate", "--no-sources"), ("validate",), ("status",), ("history",)):
        shop.run(*command, code=0, **without)
    done = shop.run("plan", code=3, **without)
    assert "CRITEO_CLIENT_SECRET" in done.out + done.err


def test_a_hostile_project_is_validated_within_little_memory(tmp_path: Path) -> None:
    folder = tmp_path / "activations"
    folder.mkdir()
    worst = [name for name in HOSTILE if "shares" in name or "number of a hundred" in name or "long text s" in name]
    for number, name in enumerate(worst):
        (folder / f"{number}.sql").write_text(HOSTILE[name])
        document = f"kind: Segment\nname: s{number}\nfile: {number}.sql\n"
        (folder / f"{number}.yaml").write_text(document)
    command = f"ulimit -v {LIMIT}; exec '{sys.executable}' -m runner validate --no-sources"
    done = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr[-2000:]
    assert done.stderr.count("error[template-") == len(worst)
