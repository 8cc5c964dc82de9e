"""Which tables a query reads and which of their columns it names, as far as its text tells.

Where a table's columns are not known, a test still has to find all that the query names: what it does not give is null.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from runner.core.sql_quoting import folded
from runner.engine.segments.warehouse_policy import LONGEST

if TYPE_CHECKING:
    from sqlglot.optimizer.scope import Scope

TablePath = tuple[str, ...]
"""A table's name in its parts, as written."""

Used = Mapping[TablePath, Mapping[str, str]]
"""Table -> the columns that are named, with the type that a column must have; empty where any will do."""

_OF_TIMES = "TIMESTAMP"
"""What a function of dates takes: of a null it cannot tell which of its forms is meant."""


def parsed_select(sql: str, dialect: str) -> Any:
    """The query's tree; None where sqlglot does not understand it, or where it is too long to look at."""
    import logging

    import sqlglot
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    if len(sql) > LONGEST:
        return None
    try:
        trees = sqlglot.parse(sql, read=dialect)
        return trees[0] if trees and _is_understood(trees[0]) else None
    except (SqlglotError, RecursionError):
        return None


def _is_understood(tree: Any) -> bool:
    """Whether its parts can be told apart. Raises SqlglotError, RecursionError where that fails."""
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    return isinstance(tree, exp.Query) and bool(traverse_scope(tree))


def _is_named(source: Any) -> bool:
    """Whether a part of a FROM is a table, and no query or call of a function."""
    from sqlglot import exp

    return isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier)


def tables_of(tree: Any) -> tuple[TablePath, ...]:
    """The tables that a query reads, each once; common table expressions are none."""
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    found: dict[TablePath, None] = {}
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if _is_named(source):
                found.setdefault(path_of(source))
    for table in tree.find_all(exp.Table):  # within what makes no scope of its own: a PIVOT
        if _is_named(table) and table.args.get("db"):
            found.setdefault(path_of(table))
    return tuple(found)


def path_of(table: Any) -> TablePath:
    """A table's name in its parts."""
    return tuple(part.name for part in table.parts)


def columns_used(tree: Any, known: Mapping[TablePath, frozenset[str]], wanted: Collection[str] = ()) -> Used:
    """The columns that a query names of each of its tables.

    `known` are the columns, folded, that a table has for certain: a name without its table's is taken for one of
    those, then for one of the first table. `wanted` are those that the query is to yield, where it says `*`.
    """
    from sqlglot.optimizer.scope import traverse_scope

    used: dict[TablePath, dict[str, str]] = {}
    for scope in traverse_scope(tree):
        for table, name, kind in (*_named(scope, known), *_behind_stars(scope, known, wanted)):
            columns = used.setdefault(table, {})
            spelled = next((one for one in columns if folded(one) == folded(name)), name)
            columns[spelled] = columns.get(spelled) or kind
    return used


def _behind_stars(
    scope: Scope, known: Mapping[TablePath, frozenset[str]], wanted: Collection[str]
) -> Iterator[tuple[TablePath, str, str]]:
    """The wanted columns, as ones of the first table of which the SELECT yields all."""
    from sqlglot import exp

    selects = scope.expression.selects if isinstance(scope.expression, exp.Select) else []
    stars = [one for one in selects if one.is_star]
    if not stars:
        return
    own = {folded(one.alias_or_name) for one in selects if not one.is_star}
    tables = {alias: path_of(one) for alias, (_, one) in scope.selected_sources.items() if _is_named(one)}
    every = any(isinstance(one, exp.Star) for one in stars)
    meant = {folded(one.table) for one in stars if isinstance(one, exp.Column)}
    behind = [path for alias, path in tables.items() if every or folded(alias) in meant]
    for name in wanted if behind else ():
        if folded(name) not in own and not _is_known(scope, name, known):
            yield behind[0], name, ""


def _named(scope: Scope, known: Mapping[TablePath, frozenset[str]]) -> Iterator[tuple[TablePath, str, str]]:
    from sqlglot import exp

    tables = {alias: path_of(one) for alias, one in scope.sources.items() if _is_named(one)}
    here = {alias: path for alias, path in tables.items() if alias in scope.selected_sources}
    for join in scope.find_all(exp.Join):
        for name in join.args.get("using") or ():
            yield from ((path, name.name, "") for path in here.values())
    for column in scope.columns:
        if column.is_star:
            continue
        kind = _type_asked_for(column)
        if column.table:
            path = next((path for alias, path in tables.items() if folded(alias) == folded(column.table)), None)
            if path is not None:
                yield path, column.name, kind
        elif here and not (
            _is_alias(scope, column) or _is_derived(scope, column) or _is_known(scope, column.name, known)
        ):
            yield next(iter(here.values())), column.name, kind


def _is_known(scope: Scope, name: str, known: Mapping[TablePath, frozenset[str]]) -> bool:
    """Whether a table of the SELECT, or of one that it is a part of, has the name."""
    at: Scope | None = scope
    while at is not None:
        tables = (path_of(one) for one in at.sources.values() if _is_named(one))
        if any(folded(name) in known.get(path, ()) for path in tables):
            return True
        at = at.parent
    return False


def _is_alias(scope: Scope, column: Any) -> bool:
    """Whether an unqualified name means what another part of the SELECT calls so."""
    from sqlglot import exp

    if not isinstance(scope.expression, exp.Select):
        return False
    for projection in scope.expression.selects:
        if isinstance(projection, exp.Alias) and folded(projection.alias) == folded(column.name):
            return projection is not column.find_ancestor(exp.Alias)
    return False


def _is_derived(scope: Scope, column: Any) -> bool:
    """Whether an inner query of the FROM yields the name."""
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope as Inner

    queries = (one.expression for _, one in scope.selected_sources.values() if isinstance(one, Inner))
    yielded = (name for query in queries if isinstance(query, exp.Query) for name in query.named_selects)
    return folded(column.name) in map(folded, yielded)


def _type_asked_for(column: Any) -> str:
    from sqlglot import exp

    asking = (exp.TimestampTrunc, exp.DateTrunc, exp.Extract, exp.DateDiff, exp.DateAdd, exp.DateSub)
    return _OF_TIMES if isinstance(column.parent, asking) else ""
