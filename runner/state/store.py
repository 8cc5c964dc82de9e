"""The state: what is remembered, whatever place it is kept in.

Files are written first and pointed to afterwards, and removed as soon as nothing points to them any more. A reader that
was given a path a moment ago may find the file gone, and then asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

from runner.core.day import Note, Past
from runner.core.destination import Accepted
from runner.core.erasure_receipts import Receipt
from runner.core.errors import StateError
from runner.core.fingerprints import FingerprintOrigin, Salt
from runner.core.identifiers import IdentifierType
from runner.core.membership import Batch, MembershipFiles, SettledMembership
from runner.core.notices import KeptNotice, NoticeKey
from runner.core.project import Permission
from runner.core.records import (
    NOT_KNOWN,
    ActivationRun,
    AppliedAudience,
    Binding,
    Definition,
    Latest,
    Run,
    RunCost,
    RunOrigin,
    Setback,
)
from runner.core.suppression import AppliedSuppression, SuppressionDefinition, SuppressionFiles
from runner.state.db import codec, key_ranges
from runner.state.db.journal import JournalEntry
from runner.state.db.tables import (
    applied_suppressions,
    audiences,
    bindings,
    days,
    deltas,
    kept_notices,
    permission_uses,
    receipts,
    retention,
    runs,
    salts,
    setbacks,
)
from runner.state.interface import Backing
from runner.state.local.state_folder import StoredFile, file_path, folder_name


class StateStore:
    """Implements runner.state.interface.State over a backing. May be used by several threads."""

    def __init__(self, backing: Backing, kept_for: timedelta | None = None) -> None:
        """Touches nothing. `kept_for` is how long past runs are kept; None for as long, and as many, as is usual."""
        self.backing = backing
        self._kept_for = kept_for
        self._writing = RLock()

    # -- reading -------------------------------------------------------------------------------------------------

    def audiences(self) -> tuple[AppliedAudience, ...]:
        with self.backing.reading() as db:
            return audiences.every(db)

    def given_up(self) -> tuple[AppliedAudience, ...]:
        with self.backing.reading() as db:
            return audiences.given_up(db)

    def audience(self, key: int) -> AppliedAudience:
        with self.backing.reading() as db:
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
                    self.backing.require(stored, hint)
            except StateError:
                # A run may have moved the pointers meanwhile: only what is still pointed to can be missed.
                before = files
                activation, held, files = self._pointers(key)
                if files == before:
                    raise
            else:
                return held

    def runs(self, activation: str | None = None, limit: int = 20) -> tuple[Run, ...]:
        with self.backing.reading() as db:
            return runs.runs(db, activation, limit)

    def run(self, number: int, activation: str | None = None) -> Run | None:
        with self.backing.reading() as db:
            return runs.one(db, number, activation)

    def latest(self) -> Mapping[str, Latest]:
        with self.backing.reading() as db:
            return runs.latest(db)

    def setbacks(self) -> Mapping[str, Setback]:
        with self.backing.reading() as db:
            return setbacks.setbacks(db)

    def rejected(self) -> Mapping[str, int]:
        with self.backing.reading() as db:
            return runs.rejected(db)

    def last_good(self) -> Mapping[str, datetime]:
        return {activation: last.good.started_at for activation, last in self.latest().items() if last.good}

    def past(self) -> Past:
        with self.backing.reading() as db:
            return Past(tuple(days.every(db)), days.added_up_to(db))

    def noted(self, activations: Collection[str]) -> Mapping[str, Note]:
        with self.backing.reading() as db:
            return days.newest_notes(db, activations)

    def binding(self) -> Binding | None:
        with self.backing.reading() as db:
            return bindings.read(db)

    def salt(self) -> Salt | None:
        with self.backing.reading() as db:
            return salts.newest(db)

    # -- the lock ------------------------------------------------------------------------------------------------

    def lock(self, command: str) -> AbstractContextManager[None]:
        return self.backing.lock(command)

    def require_lock(self) -> None:
        self.backing.require_lock()

    def confirm_lock(self, within: float = 0.0) -> None:
        self.backing.confirm_lock(within)

    def bind(self, to: Binding) -> None:
        self._take("bind", api=to.api, target=to.target)

    def removed_under(self, activation: str, permission: Permission) -> int:
        with self.backing.reading() as db:
            return permission_uses.used(db, activation, permission.until.isoformat())

    def make_salt(self, at: datetime) -> Salt | None:
        made = salts.new()
        return made if self.backing.keep_salt(made, codec.from_time(at)) else None

    def permit(self, activation: str, permission: Permission, today: date) -> None:
        days = {"until": permission.until.isoformat(), "today": today.isoformat()}
        what = {"allowed": permission.removals, "reason": permission.reason}
        self._take("permit", activation=activation, **what, **days)

    # -- audiences -----------------------------------------------------------------------------------------------

    def intend(
        self, activation: str, destination: str, kind: str, account_id: str, definition: Definition, at: datetime
    ) -> int:
        where = {"activation": activation, "destination": destination, "kind": kind, "account_id": account_id}
        what = {"definition": codec.definition_data(definition), "at": codec.from_time(at)}
        return int(self._take("intend", **where, **what))

    def created(self, key: int, audience_id: str) -> None:
        self._take("created", key=key, audience_id=audience_id)

    def give_up(self, key: int, at: datetime) -> None:
        self._take("give_up", key=key, at=codec.from_time(at))

    def imported(
        self, activation: str, destination: str, kind: str, account_id: str, audience_id: str, at: datetime
    ) -> int:
        where = {"activation": activation, "destination": destination, "kind": kind, "account_id": account_id}
        return int(self._take("imported", **where, audience_id=audience_id, at=codec.from_time(at)))

    def define(self, key: int, definition: Definition, destination: str, at: datetime) -> None:
        data = codec.definition_data(definition)
        self._take("define", key=key, definition=data, destination=destination, at=codec.from_time(at))

    def require_refill(self, key: int) -> None:
        self._take("require_refill", key=key)

    def clearing(self, key: int, at: datetime, *, lost: bool = True) -> None:
        self._take("clearing", key=key, at=codec.from_time(at), lost=lost)

    def cleared(self, key: int) -> None:
        with self._writing:
            counter, serial, _ = self._next_file(key, "members")
            self._remove(self._take("cleared", key=key, counter=counter, serial=serial))

    def forget(self, key: int) -> None:
        self._remove(self._take("forget", key=key))

    # -- deltas --------------------------------------------------------------------------------------------------

    def open_delta(
        self, key: int, write: Callable[[Path], tuple[Batch, ...]], *, withdrawal: bool = False
    ) -> tuple[Batch, ...]:
        with self._writing, self._new_file(key, "outbox") as (path, record):
            batches = write(path)
            if batches:
                listed = [[one.number, one.operation, one.identifier_type, one.identifiers] for one in batches]
                record("open_delta", batches=listed, **({"withdrawal": True} if withdrawal else {}))
        return batches

    def mark_in_flight(self, key: int, number: int, at: datetime | None = None, *, lost: bool = False) -> None:
        if at is None:
            self._take("mark_in_flight", key=key, number=number)
        else:
            self._take("sent", key=key, number=number, at=codec.from_time(at), lost=lost)

    def mark_refused(self, key: int, number: int) -> None:
        self._take("refused", key=key, number=number)

    def mark_taken(self, key: int, number: int, taken: Accepted) -> None:
        self._take("mark_taken", key=key, number=number, invalid=taken.invalid)

    def close_delta(self, key: int, write: Callable[[Path], SettledMembership]) -> None:
        with self._writing, self._new_file(key, "members") as (path, record):
            settled = write(path)
            counts = {"members": dict(settled.members), "unknown": dict(settled.unknown)}
            changes = {"changes_only": True} if settled.changes_only else {}
            self._remove(record("close_delta", **counts, **changes, **codec.made_with(settled.fingerprints)))

    def fingerprinted(self, key: int, write: Callable[[Path], FingerprintOrigin]) -> None:
        with self._writing, self._new_file(key, "members") as (path, record):
            self._remove(record("fingerprinted", **codec.made_with(write(path))))

    def outbox_fingerprints(self, key: int, origin: FingerprintOrigin) -> None:
        self._take("outbox_fingerprints", key=key, **codec.made_with(origin))

    def drop_fingerprints(self, key: int) -> None:
        self._take("drop_fingerprints", key=key)

    def rewrite(self, key: int, write: Callable[[Path], SettledMembership]) -> None:
        with self._writing, self._new_file(key, "members") as (path, record):
            settled = write(path)
            counts = {"members": dict(settled.members), "unknown": dict(settled.unknown)}
            self._remove(record("rewrite_members", **counts, **codec.made_with(settled.fingerprints)))

    def drop_files(self, key: int) -> None:
        self._remove(tuple(self._take("drop_files", key=key)))

    # -- suppressions --------------------------------------------------------------------------------------------

    def suppressions(self) -> tuple[AppliedSuppression, ...]:
        with self.backing.reading() as db:
            return applied_suppressions.every(db)

    def suppression_files(self, name: str) -> SuppressionFiles | None:
        with self.backing.reading() as db:
            found, origin = applied_suppressions.files(db, name), applied_suppressions.origin(db, name)
        for stored in found.values():
            self.backing.require(stored, f"`headcount apply --allow-suppression {name}` names these people again")
        return applied_suppressions.handles(found, self.backing.folder.path, origin)

    def define_suppression(self, name: str, definition: SuppressionDefinition, at: datetime) -> None:
        data = applied_suppressions.definition_data(definition)
        self._remove(tuple(self._take("define_suppression", name=name, definition=data, at=codec.from_time(at))))

    def remember_suppression(
        self,
        name: str,
        write: Callable[[Path], Mapping[IdentifierType, int]],
        at: datetime,
        write_before: Callable[[Path], object] | None = None,
        fingerprints: FingerprintOrigin | None = None,
    ) -> None:
        with self._writing:
            where = self._named_in(name, write, write_before) | codec.made_with(fingerprints)
            self._remove(self._take("remember_suppression", **where, at=codec.from_time(at)))

    def rewrite_suppression(self, name: str, write: Callable[[Path, Path], Mapping[IdentifierType, int]]) -> None:
        files = self.suppression_files(name)
        if files is None:
            return
        before = None if files.before is None else partial(write, files.before)
        with self._writing:
            where = self._named_in(name, partial(write, files.members), before)
            self._remove(self._take("rewrite_suppression", **where))

    def _named_in(
        self,
        name: str,
        write: Callable[[Path], Mapping[IdentifierType, int]],
        write_before: Callable[[Path], object] | None,
    ) -> dict[str, Any]:
        """Have the files of whom a suppression names written; what records them."""
        # Audiences' folders have serials of their own: no folder of a suppression has the name of one of these.
        counter = f"suppressions/{folder_name(name).casefold()}"
        with self.backing.database.transaction() as db:
            serial = deltas.last_serial(db, counter) + 1
        before = None
        if write_before is not None:
            path = file_path("suppressions", name, serial)
            write_before(self.backing.folder.make_room(path))
            before = self._sealed(path)
            serial += 1
        path = file_path("suppressions", name, serial)
        members = write(self.backing.folder.make_room(path))
        file = self._sealed(path)
        files = {"file": asdict(file), "before": None if before is None else asdict(before)}
        counts = {str(kind): count for kind, count in members.items()}
        return {"name": name, "counter": counter, "serial": serial, "members": counts, **files}

    def _sealed(self, path: str) -> StoredFile:
        """A file of the state's that was just written; a bucket has it too, if there is one."""
        file = self.backing.folder.seal(path)
        self.backing.keep(file)
        return file

    def suppression_evaluated(self, name: str, at: datetime) -> None:
        self._take("suppression_evaluated", name=name, at=codec.from_time(at))

    def suppression_failing(self, name: str, at: datetime) -> None:
        self._take("suppression_failing", name=name, at=codec.from_time(at))

    def suppression_clean(self, name: str) -> None:
        self._remove(tuple(self._take("suppression_clean", name=name)))

    def suppression_suspect(self, name: str) -> None:
        self._remove(tuple(self._take("suppression_suspect", name=name)))

    def forget_suppression(self, name: str) -> None:
        self._remove(tuple(self._take("forget_suppression", name=name)))

    # -- notices -------------------------------------------------------------------------------------------------

    def notices(self) -> tuple[KeptNotice, ...]:
        with self.backing.reading() as db:
            return kept_notices.every(db)

    def change_notices(self, put: Collection[KeptNotice], dropped: Collection[NoticeKey]) -> None:
        gone = [list(key) for key in dropped]
        self._take("change_notices", put=[kept_notices.row_data(row) for row in put], dropped=gone)

    def notices_tried(self, delivered: Collection[NoticeKey], missed: Collection[NoticeKey], at: datetime) -> None:
        keys = {"delivered": [list(key) for key in delivered], "missed": [list(key) for key in missed]}
        self._take("notices_tried", **keys, at=codec.from_time(at))

    # -- receipts ------------------------------------------------------------------------------------------------

    def receipts(self) -> tuple[Receipt, ...]:
        with self.backing.reading() as db:
            return receipts.every(db)

    def add_receipt(self, run: int, at: datetime, content: Mapping[str, Any]) -> int:
        return int(self._take("add_receipt", run=run, at=codec.from_time(at), content=dict(content)))

    def complete_receipt(self, number: int, content: Mapping[str, Any]) -> None:
        self._take("complete_receipt", number=number, content=dict(content))

    # -- runs ----------------------------------------------------------------------------------------------------

    def next_run(self) -> int:
        with self.backing.reading() as db:
            return runs.next_id(db)

    def begin_run(
        self,
        command: str,
        at: datetime,
        origin: RunOrigin = NOT_KNOWN,
        plan_id: str = "",
        cost: RunCost | None = None,
        today: date | None = None,
    ) -> int:
        began = {"command": command, "at": codec.from_time(at), "origin": asdict(origin), "plan_id": plan_id}
        run = int(self._take("begin_run", **began, **codec.known_of_run(cost, today)))
        with self.backing.reading() as db:
            first = retention.first_kept(db, at, self._kept_for)
        if first is not None:
            self._take("add_up_runs", first=first)
            self._take("forget_runs", first=first)
        return run

    def record(self, run: int, activation: ActivationRun, definition_of: int | str | None = None) -> None:
        applied = {} if definition_of is None else {"definition_of": definition_of}
        self._take("record", run=run, activation=asdict(activation), **applied)

    def record_rest(self, run: int, outcomes: Sequence[ActivationRun], unchanged: Collection[int] = ()) -> None:
        self._take("record_rest", run=run, outcomes=codec.outcomes_data(outcomes), same=key_ranges.of(unchanged))

    def end_run(self, run: int, at: datetime) -> None:
        self._take("end_run", run=run, at=codec.from_time(at))

    def note_day(self, day: date, notes: Mapping[str, Note]) -> None:
        before = self.noted(notes)
        news = {name: days.news(one, before[name]) for name, one in notes.items()}
        said = {name: days.note_data(one) for name, one in news.items() if one is not None}
        if said:
            self._take("note_day", day=day.isoformat(), notes=said)

    def close(self) -> None:
        self.backing.close()

    # -- within --------------------------------------------------------------------------------------------------

    def _take(self, do: str, **arguments: Any) -> Any:
        return self.backing.take(JournalEntry(do, arguments))

    def _pointers(self, key: int) -> tuple[str, MembershipFiles, tuple[StoredFile, ...]]:
        """The activation of an audience, what it holds, and the files that must be whole for that."""
        with self.backing.reading() as db:
            activation = audiences.activation_of(db, key)
            if activation is None:
                raise StateError("the state does not know this audience any more", "run again to see how things stand")
            if audiences.must_refill(db, key):
                return activation, MembershipFiles(), ()
            return activation, *deltas.held(db, key, self.backing.folder.path)

    @contextmanager
    def _new_file(self, key: int, kind: str) -> Iterator[tuple[Path, Callable[..., Any]]]:
        """Where the next file of a kind is written, and what records it once it is there: whole, and on the disk."""
        counter, serial, path = self._next_file(key, kind)

        def record(do: str, **arguments: Any) -> Any:
            file = self.backing.folder.seal(path)
            self.backing.keep(file)
            return self._take(do, key=key, counter=counter, serial=serial, file=asdict(file), **arguments)

        yield self.backing.folder.make_room(path), record

    def _next_file(self, key: int, kind: str) -> tuple[str, int, str]:
        """Counter, serial and path of an audience's next file. The counter is the folder whose serials it counts in."""
        with self.backing.database.transaction() as db:
            activation = audiences.activation_of(db, key)
            if activation is None:
                raise RuntimeError(f"the state has no audience {key}")
            # Folders that differ in case only may be one folder: they share their serials.
            counter = folder_name(activation).casefold()
            serial = deltas.last_serial(db, counter) + 1
        return counter, serial, file_path(kind, activation, serial)

    def _remove(self, gone: tuple[str, ...]) -> None:
        """Remove files that no record points to any more, once that is true."""
        self.backing.folder.remove(gone)
