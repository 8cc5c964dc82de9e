"""Every evaluator brings the values of wire_forms.json to the wire forms written there, in the layout it must write."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from runner.core.findings import Location
from runner.core.identifiers import IdentifierType
from runner.core.membership import Evaluation
from runner.core.project import Segment, SqlText
from runner.engine.fingerprint_sql import RULES
from runner.engine.interface import AS_GIVEN, BLANK, REJECTED, SegmentEvaluator, reasons
from runner.sources.files import FilesSource
from tests import builders
from tests.conformance.evaluators import EVALUATORS
from tests.plain_duckdb import plain

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("wire_forms.json").read_text())


@dataclass(frozen=True)
class Row:
    """One row of an evaluation: its columns of one type."""

    wire: bytes | None
    kind: int


@pytest.fixture(params=EVALUATORS)
def evaluator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SegmentEvaluator]:
    with EVALUATORS[request.param](tmp_path / "scratch") as one:
        yield one


def evaluate(
    evaluator: SegmentEvaluator, folder: Path, identifier_type: IdentifierType, values: list[str | None]
) -> tuple[Evaluation, list[Row]]:
    """The evaluation of a segment of these values, and its rows in their order, which another mapped type carries."""
    path = folder / "given.parquet"
    connection = plain()
    connection.execute(
        "create temp table given as select unnest($1::varchar[]) as value, unnest($2::integer[]) as row",
        [values, list(range(len(values)))],
    )
    connection.execute(f"copy given to '{path}'")
    numbered = next(kind for kind in (IdentifierType.CUSTOMER_ID, IdentifierType.GUM_ID) if kind != identifier_type)
    where = Location("sources.yaml", 3, 1)
    source = FilesSource("shop", "files", where, {"given": (str(path),)}, {"given": where})
    segment = Segment("Given", "", SqlText("select value, row from shop.given", "a.yaml", 5, 4), "f" * 64, where)
    activation = builders.activation(segment=segment, mapping={identifier_type: "value", numbered: "row"})
    evaluation = evaluator.evaluate(activation, (source,))
    rows = connection.execute(
        f"select {identifier_type}, {identifier_type}_kind from '{evaluation.path}' "
        f"order by decode({numbered})::integer"
    ).fetchall()
    return evaluation, [Row(*row) for row in rows]


def text(identifier_type: IdentifierType, wire: bytes) -> str:
    """The bytes of a wire form as the text that goes into a call."""
    if identifier_type in (IdentifierType.EMAIL, IdentifierType.PHONE_NUMBER):
        return wire.hex()
    return str(UUID(bytes=wire)) if identifier_type is IdentifierType.MOBILE_AD_ID else wire.decode()


def outcome(identifier_type: IdentifierType, row: Row) -> tuple[str, str]:
    if row.kind == BLANK:
        return "blank", ""
    if row.kind >= REJECTED:
        return "rejected", reasons(identifier_type)[row.kind]
    return "wire", "" if row.wire is None else text(identifier_type, row.wire)


def expectation(case: dict[str, Any]) -> tuple[str, str]:
    """The outcome that a case states: blank, rejected and why, or the wire form."""
    if case.get("blank"):
        return "blank", ""
    return ("rejected", case["rejected"]) if "rejected" in case else ("wire", case["wire"])


@pytest.mark.parametrize("identifier_type", IdentifierType)
def test_values_come_out_as_the_conformance_file_says(
    evaluator: SegmentEvaluator, tmp_path: Path, identifier_type: IdentifierType
) -> None:
    cases = [case for case in CASES if case["type"] == identifier_type]

    _, rows = evaluate(evaluator, tmp_path, identifier_type, [case["input"] for case in cases])

    found = [outcome(identifier_type, row) for row in rows]
    wrong = [(case, result) for case, result in zip(cases, found, strict=True) if result != expectation(case)]
    assert wrong == []
    assert len(cases) > 10


@pytest.mark.parametrize("identifier_type", IdentifierType)
def test_the_counts_of_an_evaluation_are_those_of_its_file(
    evaluator: SegmentEvaluator, tmp_path: Path, identifier_type: IdentifierType
) -> None:
    values = [case["input"] for case in CASES if case["type"] == identifier_type] * 2

    evaluation, rows = evaluate(evaluator, tmp_path, identifier_type, values)

    kinds = Counter(row.kind for row in rows)
    why = reasons(identifier_type)
    assert evaluation.rows == len(rows) == len(values)
    assert evaluation.blank[identifier_type] == kinds[BLANK]
    rejected = {one.reason: one for one in evaluation.rejected if one.identifier_type is identifier_type}
    assert {reason: one.count for reason, one in rejected.items()} == {
        why[kind]: count for kind, count in kinds.items() if kind >= REJECTED
    }


@pytest.mark.parametrize("identifier_type", IdentifierType)
def test_a_row_has_a_wire_form_or_is_blank_or_is_rejected(
    evaluator: SegmentEvaluator, tmp_path: Path, identifier_type: IdentifierType
) -> None:
    values = [case["input"] for case in CASES if case["type"] == identifier_type]

    _, rows = evaluate(evaluator, tmp_path, identifier_type, values)

    for row in rows:
        assert (row.wire is not None) == (BLANK < row.kind <= AS_GIVEN)


def test_the_conformance_file_says_each_thing_once() -> None:
    seen = [(case["type"], case["input"]) for case in CASES]
    assert len(seen) == len(set(seen)) > 80


def test_what_comes_of_a_text_has_a_version() -> None:
    """Fingerprints stand for wire forms: where one changes, RULES grows. Values added need a new digest alone."""
    results = sorted((case["type"], str(case["input"]), str(case.get("wire"))) for case in CASES)
    digest = sha256(json.dumps(results).encode()).hexdigest()[:16]
    assert (RULES, digest) == (1, "85358903be0304a3")
