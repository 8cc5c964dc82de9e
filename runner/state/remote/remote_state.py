"""The state in a bucket: immutable objects, one small control object, and a working copy on this machine.

The working copy is a folder like any other state's, rebuilt from the control object (a snapshot of the database and
the steps since) whenever it differs from it, and thrown away at the end: nothing in it has to survive. A step is taken
in the working copy and, before that is committed, written to the control object; that write is what makes it true.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from shutil import copyfile, rmtree
from sqlite3 import Connection
from threading import RLock
from typing import Any

from runner.core.errors import StateError
from runner.state.clock import machine_time
from runner.state.db.journal import JournalEntry, apply_entry
from runner.state.db.tables import deltas
from runner.state.local.local_state import LocalState
from runner.state.local.state_folder import StoredFile
from runner.state.remote import control_object, lease
from runner.state.remote.cache import Cache, cache_folder
from runner.state.remote.control_object import Control, Snapshot
from runner.state.remote.encryption import sealing_of
from runner.state.remote.garbage_collection import garbage, object_name
from runner.state.remote.lease import Lease, LeaseTimings
from runner.state.remote.object_store import Bucket, Unanswered
from runner.state.state_errors import file_faults

RIDES = frozenset({"mark_taken", "record", "begin_run", "end_run"})
"""Steps that are written with the next one: without its answer a batch is unknown, and a run's story tells less."""

JOURNAL_STEPS = 200
"""Steps after which the database itself is stored, so that the control object stays small."""

_FRESH = 2.0
"""Seconds for which a reader takes what it has read for current."""

_NEVER = float("-inf")

_DATABASE = "restore it from a version that the bucket keeps, or from a copy with `headcount state push --force`"
_OPTIONS = LeaseTimings()


