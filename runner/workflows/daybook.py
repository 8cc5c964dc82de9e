"""Writing down, once in a run, how each segment and its audience stand: what reports of the past are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic

from runner.core.day import Counted, Note, WayDown
from runner.core.destination import Statistics
from runner.core.errors import AudienceGone, DestinationError
from runner.core.records import Action, AppliedAudience, AudienceKey
from runner.planning.plan import Plan, PlannedChange
from runner.workflows.accounts import Accounts
from runner.workflows.concurrency import Task, run_concurrently
from runner.workflows.context import RunContext

ASKED_EVERY = timedelta(hours=20)
"""How often a destination is asked what it counts of an audience: once a day, whenever the day's first run is."""

TOO_YOUNG = timedelta(hours=24)
"""An audience that was made less than this ago is not asked about: nothing has been counted yet.

The destination's own word for when that was comes first: an audience that was imported may be old by then.
"""

SECONDS = 30.0
"""How long asking may take in one run. Whoever was not asked about is asked about in the next one."""

_AT_ONCE = 8


def note_day(plan: Plan, context: RunContext, accounts: Accounts) -> None:
    """Write down the way down of every segment that was evaluated, and what destinations count of their audiences.

    A destination that does not answer is no failure of the run: it is asked again by the next one.
    """
    records = {record.key: record for record in context.state.audiences()}
    seen = {change.id: change for change in plan.changes if change.activation is not None and change.key in records}
    if not seen:
        return
    before, now = context.state.noted(seen), context.clock()
    asked = tuple(_to_ask(seen, before, records, now))
    counted = _counted(asked, records, context, accounts)
    notes = {
        name: Note(sum(records[change.key].members.values()), way_of(change), counted.get(name))
        for name, change in seen.items()
    }
    context.state.note_day(now.astimezone(UTC).date(), notes)


def way_of(change: PlannedChange) -> WayDown | None:
    """The way down of a change's segment; None where it was not evaluated.

    It ends with people where nobody is added: how many identifiers they have is not known then.
    """
    measured = change.measured
    if measured is None:
        return None
    known = {} if measured.compared.removals_only else measured.delta
    return WayDown.of(measured.evaluation, {kind: part.after for kind, part in known.items()})


def _to_ask(
    seen: Mapping[str, PlannedChange],
    before: Mapping[str, Note],
    records: Mapping[AudienceKey, AppliedAudience],
    now: datetime,
) -> Iterator[PlannedChange]:
    """About whose audiences the destination is asked: those that it was not asked about for longest come first."""

    def last(change: PlannedChange) -> float:
        counted = before[change.id].counted
        return counted.at.timestamp() if counted is not None else 0.0

    for change in sorted(seen.values(), key=last):
        record, counted = records[change.key], before[change.id].counted
        made_at = change.live.created_at if change.live is not None else None
        young = now - (made_at or record.intended_at) < TOO_YOUNG
        recent = counted is not None and now - counted.at < ASKED_EVERY
        failed = change.action in (Action.FAILED, Action.CONFLICT)
        if record.audience_id is not None and not (young or recent or failed):
            yield change


def _counted(
    asked: tuple[PlannedChange, ...],
    records: Mapping[AudienceKey, AppliedAudience],
    context: RunContext,
    accounts: Accounts,
) -> Mapping[str, Counted]:
    found: dict[str, Counted] = {}
    silent: set[str] = set()
    deadline = monotonic() + SECONDS

    def ask(change: PlannedChange) -> Task:
        activation, audience_id = change.activation, records[change.key].audience_id
        if activation is None or audience_id is None or activation.destination.name in silent:
            return
        if monotonic() >= deadline or context.stopping():
            return
        client = accounts.client(activation.destination)
        try:
            said: Statistics = yield lambda: client.statistics(audience_id)
        except AudienceGone:
            return
        except DestinationError:
            silent.add(activation.destination.name)
            return
        if said.identifiers is not None:
            found[change.id] = Counted(context.clock(), said.identifiers, said.matches)

    run_concurrently(map(ask, asked), _AT_ONCE, context.stopping)
    return found
