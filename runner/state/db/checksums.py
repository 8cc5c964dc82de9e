"""Checksums of what `state.db` holds, for SQLite has none: a flipped bit of a value is damage like any other.

Every row has a digest. Of each table whose rows decide something, all digests together (their exclusive or, so that one
row's change costs one row's digest) are kept in the table `checksum`, and a run keeps those of its outcomes, which are
many and are read only for `history`. Triggers keep them, so that no statement can forget to. The values of a table are
compared when the database is opened, those of a run's outcomes when they are read.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from hashlib import blake2b
from sqlite3 import Connection

from runner.state.state_errors import primary_code

Row = tuple[object, ...]

SIZE = 16
NONE = bytes(SIZE)
"""The digest of no row."""

TABLES = (
    *("meta", "audience", "file", "batch", "serial", "run", "latest"),
    *("binding", "salt", "suppression", "suppression_file", "permission", "notice", "receipt"),
)
"""The tables that are compared when the database is opened, those that it has: all but the checksums, and the outcomes
of runs and the days of the past, which are many and are compared when they are read."""

_SCHEMA = "schema"
"""Under this name stands the checksum of the tables' and triggers' own definitions."""


_BEGIN = """INSERT OR REPLACE INTO checksum (name, digest)
    SELECT '{table}', coalesce(checksum_of({columns}), {none}) FROM {table}"""
_FOLLOW = """CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN
    UPDATE checksum SET digest = {digest} WHERE name = '{table}'; END"""


class Mismatch(ValueError):
    """What is read is not what was written."""


def of(rows: Iterable[Row]) -> bytes:
    """The digests of rows, put together."""
    together = 0
    for row in rows:
        together ^= _number(row)
    return together.to_bytes(SIZE, "big")


def register(connection: Connection) -> None:
    """Teach a connection the functions that triggers and migrations use; without them nothing can be changed."""
    connection.create_function("with_row", -1, _with_row, deterministic=True)
    connection.create_function("exchanged", 3, _exchanged, deterministic=True)
    connection.create_aggregate("checksum_of", -1, _Together)  # type: ignore[arg-type]  # typeshed knows of numbers only
    connection.execute("PRAGMA trusted_schema = ON")


def watch(table: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The statements by which a table's checksum is kept from now on; again after a migration has changed its columns.

    `columns` are all of them, in their order: the comparison reads whole rows.
    """
    old, new = (", ".join(f"{name}.{column}" for column in columns) for name in ("OLD", "NEW"))
    changes = {
        "INSERT": f"with_row(digest, {new})",
        "UPDATE": f"with_row(with_row(digest, {old}), {new})",
        "DELETE": f"with_row(digest, {old})",
    }
    return (
        *(f"DROP TRIGGER IF EXISTS {table}_{event.lower()}" for event in changes),
        _BEGIN.format(table=table, columns=", ".join(columns), none=f"zeroblob({SIZE})"),
        *(
            _FOLLOW.format(table=table, name=f"{table}_{event}".lower(), event=event, digest=digest)
            for event, digest in changes.items()
        ),
    )


def seal_schema(connection: Connection) -> None:
    """Remember how tables, indexes and triggers are defined, after a migration."""
    connection.execute("INSERT OR REPLACE INTO checksum (name, digest) VALUES (?, ?)", (_SCHEMA, _schema(connection)))


def compare(connection: Connection) -> None:
    """Raise Mismatch when a value is not what was written; outcomes of runs are left to those who read them."""
    try:
        kept = dict(connection.execute("SELECT name, digest FROM checksum").fetchall())
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        tables = [name for name in TABLES if name in there]
        for name in (_SCHEMA, *tables):
            if kept.get(name) != (_schema(connection) if name == _SCHEMA else _table(connection, name)):
                raise Mismatch(f"the checksum of its {name} is wrong")
        for table in tables:
            (found,) = connection.execute(f"PRAGMA integrity_check({table})").fetchone()
            if found != "ok":
                raise Mismatch(found)
    except sqlite3.OperationalError as error:
        # A name or a text that means nothing to SQLite is the same damage, met before the comparison.
        if primary_code(error) in (0, sqlite3.SQLITE_ERROR):
            raise Mismatch(str(error)) from error
        raise


def compare_table(connection: Connection, table: str) -> None:
    """Raise Mismatch when a value of one table is not what was written."""
    (kept,) = connection.execute("SELECT digest FROM checksum WHERE name = ?", (table,)).fetchone()
    if kept != _table(connection, table):
        raise Mismatch(f"the checksum of its {table} is wrong")


def _table(connection: Connection, table: str) -> bytes:
    return of(connection.execute(f"SELECT * FROM {table} NOT INDEXED"))  # noqa: S608 - a table of ours


def _schema(connection: Connection) -> bytes:
    return of(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"))


def _number(row: Row) -> int:
    text = json.dumps(row, default=_listed)
    return int.from_bytes(blake2b(text.encode(), digest_size=SIZE).digest(), "big")


def _listed(value: bytes) -> list[int]:
    return list(value)


def _with_row(digest: bytes, *row: object) -> bytes:
    """A checksum with one row more; with the same row again it is what it was."""
    return (int.from_bytes(digest, "big") ^ _number(row)).to_bytes(SIZE, "big")


def _exchanged(digest: bytes, old: bytes, new: bytes) -> bytes:
    """A checksum in which some rows' digests are replaced; one that was wrong before stays wrong."""
    together = int.from_bytes(digest, "big") ^ int.from_bytes(old, "big") ^ int.from_bytes(new, "big")
    return together.to_bytes(SIZE, "big")


class _Together:
    """`of` as an aggregate of SQL's."""

    def __init__(self) -> None:
        self._digest = NONE

    def step(self, *row: object) -> None:
        self._digest = _with_row(self._digest, *row)

    def finalize(self) -> bytes:
        return self._digest
