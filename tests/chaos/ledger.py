"""What the state believes that Criteo holds, held against what the sandbox holds.

Certain are the identifiers that Criteo has for sure, doubtful those of batches that a run had in flight when it died.
The files of the state are read here by hand, and on a copy: looking must not repair what a dead run left.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import uuid
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

DOUBT = timedelta(minutes=5)
"""How long after it left a call without an answer may take effect."""

Identifiers = dict[str, set[str]]
"""Wire forms by identifier type."""


@dataclass(frozen=True, slots=True)
class Account:
    """One audience as the state knows it; `certain` and `doubtful` are empty where it must be refilled."""

    activation: str
    account_id: str
    audience_id: str | None
    refill: bool
    certain: Identifiers
    doubtful: Identifiers
    intended_name: str


def read(state: Path) -> tuple[Account, ...]:
    """Every audience of the state, none where there is no state yet."""
    if not (state / "state.db").exists():
        return ()
    with tempfile.TemporaryDirectory(dir=state.parent) as copy:
        folder = Path(copy) / "state"
        shutil.copytree(state, folder)
        with closing(sqlite3.connect(folder / "state.db")) as database:
            rows = database.execute(
                "SELECT key, activation, account_id, audience_id, refill, doubt_at, "
                "coalesce(json_extract(definition, '$.name'), '') FROM audience WHERE given_up_at IS NULL ORDER BY key"
            ).fetchall()
            return tuple(_account(database, folder, *row) for row in rows)


def _account(
    database: sqlite3.Connection,
    folder: Path,
    key: int,
    activation: str,
    account_id: str,
    audience_id: str | None,
    refill: int,
    doubt_at: str | None,
    intended_name: str,
) -> Account:
    # What is to be refilled has no use for its files, which may be elsewhere.
    files = {} if refill else dict(database.execute("SELECT role, path FROM file WHERE audience = ?", (key,)))
    certain: dict[str, set[str]] = defaultdict(set)
    doubtful: dict[str, set[str]] = defaultdict(set)
    if "members" in files:
        whole = folder / files.get("previous", files["members"])
        for kind, identifier, unknown in _rows(whole, "identifier_type, identifier, unknown"):
            (doubtful if unknown else certain)[kind].add(_wire(kind, identifier))
    if "previous" in files:  # members only has what has changed since
        changes = _rows(folder / files["members"], "identifier_type, identifier, unknown, gone")
        for kind, identifier, unknown, gone in changes:
            one = _wire(kind, identifier)
            certain[kind].discard(one)
            doubtful[kind].discard(one)
            if not gone:
                (doubtful if unknown else certain)[kind].add(one)
    if "outbox" in files:
        batches = database.execute("SELECT number, status, sent_at FROM batch WHERE audience = ?", (key,))
        status = {number: _status(told, sent_at, doubt_at) for number, told, sent_at in batches}
        for batch, operation, kind, identifier in _rows(
            folder / files["outbox"], "batch, operation, identifier_type, identifier"
        ):
            one = _wire(kind, identifier)
            if status[batch] == "taken":
                doubtful[kind].discard(one)
                (certain[kind].add if operation == "add" else certain[kind].discard)(one)
            elif status[batch] == "in flight":
                certain[kind].discard(one)
                doubtful[kind].add(one)
    return Account(activation, account_id, audience_id, bool(refill), certain, doubtful, intended_name)


def _status(status: str, sent_at: str | None, doubt_at: str | None) -> str:
    """What was answered while a call from before may still come is as good as in flight."""
    if status == "taken" and sent_at is not None and doubt_at is not None:
        overtaken = datetime.fromisoformat(sent_at) - datetime.fromisoformat(doubt_at) < DOUBT
        return "in flight" if overtaken else status
    return status


def _rows(path: Path, columns: str) -> list[tuple[object, ...]]:
    return duckdb.execute(f"select {columns} from read_parquet('{path}')").fetchall()


def _wire(kind: object, identifier: object) -> str:
    assert isinstance(identifier, bytes)
    if kind == "customer_id":
        return identifier.decode()
    return str(uuid.UUID(bytes=identifier)) if kind == "mobile_ad_id" else identifier.hex()


@dataclass(frozen=True, slots=True)
class Unanswered:
    """An audience whose creation is recorded as an intent only; `given_up_at` where it is expected no more."""

    activation: str
    account_id: str
    intended_name: str
    types: tuple[str, ...]
    given_up_at: datetime | None


def unanswered(state: Path) -> tuple[Unanswered, ...]:
    """The creates without an answer, also while a run is under way."""
    with closing(sqlite3.connect(f"{(state / 'state.db').as_uri()}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT activation, account_id, json_extract(definition, '$.name'), json_extract(definition, '$.mapping'),"
            " given_up_at FROM audience WHERE audience_id IS NULL ORDER BY key"
        ).fetchall()
    return tuple(
        Unanswered(activation, account, name, tuple(json.loads(mapping)), datetime.fromisoformat(at) if at else None)
        for activation, account, name, mapping, at in rows
    )


def newest_run(state: Path) -> tuple[int, str] | None:
    """Number and beginning of the newest run that the state knows."""
    rows = _asked(state, "SELECT id, started_at FROM run ORDER BY id DESC LIMIT 1")
    return rows[0] if rows else None


def is_bound(state: Path) -> bool:
    """Whether it is written down which API the state belongs to."""
    return (state / "state.db").exists() and bool(_asked(state, "SELECT value FROM binding"))


def _asked(state: Path, query: str) -> list[Any]:
    with tempfile.TemporaryDirectory(dir=state.parent) as copy:
        for path in state.glob("state.db*"):
            shutil.copy(path, copy)
        with closing(sqlite3.connect(Path(copy) / "state.db")) as database:
            return database.execute(query).fetchall()


def files(state: Path) -> list[Path]:
    """The files that the records point to."""
    if not (state / "state.db").exists():
        return []
    return [state / path for (path,) in _asked(state, "SELECT path FROM file ORDER BY path")]
