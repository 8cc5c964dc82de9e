"""A warehouse's SQL in DuckDB's, over tables of a test: as far as sqlglot knows how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.core.errors import SegmentError
from runner.core.findings import Finding
from runner.core.project import SqlText
from runner.core.sql_quoting import folded
from runner.engine.given.columns_used import TablePath, path_of

_OF_THE_DIALECT = frozenset({"sql-syntax", "sql-unknown-function", "sql-forbidden-function", "sql-not-a-select"})
"""What is wrong with a query that was translated, and need not be with the one that was written."""


def matching(name: TablePath, among: Mapping[TablePath, Any] | tuple[TablePath, ...]) -> TablePath | None:
    """Which of some tables is meant: one name may say the schema where the other does not."""
    wanted = tuple(map(folded, name))
    for other in among:
        parts = tuple(map(folded, other))
        length = min(len(parts), len(wanted))
        if parts[-length:] == wanted[-length:]:
            return other
    return None


def in_duckdb(tree: Any, sql: SqlText, dialect: str, source: str, places: Mapping[TablePath, str]) -> SqlText:
    """The query in DuckDB's SQL, each table called as it is in the given source: `places` says how, without its name.

    Raises SegmentError for what cannot be translated.
    """
    from sqlglot import ErrorLevel, exp
    from sqlglot.errors import SqlglotError

    tree = tree.copy()
    for select in tree.find_all(exp.Select):
        select.set("expressions", [_with_its_name(one) for one in select.expressions])
    for table in list(tree.find_all(exp.Table)):
        place = places.get(path_of(table)) if isinstance(table.this, exp.Identifier) else None
        if place is None:
            continue
        schema, _, name = place.rpartition(".")
        table.set("this", exp.to_identifier(name, quoted=True))
        table.set("db", exp.to_identifier(schema or "main", quoted=True))
        table.set("catalog", exp.to_identifier(source, quoted=True))
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(last_of(place))))
    try:
        text = tree.sql(dialect="duckdb", unsupported_level=ErrorLevel.RAISE, pretty=True)
    except SqlglotError as error:
        raise untranslated(sql, dialect, str(error).splitlines()[0]) from None
    except Exception:  # noqa: BLE001 (a writer of many dialects, and SQL that it does not foresee)
        raise untranslated(sql, dialect, "") from None
    return SqlText(text, sql.file, sql.first_line, sql.indent, exact=False)


def _with_its_name(projection: Any) -> Any:
    """A cast of a column keeps the column's name, as it does in warehouses and not in DuckDB."""
    from sqlglot import exp

    inner = projection
    while isinstance(inner, exp.Cast | exp.Paren):
        inner = inner.this
    if inner is projection or not isinstance(inner, exp.Column):
        return projection
    return exp.alias_(projection, inner.name, quoted=bool(inner.this.args.get("quoted")))


def last_of(place: str) -> str:
    """The table's own name."""
    return place.rpartition(".")[2]


def as_untranslated(error: SegmentError, sql: SqlText, dialect: str) -> SegmentError:
    """The error of a translated query: what DuckDB does not know in it, the warehouse may know well."""
    finding = error.finding
    return untranslated(sql, dialect, finding.message) if finding and finding.code in _OF_THE_DIALECT else error


def untranslated(sql: SqlText, dialect: str, why: str) -> SegmentError:
    """The error for SQL that tests cannot run."""
    message = f"this SQL of {dialect} cannot be translated for a test" + (f": {why}" if why else "")
    hint = "tests run in DuckDB; put the part into a view of the warehouse, and give the view's rows"
    return SegmentError(message, hint, Finding(sql.place(0).location, "test-untranslated", message, hint))
