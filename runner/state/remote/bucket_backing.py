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
from functools import partial
from pathlib import Path
from shutil import copyfile, rmtree
from sqlite3 import Connection
from threading import RLock
from typing import Any

from runner.core.errors import StateError
from runner.core.fingerprints import Salt
from runner.core.older_versions import OlderVersions
from runner.disk.durable_files import checksum
from runner.state.db.database import Database
from runner.state.db.journal import JournalEntry, apply_entry
from runner.state.db.tables import deltas, salts
from runner.state.interface import State
from runner.state.inventory import file_of, files_of
from runner.state.local.folder_backing import FolderBacking
from runner.state.local.state_folder import StateFolder, StoredFile
from runner.state.remote import control_object, lease, stored_steps
from runner.state.remote.cache import Cache, cache_folder
from runner.state.remote.control_object import COMPRESSED, RESTORE, Control, Snapshot, Steps
from runner.state.remote.encryption import sealing_of
from runner.state.remote.garbage_collection import garbage, object_name, unreferenced
from runner.state.remote.lease import Lease, LeaseTimings
from runner.state.remote.object_store import ObjectStore, Unanswered
from runner.state.remote.older_objects import older_versions
from runner.state.state_errors import file_faults

RIDES = frozenset({"mark_taken", "record", "record_rest", "begin_run", "forget_runs", "end_run", "outbox_fingerprints"})
"""Steps that are written with the next one: without its answer a batch is unknown, and a run's story tells less."""

TIMINGS = LeaseTimings()
_NEVER = float("-inf")


