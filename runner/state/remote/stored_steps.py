"""Steps of the journal as immutable objects, so that neither they nor the whole database are written again and again.

The control object has the last few steps. When they grow long, they become an object, which takes those before it that
are not much larger with it: there are few of them then, and a step is written only a few times. When the objects
together are about as much as the database, that is stored, and they start over.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from shutil import copyfileobj

from runner.state.db.journal import JournalEntry, entries_data, entries_of
from runner.state.remote.control_object import Snapshot, Steps

JOURNAL_BYTES = 8_192
"""From here on the steps in the control object are moved out of it: it is written once or twice per batch."""

LEAST_BYTES = 65_536
MOST_BYTES = 524_288
"""Objects of steps are kept until they have half the size of the database, but at least and at most this much."""

MOST_STEPS = 2_000
"""So many steps are taken again in some tenths of a second by whoever reads the state."""

OVERDUE = 4
"""So many times as much makes a run store the database that has nothing to do."""

_COMPRESSION = 6


def absorbed(objects: Sequence[Steps], size: int) -> int:
    """How many of the last objects a new one of that size takes with it: those that are not over twice as large."""
    count = 0
    for one in reversed(objects):
        if one.size > 2 * size:
            break
        size += one.size
        count += 1
    return count


def are_enough(objects: Sequence[Steps], database: Snapshot, *, grown: bool) -> bool:
    """Whether it is time to store the database itself; for a run that does nothing, whether it is long overdue."""
    patience = 1 if grown else OVERDUE
    limit = patience * min(max(database.size // 2, LEAST_BYTES), MOST_BYTES)
    return sum(one.size for one in objects) >= limit or sum(one.steps for one in objects) >= patience * MOST_STEPS


def encoded(steps: Iterable[JournalEntry]) -> bytes:
    """The content of an object of steps; the same for the same steps."""
    return gzip.compress(json.dumps(entries_data(steps), separators=(",", ":")).encode(), _COMPRESSION, mtime=0)


def decoded(path: Path) -> tuple[JournalEntry, ...]:
    """The steps in an object. Raises ValueError when it is none."""
    try:
        return entries_of(json.loads(gzip.decompress(path.read_bytes())))
    except (EOFError, gzip.BadGzipFile, zlib.error, KeyError, TypeError) as error:
        raise ValueError(type(error).__name__) from error


def compress(database: Path, target: Path) -> None:
    """Write a database as it is stored; the same for the same content. Raises OSError."""
    target.unlink(missing_ok=True)  # the cache may have given this file a second name
    with (
        database.open("rb") as source,
        target.open("wb") as file,
        gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0) as out,
    ):
        copyfileobj(source, out)
    target.chmod(0o600)


def expand(stored: Path, target: Path) -> None:
    """Write a database that was stored. Raises OSError, ValueError when it is none."""
    try:
        with gzip.open(stored) as source, target.open("wb") as out:
            copyfileobj(source, out)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(type(error).__name__) from error
