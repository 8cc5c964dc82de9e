"""Which name a segment meant by one that its warehouse does not know: the nearest of its tables' own.

Names come from the warehouse's description of the tables that the SQL names, and from its catalogue; nothing comes from
what it says of an error. The SQL has been taken apart before, where that is held to limits.
"""
# ruff: noqa: S608 (a table is written again from its own identifiers, quoted)

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from runner.core.suggest import closest
from runner.engine.segments.column_privacy import presentable
from runner.quick_dataclass import dataclass

if TYPE_CHECKING:
    from sqlglot import exp

UNKNOWN_COLUMN, UNKNOWN_TABLE = "42703", "42P01"

_MOST_TABLES = 8
"""Tables of one segment that are looked at: each is a question of its own."""

Describe = Callable[[str], Sequence[str] | None]
"""Gives the names of the columns that a query yields, None where it cannot be prepared."""


@dataclass(frozen=True, slots=True)
class Meant:
    """The name that is not known, where it begins (in characters; None: not known), and the nearest that there is."""

    at: int | None = None
    name: str = ""
    nearest: str | None = None


NOT_KNOWN = Meant()


def column_meant(sql: str, dialect: str, at: int | None, describe: Describe) -> Meant:
    """The column that is not known, and the nearest one of the tables that the SQL names.

    It begins `at` where the warehouse says so, else it is the one name that no table has and the SQL does not make.
    """
    tree = _parsed(sql, dialect)
    if tree is None:
        return NOT_KNOWN
    known: list[str] = []
    complete = True
    for table in _tables(tree, dialect)[:_MOST_TABLES]:
        columns = describe(f"select * from {table} where 1 = 0")
        complete = complete and columns is not None
        known += columns or ()
    found = _column(tree, at, known if complete else None)
    if found is None:
        return NOT_KNOWN
    name = found.name
    return Meant(found.parts[0].meta.get("start"), name, closest(name, filter(presentable, known)))


def table_meant(sql: str, dialect: str, catalogue: Callable[[], Sequence[str]], describe: Describe) -> Meant:
    """The first table that is not known, and the nearest of the catalogue, whose tables are `schema.table`."""
    tree = _parsed(sql, dialect)
    if tree is None:
        return NOT_KNOWN
    for table in _named(tree)[:_MOST_TABLES]:
        if describe(f"select * from {_written(table, dialect)} where 1 = 0") is not None:
            continue
        schema = table.db
        name = f"{schema}.{table.name}" if schema else table.name
        there = {one if schema else one.rpartition(".")[2]: one for one in catalogue()}
        near = closest(name, (one for one in there if all(map(presentable, one.split(".")))))
        first = table.args.get("db") or table.this
        return Meant(first.meta.get("start"), name, there[near] if near else None)
    return NOT_KNOWN


def _parsed(sql: str, dialect: str) -> exp.Expr | None:
    import sqlglot

    try:
        return sqlglot.parse_one(sql, read=dialect)
    except Exception:  # noqa: BLE001 (a parser of many dialects; the finding stands without the nearest name)
        return None


def _named(tree: exp.Expr) -> list[exp.Table]:
    """The tables that are none of the SQL's own."""
    from sqlglot import exp

    own = {one.alias_or_name.lower() for one in tree.find_all(exp.CTE)}
    tables = (one for one in tree.find_all(exp.Table) if isinstance(one.this, exp.Identifier))
    return [one for one in tables if one.db or one.name.lower() not in own]


def _tables(tree: exp.Expr, dialect: str) -> list[str]:
    return list(dict.fromkeys(_written(one, dialect) for one in _named(tree)))


def _written(table: exp.Table, dialect: str) -> str:
    """The table as its dialect writes it, without what stands beside it."""
    from sqlglot import exp

    parts = [table.args.get(part) for part in ("catalog", "db", "this")]
    return ".".join(one.sql(dialect=dialect) for one in parts if isinstance(one, exp.Identifier))


def _column(tree: exp.Expr, at: int | None, known: Sequence[str] | None) -> exp.Column | None:
    from sqlglot import exp

    columns = [one for one in tree.find_all(exp.Column) if isinstance(one.this, exp.Identifier)]
    if at is not None:
        return next((one for one in columns if any(part.meta.get("start") == at for part in one.parts)), None)
    if known is None:
        return None
    made = {one.alias.lower() for one in tree.find_all(exp.Alias)}
    made |= {one.name.lower() for alias in tree.find_all(exp.TableAlias) for one in alias.columns}
    there = {one.lower() for one in known} | made
    unknown = [one for one in columns if one.name.lower() not in there]
    return unknown[0] if len({one.name.lower() for one in unknown}) == 1 else None
