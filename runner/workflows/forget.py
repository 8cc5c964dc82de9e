"""Erasing people: out of every audience, then out of every file of the state, with a receipt of it.

Nothing of them is written down on the way: a run that dies is resumed by being asked the same again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from runner.core.asked_people import AskedPeople
from runner.core.errors import HeadcountError, StateError, UsageError
from runner.core.membership import MembershipFiles
from runner.core.older_versions import NO_OLDER, HowKnown, OlderVersions
from runner.core.project import Project
from runner.core.records import NOT_KNOWN, AppliedAudience, RunOrigin
from runner.planning.suppression_rules import Withdrawal
from runner.quick_dataclass import dataclass, replace
from runner.workflows.accounts import Accounts, way_to
from runner.workflows.apply import settle_unfinished
from runner.workflows.audience_types import types_of
from runner.workflows.context import RunContext
from runner.workflows.erase import ErasedFrom, Erasing
from runner.workflows.failure_messages import as_sentence
from runner.workflows.look_up_person import PeopleNow, SegmentNow, Yielded

NO_DESTINATION = "they are in it, and no destination of the files uses its account: declare one"


@dataclass(frozen=True, slots=True)
class Asked:
    """What else a person says who asks for an erasure: the receipt of the one that it `finishes`, and that older
    versions of a bucket's objects were removed by hand, which is believed where they cannot be listed.
    """

    finishes: int | None = None
    versions_removed: bool = False

    def believed(self, older: OlderVersions) -> OlderVersions:
        """The older versions, as far as this person is to be believed."""
        if self.versions_removed and older.known is HowKnown.NOT_LISTED:
            return replace(older, known=HowKnown.REMOVED_BY_HAND)
        return older


NOTHING_ELSE = Asked()


@dataclass(frozen=True, slots=True)
class NamedBy:
    """A suppression that remembers some of them, and how many identifiers.

    `keeps` are how many of these it goes on remembering, so that they stay out of audiences; `now` is a file of whom it
    names now, None where that is not known, which keeps all of them.
    """

    name: str
    remembered: int
    keeps: int
    now: Path | None = None


@dataclass(frozen=True, slots=True)
class Erasure:
    """What erasing people comes to: what leaves which audience, who would bring them back, and what keeps them out.

    `rows` are the rows of the state's files that are about them, those of suppressions not counted.
    """

    people: AskedPeople
    withdrawals: tuple[Withdrawal, ...]
    segments: tuple[SegmentNow, ...]
    named_by: tuple[NamedBy, ...]
    rows: int

    @property
    def finds_somebody(self) -> bool:
        """Whether there is anything to remove, or there may be."""
        drops = any(one.keeps < one.remembered for one in self.named_by)
        return bool(self.rows) or drops or any(one.removed or one.error for one in self.withdrawals)

    def segments_that(self, yielded: Yielded) -> tuple[SegmentNow, ...]:
        """The segments of which this is true."""
        return tuple(one for one in self.segments if one.yielded is yielded)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a run erased; without a receipt where nobody approved. `older` are versions that it cannot reach."""

    erasure: Erasure
    audiences: tuple[ErasedFrom, ...] = ()
    receipt: int | None = None
    run: int | None = None
    at: datetime | None = None
    origin: RunOrigin = NOT_KNOWN
    older: OlderVersions = NO_OLDER
    interrupted: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether nobody of them is left, in an older version of a file either, and no segment brings any back."""
        kept = any(one.left or one.error for one in self.audiences)
        back = self.erasure.segments_that(Yielded.IN) or self.erasure.segments_that(Yielded.FAILED)
        return self.receipt is not None and self.older.are_gone and not (kept or back or self.interrupted)


def forget(
    project: Project,
    people: AskedPeople,
    context: RunContext,
    accounts: Accounts,
    approve: Callable[[Erasure], bool],
    asked: Asked = NOTHING_ELSE,
) -> Forgotten:
    """Look everywhere, ask `approve` where there is somebody to erase, and erase them.

    Raises Locked, StateError, and UsageError for a receipt to go on with that there is not.

    Every segment is evaluated first. Guardrails have no say, and nothing else is sent.
    """
    with context.state.lock("headcount forget"):
        began = context.clock()
        _require_receipt(asked, people, context)
        unsettled = settle_unfinished(context)
        context.evaluator.name(str(context.state.next_run()))
        erasure = _look(project, people, context, unsettled)
        if erasure.finds_somebody and not approve(erasure):
            return Forgotten(erasure)
        if context.binding is not None and context.state.binding() is None and erasure.withdrawals:
            context.state.bind(context.binding)
        return _carry_out(erasure, context, accounts, began, asked)


def _require_receipt(asked: Asked, people: AskedPeople, context: RunContext) -> None:
    if asked.finishes is None:
        return
    kept = context.state.receipts()
    receipt = next((one for one in kept if one.number == asked.finishes), None)
    if receipt is None:
        there = f"the newest is {kept[-1].number}" if kept else "there is none yet"
        raise UsageError(f"there is no receipt {asked.finishes}; nobody was erased", there)
    given = {str(kind): count for kind, count in people.counts.items()}
    for kind, count in receipt.content.get("identifiers", {}).items():
        if given.get(kind, 0) < count:
            has = f"{given[kind]:,}" if given.get(kind) else "none"
            what = f"receipt {asked.finishes} asks for {count:,} {kind}, of which the file has {has}; nobody was erased"
            raise UsageError(what, "give the same people as then, or leave --finishes out")


def _look(
    project: Project, people: AskedPeople, context: RunContext, unsettled: Mapping[int, HeadcountError]
) -> Erasure:
    now = PeopleNow(people, project, context.evaluator, context.memberships)
    segments = now.segments()
    named_by = tuple(_named_by(now, people, context))
    context.evaluator.release()
    withdrawals, rows = [], 0
    for record in context.state.audiences():
        if record.audience_id is not None:
            withdrawal, about_them = _leaving(record, people, project, context)
            withdrawal = replace(withdrawal, destination=way_to(record, project.destinations))
            if withdrawal.removed and withdrawal.destination is None:
                withdrawal = replace(withdrawal, error=NO_DESTINATION)
            if record.record_id in unsettled and not withdrawal.is_blind:
                withdrawal = replace(withdrawal, error=as_sentence(unsettled[record.record_id]))
            withdrawals.append(withdrawal)
            rows += about_them
    return Erasure(people, tuple(withdrawals), segments, named_by, rows)


def _leaving(
    record: AppliedAudience, people: AskedPeople, project: Project, context: RunContext
) -> tuple[Withdrawal, int]:
    """What leaves an audience, and how many rows of its files are about them; all, where nobody knows what it holds."""
    memberships = context.memberships
    try:
        if not (record.refill or context.older):
            held = context.state.held(record.record_id)
            rows = memberships.mentioned(held.files, people)
            return Withdrawal(record, memberships.leaving(held, people.files)), rows
    except StateError:
        pass  # damaged: all are removed, and the files are reported when they cannot be written again
    compared = memberships.everybody(MembershipFiles(), people.files, types_of(record, project))
    return Withdrawal(record, compared, is_blind=True), 0


def _named_by(now: PeopleNow, people: AskedPeople, context: RunContext) -> list[NamedBy]:
    """What suppressions remember of them. Whom one names now it has to remember: else the next run would add them."""
    found, memberships = [], context.memberships
    for one in context.state.suppressions():
        files = context.state.suppression_files(one.name)
        if files is None:
            continue
        both = tuple(file for file in (files.members, files.before) if file is not None)
        remembered = max(memberships.mentioned((file,), people) for file in both)
        if not remembered:
            continue
        named, keeps = now.named_by(one.name), remembered
        if named is not None:  # it may name others of them now, whom it does not remember
            keeps = max(memberships.mentioned((memberships.named_still(named, file),), people) for file in both)
        found.append(NamedBy(one.name, remembered, keeps, named))
    return found


def _carry_out(erasure: Erasure, context: RunContext, accounts: Accounts, began: datetime, asked: Asked) -> Forgotten:
    state = context.state
    origin = context.origin() or NOT_KNOWN
    run = state.begin_run("forget", began, origin)
    context = replace(context, run=run)
    receipt = state.add_receipt(run, began, receipt_content(erasure, (), origin, asked, finished=None))
    context.begun(False)
    context.progress.sending(sum(one.removed for one in erasure.withdrawals))
    work = Erasing(erasure.people, context, accounts, run)
    interrupted = work.out_of_audiences(erasure.withdrawals)
    older = NO_OLDER
    if not interrupted:
        for one in erasure.named_by:
            if one.keeps < one.remembered:
                work.out_of_suppression(one.name, one.now)
        older = asked.believed(work.out_of_files())
    audiences = work.results()
    ended = context.clock()
    finished = None if interrupted else ended
    content = receipt_content(erasure, audiences, origin, asked, finished=finished, older=older)
    state.complete_receipt(receipt, content)
    state.end_run(run, ended)
    return Forgotten(erasure, audiences, receipt, run, began, origin, older, interrupted)


def receipt_content(
    erasure: Erasure,
    audiences: tuple[ErasedFrom, ...],
    origin: RunOrigin,
    asked: Asked,
    *,
    finished: datetime | None,
    older: OlderVersions = NO_OLDER,
) -> Mapping[str, object]:
    """A receipt: counts, who, and when; no value, no hash."""
    return {
        "finished": None if finished is None else finished.isoformat(),
        "identifiers": {str(kind): count for kind, count in erasure.people.counts.items()},
        "audiences": [one.data for one in audiences],
        "segments": [
            {"activation": one.activation, "found": str(one.yielded), "detail": one.detail}
            for one in erasure.segments
            if one.yielded is not Yielded.NOT_IN
        ],
        "suppressions": [{"name": one.name, "kept": one.keeps} for one in erasure.named_by],
        "places": list(older.places),
        "older_versions": older.data,
        "finishes": asked.finishes,
        "user": origin.user,
        "host": origin.host,
        "ci_job": origin.ci_job,
        "ci_url": origin.ci_url,
        "commit": origin.commit,
    }
