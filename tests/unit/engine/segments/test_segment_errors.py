"""Findings point into the file that holds the SQL."""

from __future__ import annotations

import pytest

from runner.core.errors import SegmentError
from runner.core.findings import Location
from runner.core.identifiers import IdentifierType
from runner.core.project import Setting, SqlText
from tests.unit.engine.conftest import MAPPING, World, activation

EMAIL = IdentifierType.EMAIL


def test_an_unknown_column_is_found_in_a_block_of_yaml(people: World) -> None:
    [finding] = people.check(SqlText("select n,\n  emal as email\nfrom shop.people", "a.yaml", 7, 4))

    assert finding.location == Location("a.yaml", 8, 7)
    assert finding.message == 'there is no column "emal"; did you mean "email"?'
    assert (finding.excerpt, finding.length) == ("      emal as email", 4)
    assert finding.hint == "write email"


def test_who_puts_a_text_in_double_quotes_learns_what_takes_them(people: World) -> None:
    [finding] = people.check(SqlText('select email from shop.people where email = "gold"', "a.yaml", 7, 4))

    assert finding.message == 'there is no column "gold"'
    assert finding.hint.endswith("where a text is meant and no column, put it in single quotes")


def test_an_unknown_column_is_found_in_an_sql_file(people: World) -> None:
    [finding] = people.check(SqlText("-- é\nselect 'é', emal as email from shop.people", "segments/a.sql", 1))

    assert finding.location == Location("segments/a.sql", 2, 13)


def test_sql_that_a_template_rearranged_is_found_at_its_start(people: World) -> None:
    text = SqlText("select 1,\n emal as email from shop.people", "a.yaml", 7, 4, exact=False)

    [finding] = people.check(text)

    assert finding.location == Location("a.yaml", 7, 5)
    assert finding.excerpt == ""


@pytest.mark.parametrize(
    ("sql", "code", "message", "column"),
    [
        ("selct email", "sql-syntax", 'syntax error at or near "selct"', 1),
        ("select email form shop.people", "sql-syntax", 'syntax error at or near "shop"', 19),
        ("select 'open", "sql-syntax", "a string has no closing quote", 8),
        ("select uper(email) as email from shop.people", "sql-unknown-function", 'did you mean "upper"?', 8),
        (
            "select email from shop.people where email - interval 90 days > date '2026-01-01'",
            "sql-error",
            'the operator "-" does not take (text, interval)',
            43,
        ),
        ("select upper(email, 1) as email from shop.people", "sql-error", "does not take (text, integer)", 8),
        ("select p.email from shop.people p, shop.people q where n = 1", "sql-error", "ambiguous", 56),
        ("select email, sum(n) from shop.people", "sql-error", "GROUP BY", 8),
        ("select email::nope as email from shop.people", "sql-error", "nope", 15),
    ],
)
def test_errors_of_binding_are_told_in_one_line_at_their_column(
    people: World, sql: str, code: str, message: str, column: int
) -> None:
    [finding] = people.check(SqlText(sql, "a.sql", 1))

    assert finding.code == code
    assert message in finding.message
    assert "\n" not in finding.message
    assert "candidates" not in finding.message.lower()
    assert finding.location.column == column


def test_a_mapped_column_that_is_missing_is_found_at_its_mapping(people: World) -> None:
    made = activation("select email from shop.people", {EMAIL: "emial"})
    [finding] = people.engine.evaluator.check(made, people.sources)
    assert finding.location == MAPPING
    assert finding.code == "mapping-unknown-column"
    assert finding.message == 'the SQL yields no column "emial"; did you mean "email"?'
    assert finding.hint == "map one that it yields: email"


def test_a_mapping_of_the_destinations_defaults_is_found_there(people: World) -> None:
    from dataclasses import replace

    there = Location("destination.yaml", 12, 14)
    made = replace(activation("select n from shop.people"), settings=(Setting("mapping.email", "email", there),))

    [finding] = people.engine.evaluator.check(made, people.sources)

    assert finding.location == there


def test_a_mapped_column_that_occurs_twice_is_a_finding(people: World) -> None:
    [finding] = people.check("select email, email from shop.people")

    assert finding.code == "mapping-ambiguous-column"
    assert 'yields 2 columns called "email"' in finding.message


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        *((number, "where it holds whole numbers, cast it to hugeint") for number in ("1.5", "1.5::double")),
        ("'x'::blob", "write it as text in the SQL: lower(hex(...))"),
        *((several, "name the one value in it that is the identifier") for several in ("['x']", "{'a': 'x'}", "map()")),
        *((other, "map the column that holds the email") for other in ("true", "now()", "date '2025-01-01'")),
    ],
)
def test_a_column_of_a_type_that_holds_no_identifier_is_a_finding(people: World, expression: str, hint: str) -> None:
    [finding] = (one for one in people.check(f"select {expression} as email") if not one.is_warning)

    assert finding.code == "mapping-column-type"
    assert finding.hint.startswith(hint)


def test_every_column_that_does_not_fit_is_told(people: World) -> None:
    found = people.check("select n from shop.people", {EMAIL: "a", IdentifierType.PHONE_NUMBER: "b"})

    assert [finding.code for finding in found] == ["mapping-unknown-column"] * 2


def test_checking_reads_no_rows(people: World) -> None:
    assert people.check("select error(email) as email from shop.people") == ()


def test_evaluating_what_does_not_bind_raises_the_first_finding(people: World) -> None:
    with pytest.raises(SegmentError) as caught:
        people.evaluate("select emal as email from shop.people")

    assert caught.value.finding == people.check("select emal as email from shop.people")[0]
    assert caught.value.message == caught.value.finding.message
