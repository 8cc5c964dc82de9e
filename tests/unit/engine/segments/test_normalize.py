from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.identifiers import IdentifierType
from runner.engine.interface import AS_GIVEN, BLANK, MappedColumn, reasons
from runner.engine.memberships.set_algebra import as_sent, wire_text
from runner.engine.segments.normalize import wire_select
from tests.plain_duckdb import plain
from tests.unit.engine import naive

CONNECTION = plain()

AWKWARD = st.text(
    st.sampled_from(
        [
            *naive.BLANKS,
            *"İıΣςßẞǅ😀é@.'\"\\%_-+()/:;<>,",
            "\x00",
            "\x7f",
            "\x85",
            "\u200d",
            "\u00ad",
            "٣",
            "a",
            "Z",
            "0",
            "7",
        ]
    )
    | st.characters(exclude_categories=["Cs"]),
    max_size=20,
)
HEX = st.text(st.sampled_from("0123456789abcdefABCDEF"), min_size=30, max_size=66)
ADDRESS = st.builds(
    "{0}{1}@{2}.{3}{4}".format,
    AWKWARD,
    st.text(string.ascii_letters + ".+-_", max_size=8),
    AWKWARD | st.text(string.ascii_letters + ".-", max_size=8),
    st.sampled_from(["com", "FR", "c", "рф", "xn--p1ai", "xn--", "c0m", "co.uk", ""]),
    st.sampled_from(["", " ", "\u00a0", "\r\n", "\u200b", "."]),
)
NUMBER = st.builds(
    "{0}{1}{2}{3}".format,
    st.sampled_from(["", "+", "00", " +", "(", "0"]),
    st.text(string.digits + " -.()/\u00a0", max_size=22),
    st.sampled_from(["", "(0)", "( 0 )", ".0", ".00", "x"]),
    st.text(string.digits + " ", max_size=12),
)
UUID = st.builds(
    lambda uuid, pad, up: pad + (str(uuid).upper() if up else str(uuid)) + pad, st.uuids(), AWKWARD, st.booleans()
)
BLANKS = st.text(st.sampled_from(naive.BLANKS), max_size=3) | st.sampled_from(["", " ", "  ", "\r\n", "\x00", "\u0301"])
UNTIDY = st.builds(
    lambda before, text, change, after: before + change(text) + after,
    BLANKS,
    st.from_regex(r"[0-9A-Za-z._+-]{1,9}@([0-9A-Za-z-]{1,5}\.){1,2}[A-Za-z]{1,4}", fullmatch=True)
    | st.from_regex(r"\+?[0-9]{6,16}", fullmatch=True)
    | st.uuids().map(str)
    | HEX,
    st.sampled_from(
        [str, str.upper, str.title, lambda text: text.replace("i", "\u0130"), lambda text: text.replace("k", "\u212a")]
    ),
    BLANKS,
)
"""What is valid but for its ends and its capitals, most of the time."""
LONG = st.builds(lambda text, times: text * times, AWKWARD, st.integers(1, 90) | st.just(9_000))
VALUES = st.lists(st.none() | AWKWARD | HEX | ADDRESS | NUMBER | UUID | UNTIDY | LONG, min_size=8, max_size=25)
"""Several at a time: it is the statement that takes time, and not what it is about."""


def lower(text: str) -> str:
    [(lowered,)] = CONNECTION.execute("select lower($1)", [text]).fetchall()
    return str(lowered)


def outcomes(identifier_type: IdentifierType, values: list[str | None]) -> list[naive.Outcome]:
    """What the engine makes of each value."""
    query = wire_select({MappedColumn(identifier_type): "value"}, "(select unnest($1::varchar[]) as value)")
    text = wire_text(identifier_type, str(identifier_type))
    rows = CONNECTION.execute(f"select {text}, {identifier_type}_kind from ({query})", [values]).fetchall()
    why = reasons(identifier_type)
    return [
        ("blank", "")
        if kind == BLANK
        else ("rejected", why[kind])
        if kind > AS_GIVEN
        else ("wire", as_sent(identifier_type, wire))
        for wire, kind in rows
    ]


@pytest.mark.parametrize("identifier_type", IdentifierType)
@settings(max_examples=70)
@given(values=VALUES)
def test_the_engine_agrees_with_the_rules_written_down_naively(
    identifier_type: IdentifierType, values: list[str | None]
) -> None:
    assert outcomes(identifier_type, values) == [naive.outcome(identifier_type, value, lower) for value in values]


PLAIN: dict[IdentifierType, str] = {
    IdentifierType.EMAIL: "a@b.com",
    IdentifierType.PHONE_NUMBER: "33612345678",
    IdentifierType.MOBILE_AD_ID: "cdda802e-fb9c-47ad-9866-0794d394c912",
}


@pytest.mark.parametrize("identifier_type", IdentifierType)
def test_each_character_at_an_end_or_inside_is_judged_by_the_rules(identifier_type: IdentifierType) -> None:
    value = PLAIN.get(identifier_type, "XY1999")
    characters = map(
        chr, (*range(0x600), *range(0x1600, 0x1700), *range(0x1FF0, 0x2150), 0x3000, 0x3001, 0xFEFF, 0xFF21)
    )
    values = [
        text
        for one in characters
        for text in (one + value, value + one, f"{one}{value} ", f" {value}{one}", one * 2, value[:1] + one + value[1:])
    ]
    rows = CONNECTION.execute("select v, lower(v) from (select unnest($1::varchar[]) v)", [values]).fetchall()
    lowered = {given.strip(naive.BLANKS): low.strip(naive.BLANKS) for given, low in rows}

    found = outcomes(identifier_type, list(values))

    expected = [naive.outcome(identifier_type, one, lowered.__getitem__) for one in values]
    assert [case for case in zip(values, found, expected, strict=True) if case[1] != case[2]] == []


def test_clear_and_hashed_values_of_one_person_are_one_member() -> None:
    hashed = "375320DD9AE7ED408002F3768E16CB5F28C861062FD50DFF9A3BFF62E9DCE4EF"

    clear, kept = outcomes(IdentifierType.EMAIL, [" John.Doe@gmail.com", hashed])

    assert clear == kept == ("wire", hashed.lower())


def test_columns_that_are_not_text_are_read_as_text() -> None:
    query = wire_select({MappedColumn(IdentifierType.PHONE_NUMBER): "number"}, "(select 33612345678::bigint as number)")

    [(_, kind)] = CONNECTION.execute(query).fetchall()

    assert reasons(IdentifierType.PHONE_NUMBER).get(kind) is None
    assert kind != BLANK
