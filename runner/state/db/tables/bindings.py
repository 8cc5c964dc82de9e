"""What the state belongs to, as rows; every function works within the caller's transaction."""

from __future__ import annotations

from sqlite3 import Connection

from runner.core.records import Binding


def read(db: Connection) -> Binding | None:
    """The API and the target that were written down, None before the first run."""
    found = dict(db.execute("SELECT name, value FROM binding").fetchall())
    return Binding(found["api"], found["target"]) if found else None


def write(db: Connection, api: str, target: str) -> None:
    """Belong to these from now on."""
    db.execute("DELETE FROM binding")
    db.executemany("INSERT INTO binding (name, value) VALUES (?, ?)", [("api", api), ("target", target)])
