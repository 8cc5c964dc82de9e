"""The data file: every change the sandbox has made, one row of an SQLite database after the other.

A change is written before it shows, so that a killed sandbox has it or has not. The description is JSON, the payload
holds hashes as bytes. A file that holds mostly what no longer counts is written again when it is opened.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runner.core.errors import HeadcountError
from runner.sandbox.world.identifier_validation import Member
from runner.sandbox.world.segment_records import CriteoService, SegmentRecord

_OLD_FORMAT = b"headcount sandbox 1\n"
"""How data files began before they were SQLite databases."""

_APPLICATION_ID = 0x68637362
"""Tells a data file from other SQLite databases."""

_INSERT = "INSERT INTO change (description, payload) VALUES (?, ?)"


@dataclass(frozen=True, slots=True)
class SegmentPut:
    """A segment was made, or changed."""

    segment: SegmentRecord


@dataclass(frozen=True, slots=True)
class SegmentRemoved:
    """A segment was deleted, with its members."""

    segment_id: int


@dataclass(frozen=True, slots=True)
class Amended:
    """Members were added to a segment, or removed from it."""

    segment_id: int
    identifier_type: str
    operation: str
    members: Sequence[Member]


@dataclass(frozen=True, slots=True)
class Cleared:
    """A segment was emptied."""

    segment_id: int


@dataclass(frozen=True, slots=True)
class NextId:
    """Ids below this one have been given before."""

    segment_id: int


DataChange = SegmentPut | SegmentRemoved | Amended | Cleared | NextId


class DataFile:
    """An open data file. One sandbox at a time may have it."""

    def __init__(self, path: Path) -> None:
        """Raises HeadcountError when the file is not a data file, cannot be opened, or is in use."""
        self._path = path
        if path.exists() and not path.is_file() and not path.is_dir():
            raise HeadcountError(f"the sandbox's data file {path} is no regular file", "name another file")
        try:
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise _unopened(path, error) from None
        try:
            # The server's thread goes on with what the starting one has opened.
            self._db = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
            self._take()
        except sqlite3.Error as error:
            raise _refusal(path, error) from None

    def _take(self) -> None:
        """Lock the file until it is closed, and make the table if there is none."""
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA synchronous = OFF")  # a change need only outlive this process, not the machine
            self._db.execute("BEGIN EXCLUSIVE")
            with self._db:
                (application_id,) = self._db.execute("PRAGMA application_id").fetchone()
                (tables,) = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
                if tables and application_id != _APPLICATION_ID:
                    raise sqlite3.DatabaseError("another program's")
                self._db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                self._db.execute(
                    "CREATE TABLE IF NOT EXISTS change"
                    " (seq INTEGER PRIMARY KEY, description TEXT NOT NULL, payload BLOB NOT NULL)"
                )
        except sqlite3.Error:
            self._db.close()
            raise

    def replay(self) -> Iterator[DataChange]:
        """Every change in the file, oldest first. Raises HeadcountError when the file is damaged."""
        try:
            for description, payload in self._db.execute("SELECT description, payload FROM change ORDER BY seq"):
                yield _decoded(description, payload)
        except (sqlite3.Error, ValueError, KeyError, TypeError):
            message = f"the sandbox's data file {self._path} is damaged"
            raise HeadcountError(message, "delete it, or name another file") from None

    def append(self, change: DataChange) -> None:
        """Make a change durable against the death of this process. Raises sqlite3.Error, and then nothing was kept."""
        self._db.execute(_INSERT, _encoded(change))

    def shrink(self, changes: Iterable[DataChange], size: int) -> None:
        """Write the file again as these changes, when it is much bigger than `size`, the bytes its members need."""
        if self._path.stat().st_size >= 2 * size + 1_000_000:
            self.rewrite(changes)

    def rewrite(self, changes: Iterable[DataChange]) -> None:
        """Replace all changes by these, at once, and give back the room."""
        self._db.execute("BEGIN")
        with self._db:
            self._db.execute("DELETE FROM change")
            self._db.executemany(_INSERT, map(_encoded, changes))
        self._db.execute("VACUUM")

    def close(self) -> None:
        """Give back the file."""
        self._db.close()


def _unopened(path: Path, error: OSError) -> HeadcountError:
    return HeadcountError(f"the sandbox's data file {path} cannot be opened: {error.strerror}")


def _refusal(path: Path, error: sqlite3.Error) -> HeadcountError:
    """Why SQLite did not open the file, as a sentence."""
    if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
        return HeadcountError(f"the data file {path} is in use by another sandbox", "stop it, or name another file")
    try:
        with path.open("r+b") as file:
            start = file.read(len(_OLD_FORMAT))
    except OSError as reason:
        return _unopened(path, reason)
    if start == _OLD_FORMAT:
        message = f"{path} is a data file of an older sandbox, which this one cannot read"
        return HeadcountError(message, "delete it, or name another file")
    return HeadcountError(f"{path} is not a data file of the sandbox", "name a file that does not exist yet")


def _encoded(change: DataChange) -> tuple[str, bytes]:
    fields: dict[str, Any] = {"do": type(change).__name__}
    payload = b""
    match change:
        case SegmentPut(segment):
            fields |= asdict(segment)
        case Amended(segment_id, identifier_type, operation, members):
            long = [member for member in members if len(member) == 32 and isinstance(member, bytes)]
            short = [member for member in members if len(member) == 16 and isinstance(member, bytes)]
            payload = b"".join((*long, *short))
            text = [member for member in members if isinstance(member, str)]
            fields |= {"segment_id": segment_id, "identifier_type": identifier_type, "operation": operation}
            fields |= {"long": len(long), "text": text}
        case _:
            fields |= {"segment_id": change.segment_id}
    return json.dumps(fields), payload


def _decoded(description: str, payload: bytes) -> DataChange:
    fields = json.loads(description)
    match fields.pop("do"):
        case "SegmentPut":
            return SegmentPut(SegmentRecord(**fields | {"service": CriteoService(fields["service"])}))
        case "Amended":
            split = 32 * fields.pop("long")
            long = [payload[start : start + 32] for start in range(0, split, 32)]
            short = [payload[start : start + 16] for start in range(split, len(payload), 16)]
            members = [*long, *short, *fields.pop("text")]
            return Amended(**fields, members=members)
        case kind:
            return {one.__name__: one for one in (SegmentRemoved, Cleared, NextId)}[kind](**fields)
