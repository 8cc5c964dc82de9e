"""The data file: every change the sandbox has made, one record after the other.

A record is a header (three little-endian 32-bit numbers: the length of the description, the length of the payload, the
CRC-32 of both), the description as JSON and the payload, which holds hashes as bytes. It is written before
the change shows, so that a killed sandbox has a change or has not; a record that was cut off at the end is dropped when
the file is opened. A file that holds mostly what no longer counts is then written again.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runner.core.errors import HeadcountError
from runner.sandbox.api.services import CriteoService
from runner.sandbox.world.identifier_validation import Member
from runner.sandbox.world.segment_records import SegmentRecord

MAGIC = b"headcount sandbox 1\n"
_HEADER = struct.Struct("<III")


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


class Journal:
    """An open data file. One sandbox at a time may have it."""

    def __init__(self, path: Path) -> None:
        """Raises HeadcountError when the file is not a data file, cannot be opened, or is in use."""
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HeadcountError(f"the sandbox's data file {path} cannot be opened: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise HeadcountError(
                f"the data file {path} is in use by another sandbox", "stop it, or name another file"
            ) from None
        start = os.pread(self._file, len(MAGIC), 0)
        if not start:
            os.pwrite(self._file, MAGIC, 0)
        elif start != MAGIC:
            os.close(self._file)
            raise HeadcountError(f"{path} is not a data file of the sandbox", "name a file that does not exist yet")
        self._end = len(MAGIC)

    def replay(self) -> Iterator[DataChange]:
        """Every change in the file, oldest first; whatever follows the last whole record is cut off."""
        with os.fdopen(os.dup(self._file), "rb") as stream:
            stream.seek(len(MAGIC))
            while (record := _next_record(stream.read(_HEADER.size), stream.read)) is not None:
                description, payload = record
                self._end += _HEADER.size + len(description) + len(payload)
                yield _decoded(description, payload)
        os.ftruncate(self._file, self._end)

    def append(self, change: DataChange) -> None:
        """Make a change durable against the death of this process. Raises OSError, and then nothing was kept."""
        record = memoryview(_encoded(change))
        written = 0
        try:
            while written < len(record):
                written += os.pwrite(self._file, record[written:], self._end + written)
        except OSError:
            os.ftruncate(self._file, self._end)
            raise
        self._end += written

    def shrink(self, changes: Iterable[DataChange], size: int) -> None:
        """Write the file again as these changes, when it is much bigger than `size`, the bytes its members need."""
        if self._end < 2 * size + 1_000_000:
            return
        self.rewrite(changes)

    def rewrite(self, changes: Iterable[DataChange]) -> None:
        """Replace all records by these changes. The old file stays whole until the new one is."""
        beside = self._path.with_name(self._path.name + ".new")
        fresh = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        fcntl.flock(fresh, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.pwrite(fresh, MAGIC, 0)
        old, self._file, self._end = self._file, fresh, len(MAGIC)
        for change in changes:
            self.append(change)
        beside.replace(self._path)
        os.close(old)

    def close(self) -> None:
        os.close(self._file)


def _encoded(change: DataChange) -> bytes:
    payload = b""
    match change:
        case SegmentPut(segment):
            description = {"do": "put", **asdict(segment)}
        case SegmentRemoved(segment_id):
            description = {"do": "delete", "id": segment_id}
        case Cleared(segment_id):
            description = {"do": "clear", "id": segment_id}
        case NextId(segment_id):
            description = {"do": "next", "id": segment_id}
        case Amended(segment_id, identifier_type, operation, members):
            long = [member for member in members if len(member) == 32 and isinstance(member, bytes)]
            short = [member for member in members if len(member) == 16 and isinstance(member, bytes)]
            payload = b"".join((*long, *short))
            description = {"do": operation, "id": segment_id, "type": identifier_type, "long": len(long)}
            if len(long) + len(short) < len(members):
                description["text"] = [member for member in members if isinstance(member, str)]
    encoded = json.dumps(description).encode()
    return _HEADER.pack(len(encoded), len(payload), zlib.crc32(payload, zlib.crc32(encoded))) + encoded + payload


def _next_record(header: bytes, read: Callable[[int], bytes]) -> tuple[bytes, bytes] | None:
    """Description and payload of the record that starts with this header; None where no whole record follows."""
    if len(header) < _HEADER.size:
        return None
    description_size, payload_size, checksum = _HEADER.unpack(header)
    description, payload = read(description_size), read(payload_size)
    if zlib.crc32(payload, zlib.crc32(description)) != checksum or len(payload) != payload_size:
        return None
    return description, payload


def _decoded(encoded: bytes, payload: bytes) -> DataChange:
    description = json.loads(encoded)
    match description.pop("do"):
        case "put":
            return SegmentPut(_segment(description))
        case "delete":
            return SegmentRemoved(description["id"])
        case "clear":
            return Cleared(description["id"])
        case "next":
            return NextId(description["id"])
        case operation:
            split = 32 * description["long"]
            long = [payload[start : start + 32] for start in range(0, split, 32)]
            short = [payload[start : start + 16] for start in range(split, len(payload), 16)]
            text = description.get("text", [])
            return Amended(description["id"], description["type"], operation, [*long, *short, *text])


def _segment(description: dict[str, Any]) -> SegmentRecord:
    if "advertiser_id" in description:
        # Files from before there was a second service.
        description["owner_id"] = description.pop("advertiser_id")
    service = CriteoService(description.pop("service", CriteoService.MARKETING_SOLUTIONS))
    return SegmentRecord(**description, service=service)
