"""What DuckDB alone needs for the same rows: the limits that Headcount is held against.

`python -m bench.limits NAME FILE [SEGMENTS]` runs one of them in a process of its own, with DuckDB's defaults (a thread
per core).
FILE is Parquet, or a DuckDB file with a table `people` (the limits that hash whole columns only).
Each reads every row and keeps nothing of it but a maximum, so nothing is written and nothing is compared.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

import duckdb

from runner.core.identifiers import IdentifierType
from runner.engine.interface import MappedColumn
from runner.engine.segments import normalize

RANGE = 10
"""How many buckets of a thousand make up each of the thousand segments: one person in a hundred."""


def first_bucket(number: int) -> int:
    """Where the segment of that number begins, of a thousand overlapping ones."""
    return number * (1000 - RANGE) // 999


def segment(number: int, table: str) -> str:
    """Its SQL."""
    first = first_bucket(number)
    return f"select email from {table} where bucket between {first} and {first + RANGE - 1}"


def people(path: str) -> tuple[duckdb.DuckDBPyConnection, str]:
    """A connection, and what its SQL calls the people of a file."""
    connection = duckdb.connect()
    if not path.endswith(".duckdb"):
        return connection, f"'{path}'"
    connection.execute(f"attach '{path}' as shop (read_only)")
    return connection, "shop.people"


def plain(path: str, _: int) -> None:
    """Scan, lower, one-argument trim, SHA-256: the least that anybody would write."""
    connection, table = people(path)
    connection.execute(f"select max(sha256(lower(trim(email)))) from {table}").fetchall()


def both(path: str, _: int) -> None:
    """The same of two columns."""
    hashed = (f"max(sha256(lower(trim({name}))))" for name in ("email", "work"))
    connection, table = people(path)
    connection.execute(f"select {', '.join(hashed)} from {table}").fetchall()


def trimmed(path: str, _: int) -> None:
    """The same with the very set of characters that Headcount trims."""
    characters = "||".join(f"chr({point})" for point in normalize.TRIMMED)
    duckdb.execute(f"select max(sha256(lower(trim(email, {characters})))) from '{path}'").fetchall()


def wire_forms(path: str, _: int) -> None:
    """The engine's own wire forms: trimmed, judged, lower-cased, hashed, as bytes."""
    select = normalize.wire_select({MappedColumn(IdentifierType.EMAIL): "email"}, f"'{path}'")
    duckdb.execute(f"select max(email), max(email_kind) from ({select})").fetchall()


def bare_queries(path: str, segments: int) -> None:
    """That many bare segment queries, one after the other, on one connection with 2 threads."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(f"create view people as from '{path}'")
    for number in range(segments):
        connection.execute(f"select max(email), count(*) from ({segment(number, 'people')})").fetchall()


def queries_with_wire_forms(path: str, segments: int) -> None:
    """The same with the engine's wire forms of the rows found."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(f"create view people as from '{path}'")
    for number in range(segments):
        select = normalize.wire_select({MappedColumn(IdentifierType.EMAIL): "email"}, f"({segment(number, 'people')})")
        connection.execute(f"select max(email), max(email_kind) from ({select})").fetchall()


LIMITS: Mapping[str, Callable[[str, int], None]] = {
    "plain": plain,
    "both": both,
    "trimmed": trimmed,
    "wire-forms": wire_forms,
    "bare-queries": bare_queries,
    "queries-with-wire-forms": queries_with_wire_forms,
}

if __name__ == "__main__":
    LIMITS[sys.argv[1]](sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1000)
