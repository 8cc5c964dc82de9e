"""Which type of DuckDB's a column has, going by the values that a test gives it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from runner.core.sql_quoting import quoted

ZONED = "TIMESTAMP WITH TIME ZONE"
UNKNOWN = "NULL"
"""Of a column without any value: DuckDB takes its nulls for whatever is asked for."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?")
_ZONED = re.compile(_TIME.pattern + r" ?(Z|[+-]\d{2}(:?\d{2})?)")

_WIDER = {
    frozenset({"BIGINT", "DOUBLE"}): "DOUBLE",
    frozenset({"BIGINT", "HUGEINT"}): "HUGEINT",
    frozenset({"HUGEINT", "DOUBLE"}): "DOUBLE",
    frozenset({"DATE", "TIMESTAMP"}): "TIMESTAMP",
    frozenset({"DATE", ZONED}): ZONED,
    frozenset({"TIMESTAMP", ZONED}): ZONED,
}
"""The type that holds the values of two; text holds those of all others."""


def type_of(values: Iterable[Any]) -> str:
    """The type that all of these values are of; text that is a date, or a time, is one."""
    found = UNKNOWN
    for value in values:
        found = _common(found, _type(value))
    return found


def _type(value: Any) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "BIGINT" if -(2**63) <= value < 2**63 else "HUGEINT"
    if isinstance(value, float):
        return "DOUBLE"
    if isinstance(value, list):
        inner = type_of(value)
        return f"{'VARCHAR' if inner == UNKNOWN else inner}[]"
    if isinstance(value, dict):
        fields = ", ".join(f"{quoted(str(name))} {_field(part)}" for name, part in value.items())
        return f"STRUCT({fields})"
    return _of_text(str(value))


def _field(value: Any) -> str:
    found = _type(value)
    return "VARCHAR" if found == UNKNOWN else found


def _of_text(text: str) -> str:
    for pattern, name in ((_DATE, "DATE"), (_TIME, "TIMESTAMP"), (_ZONED, ZONED)):
        if pattern.fullmatch(text):
            return name
    return "VARCHAR"


def _common(one: str, other: str) -> str:
    if UNKNOWN in (one, other):
        return other if one == UNKNOWN else one
    return one if one == other else _WIDER.get(frozenset({one, other}), "VARCHAR")
