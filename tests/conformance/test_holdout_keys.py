"""Every engine holds out the same people: what a key of holdout_keys.json counts as, and what is decided by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from runner.core.findings import Location
from runner.core.holdout import Holdout
from runner.core.identifiers import IdentifierType
from runner.core.project import Activation, Segment, SqlText
from runner.core.sql_quoting import literal
from runner.engine.interface import HELD_OUT, KEYLESS, SegmentEvaluator
from runner.sources.files import FilesSource
from tests import builders
from tests.conformance.evaluators import EVALUATORS
from tests.plain_duckdb import plain

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("holdout_keys.json").read_text(encoding="utf-8"))
HERE = Location("a.yaml", 5, 1)
SHARES = (Fraction(1, 10), Fraction(1, 2), Fraction(999, 1000))


@pytest.fixture(params=EVALUATORS)
def evaluator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SegmentEvaluator]:
    with EVALUATORS[request.param](tmp_path / "scratch") as one:
        yield one


def is_held_out(key: str, share: Fraction) -> bool:
    return int(sha256(f"it's q4:{key}".encode()).hexdigest()[:15], 16) < share * 16**15


def segment_of(folder: Path, key: str | None, column_type: str, share: Fraction) -> tuple[Activation, FilesSource]:
    """An activation over one person with the key, which the SQL yields as the type."""
    path = folder / "given.parquet"
    given = "null" if key is None else literal(key)
    plain().execute(f"copy (select {given}::varchar as id, 'ann@shop.example' as email) to '{path}'")
    source = FilesSource("shop", "files", HERE, {"given": (str(path),)}, {"given": HERE})
    sql = f"select cast(id as {column_type}) as id, email from shop.given"
    segment = Segment("Given", "", SqlText(sql, "a.yaml", 5, 4), "f" * 64, HERE)
    chosen = Holdout(share, "id", "it's q4", HERE)
    mapping = {IdentifierType.EMAIL: "email"}
    return builders.activation(segment=segment, mapping=mapping, holdout=chosen), source


EVERY = [pytest.param(case, kind, id=f"{case['key']!r} {kind}") for case in CASES for kind in case["types"]]


@pytest.mark.parametrize(("case", "column_type"), EVERY)
def test_a_key_decides_by_what_it_counts_as(
    evaluator: SegmentEvaluator, tmp_path: Path, case: dict[str, Any], column_type: str
) -> None:
    share = SHARES[len(str(case["key"])) % len(SHARES)]
    activation, source = segment_of(tmp_path, case["key"], column_type, share)

    evaluation = evaluator.evaluate(activation, (source,))
    choice = evaluator.choose(activation, (source,))

    key = case["counts_as"]
    held = key is not None and is_held_out(key, share)
    assert (evaluation.rows, evaluation.held_out, evaluation.without_key) == (1, held, key is None)
    assert evaluation.people == (key is not None and not held)
    [(wire, kind)] = plain().execute(f"select email, email_kind from '{evaluation.path}'").fetchall()
    assert (wire is None) == (held or key is None)
    assert (kind == HELD_OUT, kind == KEYLESS) == (held, key is None)
    assert (choice.keys, choice.held_out, choice.without_key) == (int(key is not None), held, key is None)
    assert plain().execute(f"select * from '{choice.path}'").fetchall() == ([] if key is None else [(key, held)])


def test_both_decisions_are_among_the_cases() -> None:
    found = {
        is_held_out(case["counts_as"], SHARES[len(str(case["key"])) % len(SHARES)])
        for case in CASES
        if case["counts_as"] is not None
    }
    assert found == {True, False}
