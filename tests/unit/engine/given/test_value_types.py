"""The type of a column without a source is that of its values."""

from __future__ import annotations

from typing import Any

import pytest

from runner.engine.given.value_types import type_of


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], "NULL"),
        ([None, None], "NULL"),
        ([1, None], "BIGINT"),
        ([1, 2.5], "DOUBLE"),
        ([1, 2**70], "HUGEINT"),
        ([True], "BOOLEAN"),
        (["a", 1], "VARCHAR"),
        (["2026-11-28"], "DATE"),
        (["2026-11-28", "2026-11-28 10:00"], "TIMESTAMP"),
        (["2026-11-28T10:00:00Z", "2026-11-28 10:00:00.5 +01:00"], "TIMESTAMP WITH TIME ZONE"),
        (["2026-11-28", "soon"], "VARCHAR"),
        ([["a", "b"]], "VARCHAR[]"),
        ([{"a": 1, "b": None}], 'STRUCT("a" BIGINT, "b" VARCHAR)'),
    ],
)
def test_the_type_holds_all_of_them(values: list[Any], expected: str) -> None:
    assert type_of(values) == expected
