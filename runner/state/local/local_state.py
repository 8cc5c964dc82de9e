"""The state in a folder of this machine: SQLite for what changes, immutable Parquet files for what is big.

Reading creates nothing and waits for nobody. Everything that changes something needs the lock, is one transaction, and
is on the disk before it returns; files are written first and pointed to afterwards, and removed as soon as nothing
points to them any more. A reader that was told a path a moment ago may find the file gone, and then asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from runner.core.destination import Accepted
from runner.core.errors import StateError
from runner.core.identifiers import IdentifierType
from runner.core.membership import Batch, MembershipFiles
from runner.core.records import ActivationRun, AppliedAudience, Definition, Latest, Run
from runner.state.clock import machine_time
from runner.state.db import checksums, codec
from runner.state.db.database import Database
from runner.state.db.journal import JournalEntry, apply_entry
from runner.state.db.tables import audiences, deltas, runs
from runner.state.local.lock import held_lock, holder_of
from runner.state.local.state_folder import Reserved, StateFolder, StoredFile, file_path, folder_name
from runner.state.state_errors import RESTORE, damaged


class LocalState:
    """Implements runner.state.interface.State in a folder. May be used by several threads."""

    def __init__(self, folder: Path, clock: Callable[[], datetime] = machine_time) -> None:
        """Touches nothing; `clock` (aware, UTC) dates the lock."""
        self._folder = StateFolder(folder)
        self._database = Database(self._folder.database, self._folder.require_plausible)
        self.clock = clock
        self._reserved: dict[tuple[int, str], Reserved] = {}

    # -- reading -------------------------------------------------------------------------------------------------

    def audiences(self) -> tuple[AppliedAudience, ...]:
        with self._reading() as db:
            return audiences.every(db)

    def given_up(self) -> tuple[AppliedAudience, ...]:
        with self._reading() as db:
            return audiences.given_up(db)

    def audience(self, key: int) -> AppliedAudience:
        with self._reading() as db:
            found = audiences.one(db, key)
        if found is None:
            raise RuntimeError(f"the state has no audience {key}")
        return found

    def held(self, key: int) -> MembershipFiles:
        activation, held, files = self._pointers(key)
        hint = f"`headcount sync --rebuild {activation}` clears the audience and fills it again"
        while True:
            try:
                for stored in files:
                    self._require(stored, hint)
            except StateError:
                # A run may have moved the pointers meanwhile: only what is still pointed to can be missed.
                before = files
                activation, held, files = self._pointers(key)
                if files == before:
                    raise
            else:
                return held

    def runs(self, activation: str | None = None, limit: int = 20) -> tuple[Run, ...]:
        with self._reading() as db:
            return runs.runs(db, activation, limit)

    def latest(self) -> Mapping[str, Latest]:
        with self._reading() as db:
            return runs.latest(db)

    def last_good(self) -> Mapping[str, datetime]:
        return {activation: last.good.started_at for activation, last in self.latest().items() if last.good}

    # -- the lock ------------------------------------------------------------------------------------------------

    @contextmanager
    def lock(self, command: str) -> Iterator[None]:
        self._folder.prepare()
        self._database.begin()
        with held_lock(self._folder.lock, command, self.clock()):
            self._database.open_for_writing()
            try:
                self._reserved.clear()
                with self._reading() as db:
                    referenced = deltas.every_path(db)
                self._folder.sweep(referenced)
                yield
            finally:
                self._database.close()

    def require_lock(self) -> None:
        """The lock of a folder is the operating system's: it cannot be lost."""

    # -- audiences -----------------------------------------------------------------------------------------------

    def intend(
        self, activation: str, destination: str, kind: str, account_id: str, definition: Definition, at: datetime
    ) -> int:
        return self._intended(
            "intend",
            activation=activation,
            destination=destination,
            kind=kind,
            account_id=account_id,
            definition=codec.definition_data(definition),
            at=codec.from_time(at),
        )

    def created(self, key: int, audience_id: str) -> None:
        self._do("created", key=key, audience_id=audience_id)

    def give_up(self, key: int, at: datetime) -> None:
        self._do("give_up", key=key, at=codec.from_time(at))

    def imported(
        self, activation: str, destination: str, kind: str, account_id: str, audience_id: str, at: datetime
    ) -> int:
        return self._intended(
            "imported",
            activation=activation,
            destination=destination,
            kind=kind,
            account_id=account_id,
            audience_id=audience_id,
            at=codec.from_time(at),
        )

    def define(self, key: int, definition: Definition, destination: str, at: datetime) -> None:
        data = codec.definition_data(definition)
        self._do("define", key=key, definition=data, destination=destination, at=codec.from_time(at))

    def require_refill(self, key: int) -> None:
        self._do("require_refill", key=key)

    def cleared(self, key: int) -> None:
        with self._database.transaction() as db:
            reserved = self._reserve(db, key, "members")
        gone = self._do("cleared", key=key, counter=reserved.counter, serial=reserved.serial)
        self._settle(gone, key)

    def forget(self, key: int) -> None:
        self._settle(self._do("forget", key=key), key)

    # -- deltas --------------------------------------------------------------------------------------------------

    def outbox_path(self, key: int) -> Path:
        return self._path_for(key, "outbox")

    def open_delta(self, key: int, batches: tuple[Batch, ...]) -> None:
        reserved, file = self._sealed(key, "outbox")
        listed = [[batch.number, batch.operation, batch.identifier_type, batch.identifiers] for batch in batches]
        self._do(
            "open_delta", key=key, counter=reserved.counter, serial=reserved.serial, file=asdict(file), batches=listed
        )
        del self._reserved[key, "outbox"]

    def mark_in_flight(self, key: int, number: int) -> None:
        self._do("mark_in_flight", key=key, number=number)

    def mark_taken(self, key: int, number: int, taken: Accepted) -> None:
        self._do("mark_taken", key=key, number=number, invalid=taken.invalid)

    def members_path(self, key: int) -> Path:
        return self._path_for(key, "members")

    def close_delta(
        self,
        key: int,
        members: Mapping[IdentifierType, int],
        unknown: Mapping[IdentifierType, int],
        *,
        changes_only: bool = False,
    ) -> None:
        reserved, file = self._sealed(key, "members")
        gone = self._do(
            "close_delta",
            key=key,
            counter=reserved.counter,
            serial=reserved.serial,
            file=asdict(file),
            members=dict(members),
            unknown=dict(unknown),
            **({"changes_only": True} if changes_only else {}),
        )
        self._settle(gone, key)

    # -- runs ----------------------------------------------------------------------------------------------------

    def begin_run(self, command: str, at: datetime) -> int:
        return self._intended("begin_run", command=command, at=codec.from_time(at))

    def record(self, run: int, activation: ActivationRun) -> None:
        self._do("record", run=run, activation=asdict(activation))

    def end_run(self, run: int, at: datetime) -> None:
        self._do("end_run", run=run, at=codec.from_time(at))

    def close(self) -> None:
        self._database.close()

    # -- the state as a whole ------------------------------------------------------------------------------------

    @property
    def location(self) -> str:
        """Where the state is, as a person would write it."""
        return str(self._folder.path)

    def file(self, file: StoredFile) -> Path:
        """Where a file is that is whole. Raises StateError."""
        self._require(file, RESTORE)
        return self._folder.path / file.path

    def copy_database(self, target: Path) -> None:
        """Write one consistent moment of the database into a file of its own."""
        with self._reading():
            pass  # what cannot be read is told, and a working copy is up to date
        self._database.copy_to(target)

    def holder(self) -> str:
        """Who holds the lock, in words; empty when nobody does."""
        return holder_of(self._folder.lock, self.clock())

    def moved_to(self) -> str:
        """Where the state went, empty when it is here."""
        return self._folder.moved_to()

    def leave(self, location: str) -> None:
        """The state is elsewhere from now on, and this place says so. Needs the lock."""
        self._database.close()
        self._folder.leave(location)

    # -- within --------------------------------------------------------------------------------------------------

    def _do(self, do: str, **arguments: Any) -> Any:
        """Take one step: in the database and, where there is one, in the journal, or in neither."""
        step = JournalEntry(do, arguments)
        with self._database.transaction() as db:
            result = apply_entry(db, step)
            self._write_down(step)
        return result

    def _intended(self, do: str, **arguments: Any) -> int:
        return int(self._do(do, **arguments))

    def _write_down(self, step: JournalEntry) -> None:
        """Called before a step is committed; what it raises undoes the step."""

    def _keep(self, file: StoredFile) -> None:
        """Called when a file is whole on the disk, before a record points to it."""

    def _require(self, file: StoredFile, hint: str) -> None:
        """Raise StateError, with the hint, unless the file is there and its content is what was written."""
        self._folder.verify(file, hint)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """One consistent moment of the database, whose values must make sense."""
        with self._database.snapshot() as db:
            try:
                yield db
            except checksums.Mismatch as error:
                raise damaged(self._folder.database, str(error)) from error
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise damaged(self._folder.database, "it holds a value that means nothing") from error

    def _pointers(self, key: int) -> tuple[str, MembershipFiles, tuple[StoredFile, ...]]:
        """The activation of an audience, what it holds, and the files that must be whole for that."""
        with self._reading() as db:
            activation = audiences.activation_of(db, key)
            if activation is None:
                raise StateError("the state does not know this audience any more", "run again to see how things stand")
            if audiences.must_refill(db, key):
                return activation, MembershipFiles(), ()
            return activation, *deltas.held(db, key, self._folder.path)

    def _path_for(self, key: int, kind: str) -> Path:
        """Where the next file of a kind is written; the same path until it has been used."""
        with self._database.transaction() as db:
            reserved = self._reserve(db, key, kind)
        return self._folder.make_room(reserved.path)

    def _reserve(self, db: Connection, key: int, kind: str) -> Reserved:
        if (key, kind) not in self._reserved:
            activation = audiences.activation_of(db, key)
            if activation is None:
                raise RuntimeError(f"the state has no audience {key}")
            # Folders that differ in case only may be one folder: they share their serials.
            counter = folder_name(activation).casefold()
            given_out = [other.serial for other in tuple(self._reserved.values()) if other.counter == counter]
            serial = max(deltas.last_serial(db, counter), *given_out, 0) + 1
            self._reserved[key, kind] = Reserved(file_path(kind, activation, serial), counter, serial)
        return self._reserved[key, kind]

    def _sealed(self, key: int, kind: str) -> tuple[Reserved, StoredFile]:
        """The file that was written at the reserved path, whole and on the disk."""
        reserved = self._reserved.get((key, kind))
        if reserved is None:
            raise RuntimeError(f"no path for the {kind} of audience {key} was asked for")
        file = self._folder.seal(reserved.path)
        self._keep(file)
        return reserved, file

    def _settle(self, gone: tuple[str, ...], key: int) -> None:
        """After the transaction: remove files, give back paths."""
        self._folder.remove(gone)
        for kind in ("members", "outbox"):
            self._reserved.pop((key, kind), None)
