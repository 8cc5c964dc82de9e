"""From files to a project. What definitions are recognised by comes from a second project, on a fixed day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from runner.core.project import Activation, Words
from tests.unit.config.projects import ACTIVATION, DEFAULTS, TODAY, codes, findings, project

LATER = date(2026, 12, 24)
SHOP = "kind: Source\nname: shop\ntype: files\ntables: {customers: 'data/{{ today }}.csv'}\n"


def on(day: date, tmp_path: Path, text: str, **more: str) -> Activation:
    [made] = project(tmp_path, a=text, d=DEFAULTS, today=day, **more).activations
    return made


def test_words_without_a_day_are_kept_once(tmp_path: Path) -> None:
    assert on(TODAY, tmp_path, ACTIVATION + "description: of {{ 1 + 1 }}\n").any_day is None


def test_words_with_a_day_are_kept_for_the_fixed_day_too(tmp_path: Path) -> None:
    made = on(TODAY, tmp_path, ACTIVATION + "name: Loyal {{ today }}\n")
    assert (made.name, made.any_day) == ("Loyal 2026-11-24", Words("Loyal 2000-01-01", ""))


def test_a_name_that_speaks_of_the_segment_has_the_day_of_its_name(tmp_path: Path) -> None:
    text = ACTIVATION.replace("name: Loyal", "name: 'Loyal {{ today }}'") + "description: '{{ segment.name }}!'\n"
    assert on(TODAY, tmp_path, text).any_day == Words("Loyal 2000-01-01", "Loyal 2000-01-01!")


@pytest.mark.parametrize(
    ("old", "new"),
    [("select email", "select email, '{{ today }}'"), ("sql: ", "file: loyal.sql #")],
    ids=["in the YAML", "in a file"],
)
def test_the_fingerprint_of_a_segment_is_the_same_on_every_day(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "activations").mkdir()
    (tmp_path / "activations/loyal.sql").write_text("select email from shop.customers where d < '{{ today }}'")
    text = ACTIVATION.replace(old, new)
    today, later = (on(day, tmp_path, text, s=SHOP).segment for day in (TODAY, LATER))
    assert today.sql.text != later.sql.text
    assert today.fingerprint == later.fingerprint


def test_a_variable_may_name_the_day(tmp_path: Path) -> None:
    since = "kind: Project\nvars: {since: 'since {{ today }}'}\n"
    made = on(TODAY, tmp_path, ACTIVATION + "description: \"{{ var('since') }}\"\n", p=since)
    assert (made.description, made.any_day) == ("since 2026-11-24", Words("Loyal", "since 2000-01-01"))


def test_a_template_that_fails_on_the_fixed_day_alone_is_a_finding(tmp_path: Path) -> None:
    text = ACTIVATION + "description: '{{ 1 // (today.year - 2000) }}'\n"
    [finding] = findings(tmp_path, a=text, d=DEFAULTS)
    assert (finding.code, finding.location.line) == ("template-failed", 6)


def test_what_cannot_be_declared_on_the_fixed_day_is_valid_and_recognised_by_today(tmp_path: Path) -> None:
    text = ACTIVATION + "name: '{% if today.year - 2000 %}Loyal{% endif %}'\n"
    assert codes(tmp_path, a=text, d=DEFAULTS) == []
    assert on(TODAY, tmp_path, text).any_day is None


def test_several_documents_share_a_file_and_a_segment_is_shared_by_its_name(tmp_path: Path) -> None:
    segment = "kind: Segment\nname: Loyal\ndescription: Ten baskets\nsql: select email from shop.customers\n"
    first = "kind: Activation\nid: b\nsegment: Loyal\n"
    second = "kind: Activation\nid: a\nsegment: Loyal\nname: '{{ segment.name }} ({{ var(\"country\") }})'\n"
    variables = "kind: Project\nvars: {country: FR}\n"
    found = project(tmp_path, all="\n---\n".join([variables, DEFAULTS, segment, first, second]))
    assert [(a.id, a.name, a.description) for a in found.activations] == [
        ("a", "Loyal (FR)", "Ten baskets"),
        ("b", "Loyal", "Ten baskets"),
    ]
    assert found.activations[0].segment == found.activations[1].segment == found.segments[0]
