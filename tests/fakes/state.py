"""A state in memory. Its files are in a folder, since the membership store writes them; nothing reads them here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

from runner.core.day import Note, Past, PastDay
from runner.core.destination import Accepted
from runner.core.errors import Locked, LockLost, StateError
from runner.core.fingerprints import FingerprintOrigin, Salt
from runner.core.identifiers import IdentifierType, Operation
from runner.core.membership import Batch, MembershipFiles, SettledMembership
from runner.core.notices import KeptNotice, NoticeKey
from runner.core.project import Permission
from runner.core.records import (
    FORGET,
    IMPORT,
    NOT_KNOWN,
    SUPPRESS,
    SUPPRESSION_LINE,
    Action,
    ActivationRun,
    AppliedAudience,
    Binding,
    Definition,
    DefinitionThen,
    LastRun,
    Latest,
    Outcome,
    Run,
    RunCost,
    RunOrigin,
    Setback,
    Unfinished,
)
from runner.core.suppression import AppliedSuppression, SuppressionDefinition, SuppressionFiles


@dataclass
class _Files:
    members: Path | None = None
    outbox: Path | None = None
    batches: tuple[Batch, ...] = ()
    in_flight: set[int] = field(default_factory=set)
    taken: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    withdrawal: bool = False


@dataclass
class FakeState:
    """`locked_by` is another run that holds it, `lost` says that this run no longer does; `damaged` are the records
    whose membership cannot be read."""

    folder: Path
    records: dict[int, AppliedAudience] = field(default_factory=dict)
    locked_by: str = ""
    lost: bool = False
    damaged: set[int] = field(default_factory=set)
    closed: bool = False
    _files: dict[int, _Files] = field(default_factory=dict)
    bound_to: Binding | None = None
    _runs: list[Run] = field(default_factory=list)
    _checked: dict[int, frozenset[int]] = field(default_factory=dict)
    _used: dict[tuple[str, date], int] = field(default_factory=dict)
    _notes: dict[tuple[str, date], Note] = field(default_factory=dict)
    _paths: int = 0
    _salt: Salt | None = None
    dropped: set[int] = field(default_factory=set)
    _suppressions: dict[str, AppliedSuppression] = field(default_factory=dict)
    _named: dict[str, SuppressionFiles] = field(default_factory=dict)
    _notices: dict[NoticeKey, KeptNotice] = field(default_factory=dict)

    def put(self, record: AppliedAudience) -> AppliedAudience:
        """Remember an audience as an earlier run would have."""
        self.records[record.record_id] = record
        return record

    # -- reading -------------------------------------------------------------------------------------------------

    def audiences(self) -> tuple[AppliedAudience, ...]:
        return tuple(one for one in self._every() if one.given_up_at is None)

    def given_up(self) -> tuple[AppliedAudience, ...]:
        return tuple(one for one in self._every() if one.given_up_at is not None)

    def audience(self, key: int) -> AppliedAudience:
        files = self._files.get(key, _Files())
        open_ = Unfinished(len(files.batches), len(files.taken), len(files.in_flight)) if files.outbox else None
        return replace(self.records[key], unfinished=open_)

    def held(self, key: int) -> MembershipFiles:
        if key not in self.records:
            raise StateError("the state does not know this audience any more")
        record, files = self.records[key], self._files.get(key, _Files())
        if record.refill:
            return MembershipFiles()
        if key in self.damaged:
            raise StateError("the membership is damaged")
        counts = {kind: (count, record.unknown.get(kind, 0)) for kind, count in record.members.items()}
        return MembershipFiles(
            files.members, files.outbox, frozenset(files.taken), frozenset(files.in_flight), counts=counts
        )

    def runs(self, activation: str | None = None, limit: int = 20) -> tuple[Run, ...]:
        keys = {key for key, record in self.records.items() if activation in (None, record.activation)}
        found = [
            replace(
                run,
                activations=tuple(one for one in run.activations if activation in (None, one.activation)),
                unchanged=len(self._checked.get(run.id, frozenset()) & keys),
            )
            for run in reversed(self._runs)
        ]
        return tuple(run for run in found if activation is None or run.activations or run.unchanged)[:limit]

    def run(self, number: int, activation: str | None = None) -> Run | None:
        return next((run for run in self.runs(None, len(self._runs)) if run.id == number), None)

    def latest(self) -> Mapping[str, Latest]:
        found: dict[str, Latest] = {}
        for run in self._runs:
            for one in run.activations:
                last, known = LastRun(run.started_at, one.outcome, one.detail), found.get(one.activation, Latest())
                news = {}
                is_run = one.action not in (Action.DELETE, IMPORT)
                if is_run and not one.only_withdrew and one.outcome is not Outcome.SKIPPED:
                    news["run"] = last
                if is_run and not one.only_withdrew and one.outcome in (Outcome.DONE, Outcome.UNCHANGED):
                    news["good"] = last
                if is_run and one.added + one.removed > 0:
                    news["change"] = last
                if news:
                    found[one.activation] = replace(known, **news)
            for key in self._checked.get(run.id, ()):
                last, activation = LastRun(run.started_at, Outcome.UNCHANGED, ""), self.records[key].activation
                found[activation] = replace(found.get(activation, Latest()), run=last, good=last)
        return found

    def setbacks(self) -> Mapping[str, Setback]:
        found: dict[str, Setback] = {}
        last: dict[str, Outcome] = {}
        for run in self._runs:
            checked = (self.records[key] for key in self._checked.get(run.id, ()) if key in self.records)
            fared: dict[str, Outcome | None] = {record.activation: None for record in checked}
            for one in run.activations:
                if one.action not in (Action.DELETE, IMPORT) and not one.only_withdrew:
                    fared[one.activation] = one.outcome if one.outcome.is_wrong else fared.get(one.activation)
            for activation, wrong in fared.items():
                known = found.get(activation)
                if wrong is not None and (known is None or known.over_at is not None):
                    found[activation], last[activation] = Setback(run.started_at, wrong, run.started_at), wrong
                elif wrong is not None and known is not None and wrong is not last[activation]:
                    found[activation], last[activation] = replace(known, alike_since=run.started_at), wrong
                elif wrong is None and known is not None and known.over_at is None:
                    found[activation] = replace(known, over_at=run.started_at)
        return found

    def rejected(self) -> Mapping[str, int]:
        return {
            one.activation: one.rejected
            for run in self._runs
            for one in run.activations
            if one.outcome in (Outcome.DONE, Outcome.BLOCKED)
            and (
                one.action not in (Action.DELETE, IMPORT, SUPPRESS, FORGET)
                or one.activation.startswith(SUPPRESSION_LINE)
            )
        }

    def last_good(self) -> Mapping[str, datetime]:
        return {activation: last.good.started_at for activation, last in self.latest().items() if last.good}

    def removed_under(self, activation: str, permission: Permission) -> int:
        known = (activation, permission.until)
        keys = (key for key, record in self.records.items() if record.activation == activation)
        return self._used[known] + sum(map(self._removed, keys)) if known in self._used else 0

    def permit(self, activation: str, permission: Permission, today: date) -> None:
        self._used.setdefault((activation, permission.until), 0)

    # -- suppressions --------------------------------------------------------------------------------------------

    def suppressions(self) -> tuple[AppliedSuppression, ...]:
        return tuple(self._suppressions[name] for name in sorted(self._suppressions))

    def suppression_files(self, name: str) -> SuppressionFiles | None:
        return self._named.get(name)

    def define_suppression(self, name: str, definition: SuppressionDefinition, at: datetime) -> None:
        known = self._suppressions.get(name)
        self._suppressions[name] = (
            AppliedSuppression(name, definition, at)
            if known is None
            else replace(known, definition=definition, applied_at=at, is_clean=False)
        )

    def remember_suppression(
        self,
        name: str,
        write: Callable[[Path], Mapping[IdentifierType, int]],
        at: datetime,
        write_before: Callable[[Path], object] | None = None,
        fingerprints: FingerprintOrigin | None = None,
    ) -> None:
        path = self._path("suppressions")
        members = write(path)
        before = self._named.get(name)
        clean = self._suppressions[name].is_clean
        base = (before.members if clean else before.before) if before is not None else None
        if write_before is not None:
            base = self._path("suppressions")
            write_before(base)
        self._named[name] = SuppressionFiles(path, base, fingerprints)
        self._suppressions[name] = replace(
            self._suppressions[name], members=members, evaluated_at=at, is_clean=False, failing_since=None
        )

    def suppression_evaluated(self, name: str, at: datetime) -> None:
        self._suppressions[name] = replace(self._suppressions[name], evaluated_at=at, failing_since=None)

    def suppression_failing(self, name: str, at: datetime) -> None:
        known = self._suppressions[name]
        self._suppressions[name] = replace(known, failing_since=known.failing_since or at)

    def suppression_clean(self, name: str) -> None:
        self._named[name] = replace(self._named[name], before=None)
        self._suppressions[name] = replace(self._suppressions[name], is_clean=True)

    def suppression_suspect(self, name: str) -> None:
        self._suppressions[name] = replace(self._suppressions[name], is_clean=False)

    def forget_suppression(self, name: str) -> None:
        del self._suppressions[name]
        self._named.pop(name, None)

    # -- the lock ------------------------------------------------------------------------------------------------

    @contextmanager
    def lock(self, command: str) -> Iterator[None]:
        if self.locked_by:
            raise Locked(f"{self.locked_by} holds the state")
        self.locked_by = command
        try:
            yield
        finally:
            self.locked_by = ""

    def require_lock(self) -> None:
        if self.lost:
            raise LockLost("another run took over the state")

    def confirm_lock(self, within: float = 0.0) -> None:
        self.require_lock()

    def binding(self) -> Binding | None:
        return self.bound_to

    def bind(self, to: Binding) -> None:
        self.bound_to = to

    def salt(self) -> Salt | None:
        return self._salt

    def make_salt(self, at: datetime) -> Salt | None:
        self._salt = Salt("one", "0123456789abcdef", "0123456789abcdef012")
        return self._salt

    def fingerprinted(self, key: int, write: Callable[[Path], FingerprintOrigin]) -> None:
        files = self._files[key]
        path = self._path("members")
        write(path)
        files.members = path

    def outbox_fingerprints(self, key: int, origin: FingerprintOrigin) -> None:
        """Nothing reads it here."""

    def drop_fingerprints(self, key: int) -> None:
        self.dropped.add(key)

    # -- audiences -----------------------------------------------------------------------------------------------

    def intend(
        self, activation: str, destination: str, kind: str, account_id: str, definition: Definition, at: datetime
    ) -> int:
        return self._insert(activation, destination, kind, account_id, None, definition, at)

    def created(self, key: int, audience_id: str) -> None:
        if self.records[key].audience_id not in (None, audience_id):
            raise RuntimeError("the audience is known by another id")
        self._change(key, audience_id=audience_id)

    def give_up(self, key: int, at: datetime) -> None:
        self._change(key, given_up_at=at)

    def imported(
        self, activation: str, destination: str, kind: str, account_id: str, audience_id: str, at: datetime
    ) -> int:
        return self._insert(activation, destination, kind, account_id, audience_id, None, at)

    def define(self, key: int, definition: Definition, destination: str, at: datetime) -> None:
        self._change(key, definition=definition, destination=destination, applied_at=at)

    def require_refill(self, key: int) -> None:
        self._change(key, refill=True)

    def clearing(self, key: int, at: datetime, *, lost: bool = True) -> None:
        if not self.records[key].refill:
            raise RuntimeError("it is cleared to be refilled")

    def cleared(self, key: int) -> None:
        self._files.pop(key, None)
        self.damaged.discard(key)
        self._change(key, members={}, unknown={}, refill=False, filling=True, invalid=0)

    def forget(self, key: int) -> None:
        del self.records[key]
        self._files.pop(key, None)

    # -- deltas --------------------------------------------------------------------------------------------------

    def open_delta(
        self, key: int, write: Callable[[Path], tuple[Batch, ...]], *, withdrawal: bool = False
    ) -> tuple[Batch, ...]:
        files = self._files.setdefault(key, _Files())
        path = self._path("outbox")
        batches = write(path)
        if batches:
            if files.outbox is not None:
                raise RuntimeError(f"audience {key} has an open delta already")
            files.outbox, files.batches, files.withdrawal = path, batches, withdrawal
        return batches

    def mark_in_flight(self, key: int, number: int, at: datetime | None = None, *, lost: bool = False) -> None:
        self._files[key].in_flight.add(number)
        if lost:
            self._files[key].lost.add(number)

    def mark_refused(self, key: int, number: int) -> None:
        if number not in self._files[key].lost:
            self._files[key].in_flight.discard(number)

    def mark_taken(self, key: int, number: int, taken: Accepted) -> None:
        self._files[key].in_flight.remove(number)
        self._files[key].taken.add(number)
        self._change(key, invalid=self.records[key].invalid + taken.invalid)

    def close_delta(self, key: int, write: Callable[[Path], SettledMembership]) -> None:
        path = self._path("members")
        settled = write(path)
        files = self._files.get(key, _Files())
        if files.outbox is None:
            raise RuntimeError(f"audience {key} has no open delta")
        whole = len(files.taken) == len(files.batches)
        removed, activation = self._removed(key), self.records[key].activation
        self._used.update({known: used + removed for known, used in self._used.items() if known[0] == activation})
        self._files[key] = _Files(members=path)
        filling = self.records[key].filling and not whole
        self._change(key, members=dict(settled.members), unknown=dict(settled.unknown), filling=filling)

    # -- runs ----------------------------------------------------------------------------------------------------

    def next_run(self) -> int:
        return len(self._runs) + 1

    def notices(self) -> tuple[KeptNotice, ...]:
        return tuple(self._notices.values())

    def change_notices(self, put: Collection[KeptNotice], dropped: Collection[NoticeKey]) -> None:
        for key in dropped:
            self._notices.pop(key, None)
        self._notices |= {row.key: row for row in put}

    def notices_tried(self, delivered: Collection[NoticeKey], missed: Collection[NoticeKey], at: datetime) -> None:
        for key in delivered:
            row = self._notices[key]
            self._notices[key] = replace(row, content=None, attempts=0, delivered_at=at)
            if row.ends:
                del self._notices[key]
        for key in missed:
            self._notices[key] = replace(self._notices[key], attempts=self._notices[key].attempts + 1)

    def begin_run(
        self,
        command: str,
        at: datetime,
        origin: RunOrigin = NOT_KNOWN,
        plan_id: str = "",
        cost: RunCost | None = None,
        today: date | None = None,
    ) -> int:
        number = len(self._runs) + 1
        self._runs.append(Run(number, command, at, None, origin=origin, plan_id=plan_id, cost=cost, today=today))
        return self._runs[-1].id

    def record(self, run: int, activation: ActivationRun, definition_of: int | str | None = None) -> None:
        found = self._runs[run - 1]
        activation = replace(activation, definition=self._definition(definition_of))
        self._runs[run - 1] = replace(found, activations=(*found.activations, activation))

    def record_rest(self, run: int, outcomes: Sequence[ActivationRun], unchanged: Collection[int] = ()) -> None:
        for one in outcomes:
            self.record(run, one)
        self._checked[run] = frozenset(unchanged)

    def end_run(self, run: int, at: datetime) -> None:
        self._runs[run - 1] = replace(self._runs[run - 1], finished_at=at)

    def note_day(self, day: date, notes: Mapping[str, Note]) -> None:
        before = self.noted(notes)
        for name, one in notes.items():
            known = self._notes.get((name, day), Note(one.members))
            way, counted = one.way or known.way, one.counted or known.counted
            if one != before[name]:
                self._notes[name, day] = Note(one.members, way, counted)

    def past(self) -> Past:
        days = (
            PastDay(name, day, members=one.members, way=one.way, counted=one.counted)
            for (name, day), one in sorted(self._notes.items())
        )
        return Past(tuple(days))

    def noted(self, activations: Collection[str]) -> Mapping[str, Note]:
        found = dict.fromkeys(activations, Note(-1))
        for (name, _), one in sorted(self._notes.items()):
            if name in found:
                before = found[name]
                found[name] = Note(one.members, one.way or before.way, one.counted or before.counted)
        return found

    def close(self) -> None:
        self.closed = True

    # -- within --------------------------------------------------------------------------------------------------

    def _every(self) -> list[AppliedAudience]:
        return sorted(map(self.audience, self.records), key=lambda one: (*one.key, one.record_id))

    def _insert(
        self,
        activation: str,
        destination: str,
        kind: str,
        account_id: str,
        audience_id: str | None,
        definition: Definition | None,
        at: datetime,
    ) -> int:
        record = AppliedAudience(
            max(self.records, default=0) + 1, activation, destination, kind, account_id, audience_id, definition, at
        )
        if any(one.key == record.key for one in self.audiences()):
            raise RuntimeError(f"activation {activation} already has an audience in account {account_id}")
        self.records[record.record_id] = replace(record, refill=audience_id is not None)
        return record.record_id

    def _change(self, key: int, **changes: object) -> None:
        if key not in self.records:
            raise RuntimeError(f"the state has no audience {key}")
        self.records[key] = replace(self.records[key], **changes)  # type: ignore[arg-type]

    def _definition(self, what: int | str | None) -> DefinitionThen | None:
        if isinstance(what, str):
            never = self._suppressions[what].definition
            return DefinitionThen(never.text, never.mapping, reason=never.reason, accounts=never.accounts)
        one = None if what is None else self.records[what].definition
        if one is None:
            return None
        return DefinitionThen(one.text, one.mapping, one.name, one.description, one.options, one.holdout, one.protect)

    def _removed(self, key: int) -> int:
        """What the destination took of the removals of the open delta."""
        files = self._files.get(key, _Files())
        taken = (one for one in files.batches if one.number in files.taken and one.operation is Operation.REMOVE)
        return 0 if files.withdrawal else sum(one.identifiers for one in taken)

    def _path(self, kind: str) -> Path:
        self._paths += 1
        return self._last(kind)

    def _last(self, kind: str) -> Path:
        return self.folder / f"{kind}-{self._paths}.json"
