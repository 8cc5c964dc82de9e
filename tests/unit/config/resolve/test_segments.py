"""A segment's SQL: where its lines stand in the file, and what its fingerprint tells apart."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from runner.core.project import SqlText
from tests.unit.config.projects import ACTIVATION, DEFAULTS, activation, codes, project

INTRO = "kind: Activation\nid: loyal\nsegment:\n  name: Loyal\n"


def place(sql: SqlText, line: int, column: int) -> tuple[int, int]:
    offset = sum(len(before) + 1 for before in sql.text.split("\n")[: line - 1]) + column - 1
    location = sql.place(offset).location
    return location.line, location.column


def place_of(sql: SqlText, part: str) -> tuple[int, int, str]:
    """Where a part of the SQL that runs was written: line and column, and what stands there."""
    found = sql.place(sql.text.index(part), len(part))
    start = found.location.column - 1
    return found.location.line, found.location.column, found.excerpt[start : start + found.length]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("  sql: |\n    select\n      email\n", (7, 7)),
        ("  sql: |  # a comment\n    select\n      email\n", (7, 7)),
        ("  sql: |2-\n      select\n      email\n", (7, 5)),
    ],
)
def test_a_line_of_a_block_is_a_line_of_the_file(tmp_path: Path, written: str, expected: tuple[int, int]) -> None:
    sql = activation(tmp_path, INTRO + written).segment.sql
    column = len(sql.text.split("\n")[1]) - len("email") + 1
    lines = (tmp_path / "activations/a.yaml").read_text().split("\n")
    line, at = place(sql, 2, column)
    assert line == expected[0]
    assert lines[line - 1][at - 1 :].startswith("email")


@pytest.mark.parametrize("written", ["select email", "'select email'", '"select email"'])
def test_sql_on_the_line_of_its_key_is_found_there(tmp_path: Path, written: str) -> None:
    sql = activation(tmp_path, f"{INTRO}  sql: {written}\n").segment.sql
    line, column = place(sql, 1, 8)
    assert (tmp_path / "activations/a.yaml").read_text().split("\n")[line - 1][column - 1 :].startswith("email")


@pytest.mark.parametrize("written", [">\n    select\n    email\n", "select\n    email\n", '"select\\nemail"\n'])
def test_folded_or_escaped_sql_is_only_traced_to_its_start(tmp_path: Path, written: str) -> None:
    sql = activation(tmp_path, f"{INTRO}  sql: {written}").segment.sql
    assert not sql.exact
    assert place(sql, 2, 3) == place(sql, 1, 1)


def test_what_stands_behind_a_template_is_found_where_it_was_written(tmp_path: Path) -> None:
    written = "  sql: |\n    select email\n    where d < '{{ today }}' and nope\n"
    sql = activation(tmp_path, INTRO + written).segment.sql
    assert sql.text == "select email\nwhere d < '2026-11-24' and nope\n"
    assert place_of(sql, "nope") == (7, 33, "nope")
    assert sql.place(sql.text.index("nope")).excerpt == "    where d < '{{ today }}' and nope"


def test_what_a_template_gave_is_found_at_that_template(tmp_path: Path) -> None:
    written = "  sql: |\n    select {{ var('a') }}, {{ var('b') }} from t\n"
    sql = activation(tmp_path, INTRO + written, var={"a": "email", "b": "nope"}).segment.sql
    assert place_of(sql, "nope") == (6, 28, "{{ var('b') }}")
    assert place_of(sql, "email, nope") == (6, 12, "{{ var('a') }}, {{ var('b') }}")


@pytest.mark.parametrize(
    "written",
    [
        "{% for n in range(3) %}or {{ n }}\n    {% endfor %}\n    nope",
        "{%- if today -%}\n    or\n    {%- endif -%}\n    nope",
        "{% if not today %}\n    nope {% else %}or {% endif %} nope",
        "{# nope #} {% raw %}{{ nope }}{% endraw %}{% set nope = 'nop' %} 'nope'",
    ],
)
def test_a_template_that_adds_or_takes_lines_keeps_the_places(tmp_path: Path, written: str) -> None:
    text = f"{INTRO}  sql: |\n    select email\n    {written}\n"
    sql = activation(tmp_path, text).segment.sql
    line, column, found = place_of(sql, "nope")
    assert found == "nope"
    lines = text.split("\n")
    assert lines[line - 1][column - 1 :].startswith("nope")
    assert sql.place(sql.text.index("nope")).excerpt == lines[line - 1]


def test_sql_of_very_many_pieces_is_only_traced_to_its_start(tmp_path: Path) -> None:
    loop = "{% for a in range(100) %}{% for b in range(100) %}, {{ b }}{% endfor %}{% endfor %}"
    sql = activation(tmp_path, f"{INTRO}  sql: |\n    select email{loop} nope\n").segment.sql
    assert place(sql, 1, 1) == (6, 5)
    assert sql.place(sql.text.index("nope")).location == sql.place(0).location


def test_sql_in_a_file_is_traced_to_that_file(tmp_path: Path) -> None:
    (tmp_path / "activations").mkdir()
    (tmp_path / "activations/loyal.sql").write_text("select email\nfrom shop.customers\n")
    sql = activation(tmp_path, INTRO + "  file: loyal.sql\n").segment.sql
    assert Path(sql.file).name == "loyal.sql"
    assert place(sql, 2, 6) == (2, 6)


def test_a_link_cannot_bring_sql_in_from_outside(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("select 1")
    (tmp_path / "repo/activations").mkdir(parents=True)
    (tmp_path / "repo/activations/loyal.sql").symlink_to(tmp_path / "secret")
    assert codes(tmp_path / "repo", a=INTRO + "  file: loyal.sql\n", d=DEFAULTS) == ["outside-project"]


def test_the_fingerprint_changes_with_text_and_variables_but_not_with_the_day(tmp_path: Path) -> None:
    text = ACTIVATION.replace("shop.customers", "shop.customers where d < '{{ today }}' and n > {{ var('n') }}")

    def fingerprint(text: str, n: str = "1", day: int = 1) -> str:
        found = project(tmp_path, a=text, d=DEFAULTS, var={"n": n}, today=date(2026, 1, day))
        return found.activations[0].segment.fingerprint

    assert fingerprint(text) == fingerprint(text, day=2)
    assert fingerprint(text) != fingerprint(text, n="2")
    assert fingerprint(text) != fingerprint(text.replace("email", "mail"))
    assert len(fingerprint(text)) == 64
