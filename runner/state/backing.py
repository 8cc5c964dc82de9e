"""What a place for the state must do: where the database and the files are, and what makes a change of them true.

The store (store.py) says what is remembered; a backing says how it becomes durable there. A folder and a bucket are
the two there are.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Protocol

from runner.state.db.database import Database
from runner.state.db.journal import JournalEntry
from runner.state.interface import State
from runner.state.local.state_folder import StateFolder, StoredFile


class Backing(Protocol):
    """Where a state is kept. Every method may raise StateError."""

    @property
    def location(self) -> str:
        """Where the state is, as a person would write it."""

    @property
    def folder(self) -> StateFolder:
        """The folder on this machine in which files are read and written: the state itself, or a working copy."""

    @property
    def is_folder(self) -> bool:
        """Whether that folder is the state itself."""

    @property
    def database(self) -> Database:
        """The database in that folder."""

    def reading(self) -> AbstractContextManager[Connection]:
        """One consistent moment of the database, up to date, whose values must make sense."""

    def take(self, entry: JournalEntry) -> Any:
        """Make a change: whole, durable and true when this returns, or not at all. Needs the lock."""

    def keep(self, file: StoredFile) -> None:
        """Make a file of the folder durable before a record points to it. Needs the lock."""

    def require(self, file: StoredFile, hint: str) -> None:
        """Have a file in the folder; raise StateError, with the hint, unless its content is what was written."""

    def lock(self, command: str) -> AbstractContextManager[None]:
        """Hold the state for one run, what dead runs left removed; raises Locked when another run holds it."""

    def require_lock(self) -> None:
        """Raise LockLost when this run held the lock and someone else may have it now."""

    def holder(self) -> str:
        """Who holds the lock, in words; empty when nobody does."""

    def unlock(self) -> None:
        """Take the lock from its holder. Raises HeadcountError where only the holder's end opens it."""

    def copy_database(self, target: Path) -> None:
        """Write one consistent moment of the database into a file of its own."""

    def moved_to(self) -> str:
        """Where the state went, empty when it is here."""

    def leave(self, location: str) -> None:
        """The state is elsewhere from now on, and this place says so. Needs the lock."""

    def replacing(self, command: str, *, force: bool) -> AbstractContextManager[Callable[[State], None]]:
        """Hold the state in order to make it what another one is; with `force`, also a damaged or a moved one.

        Raises UsageError, at once, for a place whose state is not replaced so.
        """

    def close(self) -> None:
        """Give back the database and what else is open."""
