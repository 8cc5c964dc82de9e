"""Receipts of what was erased: counts, and who and when; never forgotten. Each function works within a transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from sqlite3 import Connection
from typing import Any

from runner.core.erasure_receipts import Receipt
from runner.state.db import codec


def every(db: Connection) -> tuple[Receipt, ...]:
    """All of them, the oldest first."""
    rows = db.execute("SELECT id, run, at, content FROM receipt ORDER BY id")
    return tuple(Receipt(number, run, codec.to_time(at), json.loads(content)) for number, run, at, content in rows)


def add(db: Connection, run: int, at: str, content: Mapping[str, Any]) -> int:
    """A receipt of a run; gives its number."""
    cursor = db.execute("INSERT INTO receipt (run, at, content) VALUES (?, ?, ?)", (run, at, _text(content)))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def complete(db: Connection, number: int, content: Mapping[str, Any]) -> None:
    """What a receipt says from now on."""
    if db.execute("UPDATE receipt SET content = ? WHERE id = ?", (_text(content), number)).rowcount != 1:
        raise RuntimeError(f"the state has no receipt {number}")


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False)
