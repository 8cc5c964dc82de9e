"""What makes a segment yield other people in each run though its data and its SQL are the same: a warning, each with
what to write instead. People would come and go in the audience for no reason, and nobody could say why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from runner.core.sql_quoting import folded
from runner.engine.segments.sql_functions import CHANCE, NOW
from runner.engine.segments.sql_policy import MOST_FLAWS, Flaw, Parsed, flaw_at

CODE = "sql-not-steady"

_WITHOUT_PARENTHESES = frozenset({"current_date", "current_timestamp", "current_time", "localtime", "localtimestamp"})
"""The time of the run, where no column is called so."""

_ANY_OF_SEVERAL = frozenset({"any_value", "arbitrary", "first", "last"})
"""Aggregates that take one value of a group, whichever comes, unless an order says which."""

_BY_POSITION = frozenset(
    {"WINDOW_FIRST_VALUE", "WINDOW_LAG", "WINDOW_LAST_VALUE", "WINDOW_LEAD", "WINDOW_NTH_VALUE", "WINDOW_NTILE"}
    | {"WINDOW_ROW_NUMBER"}
)
"""Window functions that mean nothing without an order."""

_SAMPLE = "for a sample that stays, take it by a key: md5_number_lower(customer_id) % 100 < 10"
TODAY = "write date '{{ today }}': the day of the run, which --today sets"
ORDER = "say which with ORDER BY, down to a column that tells people apart"

_SUSPECT = (
    r"(?ai)(?<![a-z_])"
    rf"(?:{'|'.join(sorted(_WITHOUT_PARENTHESES | _ANY_OF_SEVERAL | CHANCE | NOW))}|age|reservoir_quantile"
    r"|row_number|ntile|lag|lead|(?:first|last|nth)_value|limit|offset|fetch|distinct|(?:table)?sample)(?![a-z0-9_])"
)
"""A word without which SQL is steady; compiled where it is looked for, not in the process that runs segments."""

_Node = Mapping[str, Any]


def may_be_unsteady(sql: str) -> bool:
    """Whether it is worth while to take the SQL apart, which costs a process: not where no suspect word is in it."""
    return re.search(_SUSPECT, sql) is not None


def unsteady(statement: Parsed) -> tuple[Flaw, ...]:
    """Each place of the SQL that can yield something else in the next run, in no order; none where it is no SELECT."""
    found: list[Flaw] = []
    pending: list[Any] = [statement.tree]
    while pending and len(found) < MOST_FLAWS:
        node = pending.pop()
        if isinstance(node, dict):
            found += _unsteady(node)
            # Whether there is a row at all does not depend on which one is looked at.
            exists = node.get("subquery_type") == "EXISTS"
            pending += [_without_limit(child) if exists else child for child in node.values()]
        elif isinstance(node, list):
            pending += node
    return tuple(dict.fromkeys(found))


def _unsteady(node: _Node) -> Iterator[Flaw]:
    if "modifiers" in node:
        yield from _of_modifiers(node)
    if node.get("sample"):
        yield flaw_at(node, CODE, "a sample is made of other people in each run", _SAMPLE)
    match node.get("class"):
        case "FUNCTION":
            yield from _of_function(node, folded(node["function_name"]))
        case "COLUMN_REF":
            name = folded(node["column_names"][-1])
            if len(node["column_names"]) == 1 and name in _WITHOUT_PARENTHESES:
                yield flaw_at(node, CODE, f"{name} is another one in each run", TODAY)
        case "WINDOW" if node["type"] in _BY_POSITION and not node["orders"] and not node["arg_orders"]:
            name = folded(node["function_name"])
            yield flaw_at(node, CODE, f"{name}() goes by the order of the rows, which is none without ORDER BY", ORDER)


def _of_function(node: _Node, name: str) -> Iterator[Flaw]:
    ordered = bool(node["order_bys"]["orders"])
    if name in CHANCE or name == "reservoir_quantile":
        yield flaw_at(node, CODE, f"{name}() gives something else in each run", _SAMPLE)
    elif name in NOW or (name == "age" and len(node["arguments"]) == 1):
        yield flaw_at(node, CODE, f"{name}() goes by the time of the run", TODAY)
    elif name in _ANY_OF_SEVERAL and not ordered:
        hint = f"say which: min(...), or {name}(... order by ...)"
        yield flaw_at(node, CODE, f"{name}() takes any value of its group, in each run perhaps another one", hint)


def _of_modifiers(node: _Node) -> Iterator[Flaw]:
    """LIMIT, OFFSET and DISTINCT ON keep some of the rows: which, only an order says."""
    kinds = {modifier["type"]: modifier for modifier in node["modifiers"]}
    if "ORDER_MODIFIER" in kinds:
        return
    limit = kinds.get("LIMIT_MODIFIER")
    if limit is not None:
        at = limit.get("limit") or limit.get("offset") or node
        yield flaw_at(at, CODE, "LIMIT without ORDER BY keeps other people in each run", ORDER)
    distinct = kinds.get("DISTINCT_MODIFIER", {}).get("distinct_on_targets")
    if distinct:
        yield flaw_at(
            distinct[0], CODE, "DISTINCT ON without ORDER BY keeps any row of each, perhaps another one", ORDER
        )


def _without_limit(child: Any) -> Any:
    """A subquery without a LIMIT of its own."""
    if not isinstance(child, dict) or "node" not in child:
        return child
    return {**child, "node": {**child["node"], "modifiers": []}}
