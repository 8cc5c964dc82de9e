"""Every engine brings the values of wire_forms.json to the wire forms written there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.core.identifiers import IdentifierType
from runner.engine.segments.normalize import BLANK, reasons, wire_select, wire_text
from tests.plain_duckdb import plain

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("wire_forms.json").read_text())


def expectation(case: dict[str, Any]) -> tuple[str, str]:
    """The outcome that a case states: blank, rejected and why, or the wire form."""
    if case.get("blank"):
        return "blank", ""
    return ("rejected", case["rejected"]) if "rejected" in case else ("wire", case["wire"])


def outcomes(identifier_type: IdentifierType, values: list[str | None]) -> list[tuple[str, str]]:
    """What DuckDB makes of the values, in one statement."""
    connection = plain()
    connection.execute("create temp table given as select unnest($1::varchar[]) as value", [values])
    query = wire_select({identifier_type: "value"}, "given")
    rows = connection.execute(
        f"select {wire_text(identifier_type, str(identifier_type))}, {identifier_type}_kind from ({query})"
    ).fetchall()
    why = reasons(identifier_type)
    return [
        ("blank", "") if kind == BLANK else ("rejected", why[kind]) if kind in why else ("wire", text)
        for text, kind in rows
    ]


@pytest.mark.parametrize("identifier_type", IdentifierType)
def test_values_come_out_as_the_conformance_file_says(identifier_type: IdentifierType) -> None:
    cases = [case for case in CASES if case["type"] == identifier_type]

    found = outcomes(identifier_type, [case["input"] for case in cases])

    wrong = [(case, result) for case, result in zip(cases, found, strict=True) if result != expectation(case)]
    assert wrong == []
    assert len(cases) > 10


def test_the_conformance_file_says_each_thing_once() -> None:
    seen = [(case["type"], case["input"]) for case in CASES]
    assert len(seen) == len(set(seen)) > 80