class RemoteState(LocalState):
    """Implements runner.state.interface.State in a bucket. May be used by several threads."""

    def __init__(
        self,
        location: str,
        environ: Mapping[str, str],
        clock: Callable[[], datetime] = machine_time,
        terms: LeaseTimings = _OPTIONS,
        fresh: float = _FRESH,
    ) -> None:
        """Touches nothing. Raises UsageError for a location or a key that cannot be one."""
        self.bucket = Bucket(location, sealing_of(environ))
        self._cache = Cache(cache_folder(self.bucket.location, environ))
        self.terms, self._fresh = terms, fresh
        self._lease: Lease | None = None
        self._shown: Control | None = None
        self._lifted = False
        self._read_at = _NEVER
        self._turn = RLock()
        super().__init__(self._cache.copy, clock)

    # -- the lock ------------------------------------------------------------------------------------------------

    @contextmanager
    def lock(self, command: str) -> Iterator[None]:
        held = lease.acquire(self.bucket, command, self.clock, self.terms)
        held.start()
        try:
            self._show(held.control)
            with super().lock(command):
                self._lease = held
                try:
                    self._tidy(held.control)
                    yield
                finally:
                    self._lease = None
        except BaseException:
            held.abandon()
            raise
        else:
            held.release()
        finally:
            self.forget_what_was_read()

    def require_lock(self) -> None:
        if self._lease is not None:
            self._lease.require()

    def close(self) -> None:
        super().close()
        self._cache.close()
        self.forget_what_was_read()

    # -- reading -------------------------------------------------------------------------------------------------

    def refresh(self) -> Control | None:
        """Read the control object and make the working copy show it; None where no state was begun."""
        with self._turn:
            seen = control_object.read(self.bucket)
            self._read_at = time.monotonic()
            if seen is None:
                self._forget_copy()
                return None
            lease.require_here(seen.control, self.bucket)
            self._show(seen.control)
            return seen.control

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if self._lease is None and time.monotonic() - self._read_at > self._fresh:
            self.refresh()
        with super()._reading() as db:
            yield db

    def _show(self, now: Control) -> None:
        """Make the working copy what the control object says."""
        with self._turn:
            shown = self._shown
            if shown is not None and (shown.snapshot, shown.journal) == (now.snapshot, now.journal):
                return
            self._cache.open()
            snapshot = self._snapshot_file(now.snapshot) if now.snapshot is not None else None
            with self._database.replaced():
                self._place_database(snapshot)
                self._database.open_for_writing()
                self._lifted = self._database.migrated
                with self._database.transaction() as db:
                    for step in now.journal:
                        self._take_again(db, step)
            self._shown = now

    def _take_again(self, db: Connection, step: JournalEntry) -> None:
        try:
            apply_entry(db, step)
        except StateError:
            raise
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            where = f"{self.bucket.location}/{control_object.NAME}"
            raise StateError(
                f"{where} is damaged, or written by a newer Headcount: the step `{step.do}` cannot be taken", _DATABASE
            ) from error

    def _place_database(self, snapshot: Path | None) -> None:
        folder = self._folder.path
        with file_faults(folder):
            if snapshot is None:
                rmtree(folder, ignore_errors=True)
            self._folder.prepare()
            for file in folder.glob("state.db*"):
                file.unlink()
            if snapshot is not None:
                copyfile(snapshot, self._folder.database)
                self._folder.database.chmod(0o600)

    def _forget_copy(self) -> None:
        with self._database.replaced():
            rmtree(self._folder.path, ignore_errors=True)
        self._shown = None

    def _snapshot_file(self, snapshot: Snapshot) -> Path:
        found = self._cache.find(snapshot.sha256, snapshot.size)
        if found is not None and _checksum(found) == snapshot.sha256:
            return found
        return self._fetched(snapshot.object, snapshot.sha256, snapshot.size, _DATABASE)

    def _fetched(self, name: str, sha256: str, size: int, hint: str) -> Path:
        parts = self.bucket.download(name, hint)
        return self._cache.fetch(parts, sha256, size, f"{self.bucket.location}/{name}", hint)

    def _require(self, file: StoredFile, hint: str) -> None:
        """The file, fetched if this machine does not have it, and fetched again if what it has is damaged."""
        target = self._folder.path / file.path
        if not target.exists():
            found = self._cache.find(file.sha256, file.size)
            if found is None:
                self._bring(file, hint)
            else:
                self._cache.place(found, self._folder.make_room(file.path))
        try:
            self._folder.verify(file, hint)
        except StateError:
            self._cache.drop(file.sha256)
            self._bring(file, hint)
            self._folder.verify(file, hint)

    def _bring(self, file: StoredFile, hint: str) -> None:
        name = object_name(file, self.bucket.sealing)
        found = self._fetched(name, file.sha256, file.size, hint)
        self._cache.place(found, self._folder.make_room(file.path))

    # -- the state as a whole ------------------------------------------------------------------------------------

    @property
    def location(self) -> str:
        return self.bucket.location

    def holder(self) -> str:
        seen = control_object.read(self.bucket)
        return lease.holder_of(seen, self.clock()) if seen is not None else ""

    def moved_to(self) -> str:
        seen = control_object.read(self.bucket)
        return seen.control.moved_to if seen is not None else ""

    def leave(self, location: str) -> None:
        assert self._lease is not None
        self._lease.move(location)

    def end_lock(self) -> str:
        """Take the state away from whoever holds it; gives who that was, empty when nobody did."""
        held = self.holder()
        return held if lease.end(self.bucket) is not None else ""

    def scratch(self, name: str) -> Path:
        """A path beside the working copy for a file that goes with it."""
        self._cache.open()
        return self._folder.path.parent / name

    def stored(self, database: Path, epoch: int, steps: int) -> Snapshot:
        """Store a copy of a database that so many steps led to."""
        sha256 = _checksum(database)
        name = f"snapshots/{epoch:08d}-{steps:010d}-{self.bucket.sealing.tag(sha256)}.db"
        self.bucket.upload(name, database)
        self._cache.add(database, sha256)
        return Snapshot(name, database.stat().st_size, sha256, steps)

    def forget_what_was_read(self) -> None:
        """Read the control object again before anything is said of the state."""
        self._shown, self._read_at = None, _NEVER

    # -- changing ------------------------------------------------------------------------------------------------

    def _do(self, do: str, **arguments: Any) -> Any:
        held = self._lease
        if held is None:
            raise RuntimeError("the state is only changed while its lock is held")
        with self._turn:
            before = held.steps
            try:
                result = super()._do(do, **arguments)
            except BaseException:
                if held.steps != before:
                    held.give_up("the working copy of the state could not be written")
                raise
            if held.is_long(JOURNAL_STEPS):
                self._store_database(held)
            return result

    def _write_down(self, step: JournalEntry) -> None:
        assert self._lease is not None
        if step.do in RIDES:
            self._lease.defer(step)
        else:
            self._lease.write(step)

    def _keep(self, file: StoredFile) -> None:
        self.require_lock()
        path = self._folder.path / file.path
        self.bucket.upload(object_name(file, self.bucket.sealing), path)
        self._cache.add(path, file.sha256)

    def _store_database(self, held: Lease) -> None:
        """Store the database itself; the journal starts over. A store that does not answer is asked again later."""
        copy = self.scratch("snapshot.tmp")
        with self._turn, suppress(Unanswered):
            held.postpone()
            steps = held.steps
            self._database.copy_to(copy)
            held.snapshot(self.stored(copy, held.control.epoch, steps))

    def _tidy(self, now: Control) -> None:
        """At the start of a run: a snapshot where there is none or only an older format's, and what is garbage gone."""
        assert self._lease is not None
        if now.snapshot is None or self._lifted:
            self._store_database(self._lease)
            self._lifted = False
        with self._reading() as db:
            files = tuple(deltas.every_file(db))
            serials = deltas.serials(db)
        snapshot = self._lease.control.snapshot
        kept = {file.sha256 for file in files} | ({snapshot.sha256} if snapshot else set())
        self._cache.prune(kept)
        referenced = {object_name(file, self.bucket.sealing) for file in files} | (
            {snapshot.object} if snapshot else set()
        )
        with suppress(StateError):
            self.bucket.delete(garbage(self.bucket, referenced, serials, self.clock()))


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
