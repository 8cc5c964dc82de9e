"""Which large files of a state were whole when a run looked last: noted on this machine, outside of the state.

A plan may take the note's word for a file that nobody has touched since: it shows numbers and changes nothing. What
changes something reads each file that it goes by to its end, whatever the note says (docs/adr/0053).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from runner.disk.durable_files import write_atomically
from runner.quick_dataclass import dataclass

if TYPE_CHECKING:
    from runner.state.local.state_folder import StoredFile

LEAST = 1_000_000
"""Bytes of a file from which on it is noted: to read a smaller one takes no longer than to read the note."""

SETTLED, SETTLED_IN_SECONDS = 100_000_000, 2_000_000_000
"""Nanoseconds for which a file must have been left alone before it is looked at: a change within one tick of the file
system's clock would not show. Clocks tick every ten milliseconds or more often; one that shows a time of whole seconds
may count in these."""


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What changes when someone replaces or rewrites a file: the times are in nanoseconds, `changed` is the system's
    own and cannot be set."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> FileIdentity:
        """Raises OSError."""
        found = path.stat()
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def same_content(self, other: FileIdentity | None) -> bool:
        """Whether it is the same file, unchanged while this process ran; it may have got a further name since."""
        return other is not None and (self.inode, self.size, self.modified) == (
            other.inode,
            other.size,
            other.modified,
        )


@dataclass(frozen=True, slots=True)
class Look:
    """What a file was when a look at all of it began, at a time of the machine's clock in nanoseconds."""

    identity: FileIdentity
    at: int


class WholeFiles:
    """The note for one state's folder. What is wrong with it is never an error: then files are read."""

    def __init__(self, note: Path, *, trusted: bool) -> None:
        """Touches nothing. Without `trusted` nothing is taken from the note, only written."""
        self._note = note
        self._trusted = trusted
        self._known: dict[str, list[object]] | None = None

    def has(self, stored: StoredFile, identity: FileIdentity) -> bool:
        """Whether that file was found to be what it must be, and is the one that was looked at."""
        if not self._trusted or stored.size < LEAST:
            return False
        if self._known is None:
            self._known = self._read()
        return self._known.get(stored.path) == _entry(stored, identity)

    def add(self, folder: Path, looks: Mapping[StoredFile, Look]) -> None:
        """Note what was found to be whole, beside what was noted before of files that are as they were then."""
        before = self._read()
        entries = {path: entry for path, entry in before.items() if _is_as_then(folder / path, entry)}
        for stored, look in looks.items():
            if stored.size >= LEAST and look.identity.changed + _patience(look.identity.changed) <= look.at:
                entries[stored.path] = _entry(stored, look.identity)
        if entries == before:
            return
        with suppress(OSError):
            self._note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self._note, json.dumps(entries), 0o600)

    def _read(self) -> dict[str, list[object]]:
        try:
            found = json.loads(self._note.read_text(encoding="utf-8"))
            return {str(path): list(entry) for path, entry in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


def _patience(changed: int) -> int:
    return SETTLED if changed % 1_000_000_000 else SETTLED_IN_SECONDS


def _entry(stored: StoredFile, identity: FileIdentity) -> list[object]:
    return [stored.sha256, *_numbers(identity)]


def _numbers(identity: FileIdentity) -> tuple[int, ...]:
    return (identity.device, identity.inode, identity.size, identity.modified, identity.changed)


def _is_as_then(path: Path, entry: list[object]) -> bool:
    try:
        return entry[1:] == [*_numbers(FileIdentity.of(path))]
    except (OSError, ValueError):
        return False
