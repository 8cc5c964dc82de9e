"""What a state keeps: audiences and the files that belong to them, as `headcount state list` shows them."""

from __future__ import annotations

from pathlib import Path
from sqlite3 import Connection
from tempfile import TemporaryDirectory

from runner.core.records import AppliedAudience
from runner.quick_dataclass import dataclass
from runner.state.db.database import Database
from runner.state.db.tables import audiences
from runner.state.db.tables.deltas import every_file, files
from runner.state.interface import State
from runner.state.local.state_folder import StoredFile
from runner.state.state_errors import RESTORE


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of an audience; `role` is members, changes (of these) or outbox (a delta on its way), `size` in bytes."""

    role: str
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class KeptAudience:
    """An audience and its files."""

    applied: AppliedAudience
    files: tuple[KeptFile, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """All that is kept at a place; `holder` says in words who holds it, empty when nobody does."""

    location: str
    holder: str
    audiences: tuple[KeptAudience, ...]

    @property
    def size(self) -> int:
        """Of all files, in bytes."""
        return sum(file.size for kept in self.audiences for file in kept.files)


def contents_of(state: State) -> Contents:
    """What a state keeps at one moment; no file is read for it."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "state.db"
        state.backing.copy_database(copy)
        reader = Database(copy, lambda: None)
        try:
            with reader.snapshot() as db:
                kept = tuple(KeptAudience(applied, _files(db, applied.record_id)) for applied in audiences.every(db))
        finally:
            reader.close()
    return Contents(state.backing.location, state.backing.holder(), kept)


def _files(db: Connection, key: int) -> tuple[KeptFile, ...]:
    """In the words of a reader: of two files of a membership, one is the whole, and one what has changed since."""
    found = files(db, key)
    words = {"previous": "members", "members": "changes"} if "previous" in found else {}
    named = sorted((words.get(role, role), file) for role, file in found.items())
    return tuple(KeptFile(role, file.path, file.size) for role, file in named)


def files_of(database: Path) -> tuple[StoredFile, ...]:
    """The files that a database points to which nobody writes."""
    reader = Database(database, lambda: None)
    try:
        with reader.snapshot() as db:
            return every_file(db)
    finally:
        reader.close()


def file_of(state: State, file: StoredFile) -> Path:
    """Where a file of a state is on this machine. Raises StateError unless it is whole."""
    state.backing.require(file, RESTORE)
    return state.backing.folder.path / file.path
