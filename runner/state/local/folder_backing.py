"""A state in a folder of this machine: SQLite for what changes, immutable Parquet files for what is big.

Reading creates nothing and waits for nobody. Everything that changes something needs the lock, is one transaction, and
is on the disk before it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from runner.core.errors import HeadcountError, UsageError
from runner.core.fingerprints import Salt
from runner.core.older_versions import NO_OLDER, OlderVersions
from runner.state.db import checksums
from runner.state.db.database import Database
from runner.state.db.journal import JournalEntry, apply_entry
from runner.state.db.tables import deltas, salts
from runner.state.interface import State
from runner.state.local.lock import HeldLock, held_lock, holder_of
from runner.state.local.second_name import begin_session, identity, keep, require_last_used, set_aside
from runner.state.local.state_folder import StateFolder, StoredFile
from runner.state.local.whole_files import WholeFiles
from runner.state.state_errors import damaged, file_faults


class FolderBacking:
    """Implements runner.state.interface.Backing in a folder. May be used by several threads."""

    is_folder = True

    def __init__(self, folder: Path, clock: Callable[[], datetime], whole: WholeFiles | None = None) -> None:
        """Touches nothing; `clock` (aware, UTC) dates the lock. `whole` notes which files were found to be whole."""
        self.folder = StateFolder(folder, whole)
        self.database = Database(self.folder.database, self.folder.require_plausible)
        self._clock = clock
        self._held: HeldLock | None = None
        self._is_own = False

    @property
    def location(self) -> str:
        return str(self.folder.path)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        if not self._is_own:
            self.folder.require_untracked()
        with self.database.snapshot() as db:
            try:
                if not self._is_own and self.folder.database.exists():
                    require_last_used(self.folder.database, identity(db))
                self._is_own = True
                yield db
            except checksums.Mismatch as error:
                raise damaged(self.folder.database, str(error)) from error
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise damaged(self.folder.database, "it holds a value that means nothing") from error

    def take(self, entry: JournalEntry, before_commit: Callable[[JournalEntry], None] = lambda _: None) -> Any:
        """Make a change in one transaction; what `before_commit` raises undoes it."""
        with self.database.transaction() as db:
            result = apply_entry(db, entry)
            before_commit(entry)
        return result

    def keep_salt(self, salt: Salt, at: str) -> bool:
        with self.database.transaction() as db:
            salts.add(db, salt, at)
        return True

    def keep(self, file: StoredFile) -> None:
        """What sealed it has made it durable."""

    def require(self, file: StoredFile, hint: str) -> None:
        self.folder.verify(file, hint)

    @contextmanager
    def lock(self, command: str) -> Iterator[None]:
        self._is_own = False
        self.folder.require_untracked()
        self.folder.prepare()
        self.database.begin()
        with held_lock(self.folder.lock, command, self._clock()) as held:
            self.database.open_for_writing()
            self._held = held
            try:
                with self.reading() as db:
                    referenced = deltas.every_path(db)
                with self.database.transaction() as db:
                    own = begin_session(db)
                with file_faults(self.folder.database):
                    keep(self.folder.database, own)
                self.folder.sweep(referenced)
                yield
                self.folder.note_whole()
            finally:
                self._held = None
                self.database.close()

    def require_lock(self) -> None:
        """The lock of a folder is the operating system's: no time takes it away."""

    def confirm_lock(self, within: float) -> None:
        held = self._held
        if held is not None:
            held.confirm()

    def holder(self) -> str:
        return holder_of(self.folder.lock, self._clock())

    def unlock(self) -> None:
        raise HeadcountError(f"the state is held by {self.holder()}", "stop that process, and the lock opens by itself")

    def copy_database(self, target: Path) -> None:
        with self.reading():
            pass  # what cannot be read is reported before anything is copied
        self.database.copy_to(target)

    def purge(self) -> None:
        with self.reading() as db:
            self.folder.sweep(deltas.every_path(db))

    def older_versions(self, holds: Callable[[Path], bool]) -> OlderVersions:
        return NO_OLDER

    def accept(self) -> None:
        with file_faults(self.folder.database):
            set_aside(self.folder.database)

    def moved_to(self) -> str:
        return self.folder.moved_to()

    def leave(self, location: str) -> None:
        self.database.close()
        self.folder.leave(location)

    def replacing(self, command: str, *, force: bool) -> AbstractContextManager[Callable[[State], None]]:
        raise UsageError(
            f"the state is a folder, {self.location}", "put the other folder in its place; push is for a bucket"
        )

    def close(self) -> None:
        self.database.close()
