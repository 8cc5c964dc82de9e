"""Which audiences a run looked at and found as they should be: ranges of keys in the run's own row.

A row for each of them would be most of what a state holds: thousands a run, of which nothing is ever asked but the
newest.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import datetime
from sqlite3 import Connection

from runner.quick_dataclass import dataclass
from runner.state.db import codec, key_ranges


@dataclass(frozen=True, slots=True)
class LastLook:
    """The newest run that found an audience unchanged."""

    key: int
    activation: str
    run: int
    started_at: datetime


def record(db: Connection, run: int, ranges: key_ranges.Ranges) -> None:
    """The audiences that a run found unchanged."""
    if ranges:
        db.execute("UPDATE run SET unchanged = ? WHERE id = ?", (json.dumps(ranges), run))


def keys_of(db: Connection, activation: str) -> frozenset[int]:
    """The audiences of one activation."""
    return frozenset(key for (key,) in db.execute("SELECT key FROM audience WHERE activation = ?", (activation,)))


def count(recorded: str | None, keys: Collection[int] | None) -> int:
    """How many audiences a run found unchanged by what is recorded in its row, among `keys` where they are given."""
    if recorded is None:
        return 0
    ranges = json.loads(recorded)
    return key_ranges.size(ranges) if keys is None else sum(1 for _ in key_ranges.within(keys, ranges))


def newest(db: Connection) -> Iterator[LastLook]:
    """The newest look at each audience that has been found unchanged."""
    waiting = dict(db.execute("SELECT key, activation FROM audience").fetchall())
    rows = db.execute("SELECT id, started_at, unchanged FROM run WHERE unchanged IS NOT NULL ORDER BY id DESC")
    while waiting and (row := rows.fetchone()) is not None:
        run, started_at, recorded = row
        began = codec.to_time(started_at)
        for key in tuple(key_ranges.within(waiting, json.loads(recorded))):
            yield LastLook(key, waiting.pop(key), run, began)