class BucketBacking:
    """Implements runner.state.interface.Backing in an object store. May be used by several threads."""

    is_folder = False

    def __init__(
        self,
        store: ObjectStore,
        cache: Cache,
        clock: Callable[[], datetime],
        timings: LeaseTimings,
        fresh: float,
    ) -> None:
        """Touches nothing; `cache` is this machine's, `fresh` for how many seconds a reader takes what it read."""
        self.store, self._cache = store, cache
        self._clock, self._timings, self._fresh = clock, timings, fresh
        self._copy = FolderBacking(cache.copy, clock)
        self.lease: Lease | None = None
        self._shown: Control | None = None
        self._lifted = False
        self._read_at = _NEVER
        self._turn = RLock()

    @property
    def location(self) -> str:
        return self.store.location

    @property
    def folder(self) -> StateFolder:
        return self._copy.folder

    @property
    def database(self) -> Database:
        return self._copy.database

    # -- the lock ------------------------------------------------------------------------------------------------

    @contextmanager
    def lock(self, command: str) -> Iterator[None]:
        with self._leased(command) as held:
            self._show(held.control)
            with self._copy.lock(command):
                self.lease = held
                try:
                    self._tidy(held.control)
                    yield
                finally:
                    self.lease = None

    @contextmanager
    def _leased(self, command: str, *, force: bool = False) -> Iterator[Lease]:
        """Hold the lease, and give it back at the end, whatever the end is."""
        held = lease.acquire(self.store, command, self._clock, self._timings, force=force)
        held.start()
        try:
            yield held
            held.release()
        except BaseException:
            held.abandon()
            raise
        finally:
            self.forget_what_was_read()

    def require_lock(self) -> None:
        if self.lease is not None:
            self.lease.require()

    def confirm_lock(self, within: float) -> None:
        held = self.lease
        if held is not None:
            held.confirm(within)
            self._copy.confirm_lock(within)

    def close(self) -> None:
        self._copy.close()
        self._cache.close()
        self.forget_what_was_read()

    # -- reading -------------------------------------------------------------------------------------------------

    def refresh(self) -> Control | None:
        """Read the control object and make the working copy show it; None where no state was begun."""
        with self._turn:
            seen = control_object.read(self.store)
            self._read_at = time.monotonic()
            if seen is None:
                self._forget_copy()
                return None
            lease.require_here(seen.control, self.store)
            self._show(seen.control)
            return seen.control

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        if self.lease is None and time.monotonic() - self._read_at > self._fresh:
            self.refresh()
        with self._copy.reading() as db:
            yield db

    def _show(self, now: Control) -> None:
        """Make the working copy what the control object says."""
        with self._turn:
            shown = self._shown
            if shown is not None and (shown.objects, shown.journal) == (now.objects, now.journal):
                return
            self._cache.open()
            snapshot = self._stored_file(now.snapshot) if now.snapshot is not None else None
            steps = [step for one in now.stored for step in self._steps_in(one)]
            with self.database.replaced():
                self._place_database(snapshot, now.snapshot)
                self.database.open_for_writing()
                self._lifted = self.database.migrated
                with self.database.transaction() as db:
                    for step in (*steps, *now.journal):
                        self._take_again(db, step)
            self._shown = now

    def _take_again(self, db: Connection, step: JournalEntry) -> None:
        try:
            apply_entry(db, step)
        except StateError:
            raise
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            where = f"{self.store.location}/{control_object.NAME}"
            raise StateError(
                f"{where} is damaged, or written by a newer Headcount: the step `{step.do}` cannot be taken", RESTORE
            ) from error

    def _place_database(self, file: Path | None, snapshot: Snapshot | None) -> None:
        folder = self.folder.path
        with file_faults(folder):
            if snapshot is None:
                rmtree(folder, ignore_errors=True)
            self.folder.prepare()
            for old in folder.glob("state.db*"):
                old.unlink()
            if file is not None and snapshot is not None:
                self.folder.database.touch(0o600)
                with self._making_sense(snapshot.object):
                    (stored_steps.expand if snapshot.is_compressed else copyfile)(file, self.folder.database)

    def _forget_copy(self) -> None:
        with self.database.replaced():
            rmtree(self.folder.path, ignore_errors=True)
        self._shown = None

    def _stored_file(self, stored: Snapshot | Steps) -> Path:
        found = self._cache.find(stored.sha256, stored.size)
        if found is not None and checksum(found) == stored.sha256:
            return found
        return self._fetched(stored.object, stored.sha256, stored.size, RESTORE)

    def _steps_in(self, stored: Steps) -> tuple[JournalEntry, ...]:
        with self._making_sense(stored.object):
            return stored_steps.decoded(self._stored_file(stored))

    @contextmanager
    def _making_sense(self, name: str) -> Iterator[None]:
        """What an object holds must mean something: its checksum is right, so it was written so."""
        try:
            yield
        except ValueError as error:
            raise StateError(
                f"{self.store.location}/{name} is damaged: it is not what Headcount writes", RESTORE
            ) from error

    def _fetched(self, name: str, sha256: str, size: int, hint: str) -> Path:
        parts = self.store.download(name, hint)
        return self._cache.fetch(parts, sha256, size, f"{self.store.location}/{name}", hint)

    def require(self, file: StoredFile, hint: str) -> None:
        """The file, fetched if this machine does not have it, and fetched again if what it has is damaged."""
        target = self.folder.path / file.path
        if not target.exists():
            found = self._cache.find(file.sha256, file.size)
            if found is None:
                self._bring(file, hint)
            else:
                self._cache.place(found, self.folder.make_room(file.path))
        try:
            self.folder.verify(file, hint)
        except StateError:
            self._cache.drop(file.sha256)
            self._bring(file, hint)
            self.folder.verify(file, hint)

    def _bring(self, file: StoredFile, hint: str) -> None:
        name = object_name(file, self.store.sealing)
        found = self._fetched(name, file.sha256, file.size, hint)
        self._cache.place(found, self.folder.make_room(file.path))

    # -- the state as a whole ------------------------------------------------------------------------------------

    def holder(self) -> str:
        seen = control_object.read(self.store)
        return lease.holder_of(seen, self._clock()) if seen is not None else ""

    def purge(self) -> None:
        self.require_lock()
        self._copy.purge()
        with self.reading() as db:
            files = tuple(deltas.every_file(db))
        assert self.lease is not None
        self._cache.prune({one.sha256 for one in (*files, *self.lease.control.objects)})
        referenced = {object_name(file, self.store.sealing) for file in files}
        self.store.delete(unreferenced(self.store, referenced))

    def older_versions(self, holds: Callable[[Path], bool]) -> OlderVersions:
        return older_versions(self.store, self.scratch("older.parquet"), holds)

    def accept(self) -> None:
        """A bucket has one control object, and no second name of it."""

    def moved_to(self) -> str:
        seen = control_object.read(self.store)
        return seen.control.moved_to if seen is not None else ""

    def leave(self, location: str) -> None:
        assert self.lease is not None
        self.lease.move(location)

    def unlock(self) -> None:
        lease.end(self.store)

    def copy_database(self, target: Path) -> None:
        with self.reading():
            pass  # what cannot be read is reported, and the working copy is up to date
        self.database.copy_to(target)

    @contextmanager
    def replacing(self, command: str, *, force: bool) -> Iterator[Callable[[State], None]]:
        with self._leased(command, force=force) as held:
            yield partial(self._become, held)

    def _become(self, held: Lease, source: State) -> None:
        """Become what another state is, which must be held as well, in one write."""
        copy = self.scratch("adopted.tmp")
        source.backing.copy_database(copy)
        for file in files_of(copy):
            self.store.upload(object_name(file, self.store.sealing), file_of(source, file))
        held.replace(self.stored(copy, held.control.epoch, held.steps + 1))

    def scratch(self, name: str) -> Path:
        """A path beside the working copy for a file that goes with it."""
        self._cache.open()
        return self.folder.path.parent / name

    def stored(self, database: Path, epoch: int, steps: int) -> Snapshot:
        """Store a copy of a database that so many steps led to."""
        packed = self.scratch(f"{database.name}.gz")
        with file_faults(packed):
            stored_steps.compress(database, packed)
        name, size, sha256 = self._kept_object("snapshots", f"{epoch:08d}-{steps:010d}", f"db{COMPRESSED}", packed)
        return Snapshot(name, size, sha256, steps)

    def _kept_object(self, kind: str, stem: str, suffix: str, file: Path) -> tuple[str, int, str]:
        """Store a file under a name that tells its content from every other; gives name, size and checksum."""
        sha256 = checksum(file)
        name = f"{kind}/{stem}-{self.store.sealing.tag(sha256)}.{suffix}"
        self.store.upload(name, file)
        self._cache.add(file, sha256)
        return name, file.stat().st_size, sha256

    def forget_what_was_read(self) -> None:
        """Read the control object again before anything is said of the state."""
        self._shown, self._read_at = None, _NEVER

    # -- changing ------------------------------------------------------------------------------------------------

    def take(self, entry: JournalEntry) -> Any:
        held = self.lease
        if held is None:
            raise RuntimeError("the state is only changed while its lock is held")
        with self._turn:
            before = held.steps
            try:
                result = self._copy.take(entry, self._write_down)
            except BaseException:
                if held.steps != before:
                    held.give_up("the working copy of the state could not be written")
                raise
            if held.is_long(stored_steps.JOURNAL_BYTES):
                self._shorten(held, grown=entry.do not in RIDES)
            return result

    def _write_down(self, step: JournalEntry) -> None:
        assert self.lease is not None
        if step.do in RIDES:
            self.lease.defer(step)
        else:
            self.lease.write(step)

    def keep_salt(self, salt: Salt, at: str) -> bool:
        """A step would be in the control object, which is not sealed: the database itself is stored with it."""
        held = self.lease
        if held is None:
            raise RuntimeError("the state is only changed while its lock is held")
        with self._turn:
            self._copy.keep_salt(salt, at)
            try:
                held.postpone()
                self._store_database(held)
            except Unanswered:
                with self.database.transaction() as db:
                    salts.remove(db, salt)
                return False
        return True

    def keep(self, file: StoredFile) -> None:
        self.require_lock()
        path = self.folder.path / file.path
        self.store.upload(object_name(file, self.store.sealing), path)
        self._cache.add(path, file.sha256)

    def _shorten(self, held: Lease, *, grown: bool) -> None:
        """Move the steps out of the journal: into an object, or with those that are in objects into the database.

        The database is only stored by a run that does something (`grown`), unless that is long overdue: a run that
        finds nothing to do stores next to nothing. A store that does not answer is asked again later.
        """
        now = held.control
        with self._turn, suppress(Unanswered):
            held.postpone()
            if now.snapshot is None or stored_steps.are_enough(now.stored, now.snapshot, grown=grown):
                self._store_database(held)
            else:
                self._store_steps(held)

    def _store_database(self, held: Lease) -> None:
        """Store the database itself; the steps start over."""
        copy = self.scratch("snapshot.tmp")
        with self._turn:
            steps = held.steps
            self.database.copy_to(copy)
            held.snapshot(self.stored(copy, held.control.epoch, steps))

    def _store_steps(self, held: Lease) -> None:
        """Store the steps of the journal as an object, together with small ones from before."""
        with self._turn:
            now, steps, upto = held.control, held.journal, held.steps
            content = stored_steps.encoded(steps)
            kept = now.stored[: len(now.stored) - stored_steps.absorbed(now.stored, len(content))]
            before = [step for one in now.stored[len(kept) :] for step in self._steps_in(one)]
            if before:
                steps = (*before, *steps)
                content = stored_steps.encoded(steps)
            file = self.scratch("steps.tmp")
            with file_faults(file):
                file.unlink(missing_ok=True)
                file.touch(0o600)
                file.write_bytes(content)
            stem = f"{now.epoch:08d}-{upto:010d}"
            stored = Steps(*self._kept_object("steps", stem, f"json{COMPRESSED}", file), len(steps))
            held.store_steps((*kept, stored))

    def _tidy(self, now: Control) -> None:
        """At the start of a run: a snapshot where there is none or only an older format's, and what is garbage gone."""
        assert self.lease is not None
        if now.snapshot is None or self._lifted:
            with suppress(Unanswered):
                self.lease.postpone()
                self._store_database(self.lease)
            self._lifted = False
        with self.reading() as db:
            files = tuple(deltas.every_file(db))
            serials = deltas.serials(db)
        stored = self.lease.control.objects
        self._cache.prune({one.sha256 for one in (*files, *stored)})
        referenced = {object_name(file, self.store.sealing) for file in files} | {one.object for one in stored}
        with suppress(StateError):
            self.store.delete(garbage(self.store, referenced, serials, self._clock()))


def backing_at(
    location: str,
    environ: Mapping[str, str],
    clock: Callable[[], datetime],
    timings: LeaseTimings = TIMINGS,
    fresh: float = 2.0,
) -> BucketBacking:
    """The backing for a location: its object store, and what this machine keeps of it. Raises UsageError."""
    from runner.state.remote.obstore_bucket import ObstoreBucket

    store = ObstoreBucket(location, sealing_of(environ))
    return BucketBacking(store, Cache(cache_folder(store.location, environ), store.sealing), clock, timings, fresh)
