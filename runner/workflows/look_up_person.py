"""Answering for one person: which audiences hold them, since when and why, and what keeps them out.

All of it is read, from the state and, where that is asked for, from the sources; nothing is written down.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, tzinfo
from enum import StrEnum
from pathlib import Path

from runner.core.asked_people import AskedPeople, FoundMembers, FoundSuppressed
from runner.core.errors import HeadcountError, Interrupted, StateError
from runner.core.membership import Evaluation
from runner.core.project import ANY_DAY, Activation, Project, Suppression
from runner.core.records import AppliedAudience, Run
from runner.core.suppression import AppliedSuppression
from runner.engine.interface import MembershipStore, SegmentEvaluator
from runner.quick_dataclass import dataclass, field, replace
from runner.state.interface import State
from runner.workflows.failure_messages import as_failure

_ALL = 1_000_000
"""More runs than a state keeps."""


@dataclass(frozen=True, slots=True)
class InEffect:
    """The definition that was in effect in some runs: its query, empty where that was not recorded, and the run that
    applied it, None where the history does not have it.

    `is_of_then` is false where the history begins later, so that it is the definition that was applied last. `on` is
    the day of the first run in which it took the person in, None where the query is the same every day, and `dated` the
    query as it was on that day, empty where the files no longer have what it was made of.
    """

    sql: str
    run: Run | None
    is_of_then: bool = True
    on: date | None = None
    dated: str = ""


@dataclass(frozen=True, slots=True)
class Holding:
    """An audience that holds the person: by which identifiers, since which runs; and by which definitions, by run."""

    record: AppliedAudience
    found: tuple[FoundMembers, ...]
    definitions: Mapping[int | None, InEffect]

    @property
    def distinct_definitions(self) -> tuple[InEffect, ...]:
        """Each definition once."""
        return tuple({_key(one): one for one in self.definitions.values()}.values())


@dataclass(frozen=True, slots=True)
class KeptOut:
    """A suppression that names the person, as it was evaluated last."""

    suppression: AppliedSuppression
    found: tuple[FoundSuppressed, ...]


@dataclass(frozen=True, slots=True)
class NotKnown:
    """An audience or a suppression of which the state cannot say whether the person is in it, and why."""

    what: str
    reason: str


class Yielded(StrEnum):
    """What a segment, evaluated now, says of the person."""

    IN = "in the segment"
    SUPPRESSED = "suppressed"
    HELD_OUT = "held out"
    NOT_IN = "not in the segment"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SegmentNow:
    """One activation's segment as it is now. `detail` names the suppressions, or says why it could not be evaluated."""

    activation: str
    yielded: Yielded
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of the person; `runs` has the runs that are spoken of, as far as the history keeps them.

    `others` is how many audiences do not hold the person. `segments` is None where no segment was evaluated.
    """

    holding: tuple[Holding, ...]
    kept_out: tuple[KeptOut, ...]
    not_known: tuple[NotKnown, ...]
    others: int
    runs: Mapping[int, Run] = field(default_factory=dict)
    segments: tuple[SegmentNow, ...] | None = None

    @property
    def is_certain(self) -> bool:
        """Whether everything that was to be looked at could be."""
        failed = any(one.yielded is Yielded.FAILED for one in self.segments or ())
        return not self.not_known and not failed


def explain(people: AskedPeople, state: State, memberships: MembershipStore) -> Answer:
    """What the state knows of a person. Raises StateError where it cannot be read at all."""
    runs = {run.id: run for run in state.runs(limit=_ALL)}
    holding, not_known, others = [], [], 0
    for record in state.audiences():
        if record.audience_id is None:
            continue
        try:
            if record.refill:
                raise StateError("what it holds is not known: the next apply clears and refills it")
            found = _found(record, people, state, memberships)
        except StateError as error:
            not_known.append(NotKnown(f"the audience of {record.activation}", error.message))
            continue
        if found:
            definitions = {one.run: _in_effect(record, one.run, runs.values()) for one in found}
            holding.append(Holding(record, found, definitions))
        else:
            others += 1
    kept_out, unread = _suppressions(people, state, memberships)
    return Answer(tuple(holding), kept_out, (*not_known, *unread), others, runs)


Dated = Callable[[str, str, date], str]
"""Of an activation and the query that was recorded of it, the same on a day; empty where that cannot be known."""


def with_days(answer: Answer, zone: tzinfo, dated: Dated) -> Answer:
    """The answer with each query that depends on the day as it was on that of the first run that it is shown for."""
    holding = (replace(one, definitions=_on_days(one, answer.runs, zone, dated)) for one in answer.holding)
    return replace(answer, holding=tuple(holding))


def _on_days(holding: Holding, runs: Mapping[int, Run], zone: tzinfo, dated: Dated) -> Mapping[int | None, InEffect]:
    first: dict[tuple[str, int | None], InEffect] = {}
    for number in sorted(one for one in holding.definitions if one is not None):
        one, run = holding.definitions[number], runs.get(number)
        if run is not None and depends_on_day(one.sql):
            day = run.today or run.started_at.astimezone(zone).date()
            known = replace(one, on=day, dated=dated(holding.record.activation, one.sql, day))
            first.setdefault(_key(one), known)
    return {number: first.get(_key(one), one) for number, one in holding.definitions.items()}


def _key(one: InEffect) -> tuple[str, int | None]:
    return one.sql, one.run.id if one.run is not None else None


def depends_on_day(sql: str) -> bool:
    """Whether a query as it is on ANY_DAY has a date in it that may follow from that day."""
    days = (date(int(year), 1, 1) for year in _YEARS.findall(sql))
    return any(abs((day - ANY_DAY).days) <= _FAR for day in days)


_YEARS = re.compile(r"(?<!\d)(\d{4})-\d\d-\d\d(?!\d)")
_FAR = 4_000
"""Days from ANY_DAY to a date that may follow from it, at most."""


def _found(
    record: AppliedAudience, people: AskedPeople, state: State, memberships: MembershipStore
) -> tuple[FoundMembers, ...]:
    try:
        return memberships.found_members(state.held(record.record_id), people)
    except StateError:  # a run may have moved on meanwhile
        return memberships.found_members(state.held(record.record_id), people)


def _in_effect(record: AppliedAudience, since: int | None, runs: Iterable[Run]) -> InEffect:
    """The definition that an audience had in a run: the last one that was applied until then."""
    applied = [
        (run.id, one.definition.sql, run)
        for run in runs
        for one in run.activations
        if one.activation == record.activation and one.definition is not None
    ]
    before = [one for one in applied if since is not None and one[0] <= since]
    if before:
        _, sql, run = max(before, key=lambda one: one[0])
        return InEffect(sql, run)
    last = max(applied, key=lambda one: one[0], default=None)
    text = record.definition.text if record.definition is not None else ""
    return InEffect(text, last[2] if last is not None else None, is_of_then=False)


def _suppressions(
    people: AskedPeople, state: State, memberships: MembershipStore
) -> tuple[tuple[KeptOut, ...], tuple[NotKnown, ...]]:
    kept_out, unread = [], []
    for one in state.suppressions():
        try:
            files = state.suppression_files(one.name)
            found = () if files is None else memberships.found_suppressed(files.members, people)
        except StateError as error:
            unread.append(NotKnown(f"suppression {one.name}", error.message))
            continue
        if found:
            kept_out.append(KeptOut(one, found))
    return tuple(kept_out), tuple(unread)


def with_segments(
    answer: Answer, people: AskedPeople, project: Project, evaluator: SegmentEvaluator, memberships: MembershipStore
) -> Answer:
    """The answer with what each segment yields now, and what keeps the person out of its audience.

    Suppressions are evaluated as the files have them, after the segments.
    """
    return replace(answer, segments=PeopleNow(people, project, evaluator, memberships).segments())


class PeopleNow:
    """One look at segments and suppressions as they are now, for some people."""

    def __init__(
        self, people: AskedPeople, project: Project, evaluator: SegmentEvaluator, memberships: MembershipStore
    ) -> None:
        self._people = people
        self._project = project
        self._evaluator = evaluator
        self._memberships = memberships
        self._named: dict[str, Path | HeadcountError] = {}

    def segments(self) -> tuple[SegmentNow, ...]:
        """What each activation's segment says of them, in the order of the activations. Raises Interrupted."""
        found = [(one, self._of_segment(one)) for one in self._project.activations]
        return tuple(self._after_suppressions(one, now) for one, now in found)

    def named_by(self, name: str) -> Path | None:
        """A file of whom a suppression of the files names now; None where it cannot be evaluated, or is not there."""
        declared = next((one for one in self._project.suppressions if one.name == name), None)
        named = None if declared is None else self._names(declared)
        return named if isinstance(named, Path) else None

    def _of_segment(self, activation: Activation) -> SegmentNow | Evaluation:
        """The segment's rows that the person is on, where there are some that the holdout leaves in."""
        try:
            found = self._rows(replace(activation, holdout=None))
            if not found.rows:
                return SegmentNow(activation.id, Yielded.NOT_IN)
            if activation.holdout is not None:
                found = self._rows(activation)
        except Interrupted:
            raise
        except Exception as error:  # noqa: BLE001 - one segment's failure, whatever it is, says nothing of others
            return SegmentNow(activation.id, Yielded.FAILED, as_failure(error).message)
        return found if found.rows else SegmentNow(activation.id, Yielded.HELD_OUT, str(activation.holdout))

    def _after_suppressions(self, activation: Activation, now: SegmentNow | Evaluation) -> SegmentNow:
        """What the segment says once suppressions have been looked at, which are evaluated last."""
        if isinstance(now, SegmentNow):
            return now
        names, files = [], []
        for one in self._project.suppressions:
            if one.concerns(activation.account):
                named = self._names(one)
                if isinstance(named, HeadcountError):
                    why = f"suppression {one.name} cannot be evaluated, so nobody is added: {named.message}"
                    return SegmentNow(activation.id, Yielded.FAILED, why)
                files.append(named)
                names += [one.name] if self._memberships.without(now, (named,)).suppressed else []
        left = self._memberships.without(now, tuple(files)) if names else now
        return SegmentNow(activation.id, Yielded.IN if left.people else Yielded.SUPPRESSED, ", ".join(names))

    def _rows(self, activation: Activation) -> Evaluation:
        return self._memberships.rows_of(self._evaluator.evaluate(activation, self._project.sources), self._people)

    def _names(self, one: Suppression) -> Path | HeadcountError:
        if one.name not in self._named:
            try:
                self._named[one.name] = self._memberships.named(self._evaluator.evaluate(one, self._project.sources))
            except Interrupted:
                raise
            except Exception as error:  # noqa: BLE001 - as of a segment
                self._named[one.name] = as_failure(error)
        return self._named[one.name]


def runs_of(answer: Answer) -> Sequence[int]:
    """The runs that the answer speaks of, in their order."""
    spoken = {found.run for one in answer.holding for found in one.found if found.run is not None}
    spoken |= {one.run.id for holding in answer.holding for one in holding.definitions.values() if one.run is not None}
    spoken |= {found.first_run for one in answer.kept_out for found in one.found if found.first_run is not None}
    return sorted(spoken)
