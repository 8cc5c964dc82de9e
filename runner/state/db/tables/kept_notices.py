"""What receivers of notices know, and what they are still to be notified of, as rows; every function works within the
caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from sqlite3 import Connection
from typing import Any

from runner.core.notices import KeptNotice, NoticeKey
from runner.state.db import codec


def every(db: Connection) -> tuple[KeptNotice, ...]:
    """All rows, those that began first first."""
    rows = db.execute(
        "SELECT receiver, subject, condition, since, content, attempts, delivered_at FROM notice ORDER BY id"
    )
    return tuple(
        KeptNotice(
            key=NoticeKey(receiver, subject, condition),
            since=codec.to_time(since),
            content=None if content is None else json.loads(content),
            attempts=attempts,
            delivered_at=None if delivered_at is None else codec.to_time(delivered_at),
        )
        for receiver, subject, condition, since, content, attempts, delivered_at in rows
    )


def change(db: Connection, put: Iterable[Mapping[str, Any]], dropped: Iterable[Iterable[str]]) -> None:
    """Have rows as they are given, and end others."""
    _drop(db, dropped)
    for row in put:
        db.execute(
            """
            INSERT INTO notice (receiver, subject, condition, since, content, attempts, delivered_at)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (receiver, subject, condition) DO UPDATE
            SET since = excluded.since, content = excluded.content, attempts = excluded.attempts,
                delivered_at = excluded.delivered_at
            """,
            (*row["key"], row["since"], _text(row["content"]), row["attempts"], row["delivered_at"]),
        )


def tried(db: Connection, delivered: Iterable[Iterable[str]], missed: Iterable[Iterable[str]], at: str) -> None:
    """What was delivered has no content any more, and is over where that is what it said; what was not counts one
    attempt more.
    """
    for key in delivered:
        content = db.execute(
            "SELECT content FROM notice WHERE receiver = ? AND subject = ? AND condition = ?", tuple(key)
        ).fetchone()
        if content is not None and content[0] is not None and json.loads(content[0])["status"] == "recovered":
            _drop(db, [key])
        else:
            db.execute(
                """
                UPDATE notice SET content = NULL, attempts = 0, delivered_at = ?
                WHERE receiver = ? AND subject = ? AND condition = ?
                """,
                (at, *key),
            )
    for key in missed:
        db.execute(
            "UPDATE notice SET attempts = attempts + 1 WHERE receiver = ? AND subject = ? AND condition = ?",
            tuple(key),
        )


def _drop(db: Connection, keys: Iterable[Iterable[str]]) -> None:
    for key in keys:
        db.execute("DELETE FROM notice WHERE receiver = ? AND subject = ? AND condition = ?", tuple(key))


def _text(content: Mapping[str, Any] | None) -> str | None:
    return None if content is None else json.dumps(content, sort_keys=True, ensure_ascii=False)


def row_data(row: KeptNotice) -> dict[str, Any]:
    """A row in JSON's types."""
    return {
        "key": list(row.key),
        "since": codec.from_time(row.since),
        "content": None if row.content is None else dict(row.content),
        "attempts": row.attempts,
        "delivered_at": None if row.delivered_at is None else codec.from_time(row.delivered_at),
    }


def row_of_data(data: Mapping[str, Any]) -> KeptNotice:
    """The row that `row_data` was made of. Raises KeyError, TypeError, ValueError for what is none."""
    return KeptNotice(
        key=NoticeKey(*map(str, data["key"])),
        since=codec.to_time(data["since"]),
        content=None if data["content"] is None else dict(data["content"]),
        attempts=int(data["attempts"]),
        delivered_at=None if data["delivered_at"] is None else codec.to_time(data["delivered_at"]),
    )
