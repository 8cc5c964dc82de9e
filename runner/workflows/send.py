"""Bringing an audience's membership to the segment: the only place that sends identifiers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from runner.core.destination import Accepted, DestinationClient
from runner.core.errors import DestinationError, Interrupted, StateError
from runner.core.identifiers import IdentifierType, Operation
from runner.core.membership import ON_ITS_WAY, Batch, ComparedMembership, overtaken
from runner.planning.plan import Measured, PlannedChange
from runner.quick_dataclass import dataclass, field
from runner.workflows.concurrency import Task
from runner.workflows.context import RunContext


class Target(NamedTuple):
    """An audience that members can be sent to: the number of its record in the state, and its id."""

    record_id: int
    audience_id: str


@dataclass(slots=True)
class Tally:
    """What a delta came to so far: identifiers added and removed, and those that the destination called malformed."""

    added: int = 0
    removed: int = 0
    invalid: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def gone(self, members: Mapping[IdentifierType, int]) -> None:
        """An audience was deleted with these members."""
        for kind, count in members.items():
            self._add(kind, "removed", count)
        self.removed += sum(members.values())

    def take_in(self, other: Tally) -> None:
        """Count what another delta of the same audience came to as well."""
        self.added += other.added
        self.removed += other.removed
        self.invalid += other.invalid
        for kind, counts in other.counts.items():
            mine = self.counts.setdefault(kind, {"added": 0, "removed": 0})
            for what, count in counts.items():
                mine[what] = mine.get(what, 0) + count

    def suppressed(self) -> Tally:
        """The same, of a delta of nothing but people whom suppressions name."""
        counts = {kind: {**one, "suppressed": one["removed"]} for kind, one in self.counts.items()}
        return Tally(self.added, self.removed, self.invalid, counts)

    def _add(self, kind: IdentifierType, what: str, count: int) -> None:
        if count:
            self.counts.setdefault(str(kind), {"added": 0, "removed": 0})[what] += count

    def count(self, batch: Batch, taken: Accepted) -> None:
        self.invalid += taken.invalid
        what = "added" if batch.operation is Operation.ADD else "removed"
        if batch.identifier_type is not None:
            self._add(batch.identifier_type, what, batch.identifiers)
        if batch.operation is Operation.ADD:
            self.added += batch.identifiers
        else:
            self.removed += batch.identifiers


def settle_delta(key: int, context: RunContext) -> None:
    """Fold an unfinished delta into the membership, so that a new one can be planned. Sends nothing."""
    held = context.state.held(key)
    context.state.close_delta(key, partial(context.memberships.settle, held))


def send_members(
    change: PlannedChange,
    measured: Measured,
    target: Target,
    client: DestinationClient,
    context: RunContext,
    tally: Tally,
) -> Task:
    """Send what the segment and the audience differ by, removals first; afterwards the state says that they agree.

    Yields each call on the audience, one after the other's answer, and is sent what it answers.

    The whole delta is durable before the first identifier leaves. Raises Interrupted between two batches when the run
    was asked to end; whatever happens, the state knows which batches may have arrived, and `tally` what was taken.
    """
    key, audience_id = target
    state, memberships = context.state, context.memberships
    if change.refill:
        _require_nothing_on_its_way(key, context)
        state.require_refill(key)
        state.clearing(key, context.clock())
        context.begun(True)
        yield partial(client.clear, audience_id, lambda lost: state.clearing(key, context.clock(), lost=lost))
        state.cleared(key)
    batch_size = measured.activation.destination.batch_size
    held, compared = state.held(key), measured.compared
    if compared.held != held:  # the plan was about an audience that was cleared, replaced or withdrawn from since
        if measured.evaluation.looked_up is not None:  # of which nobody is cleared and nothing is replaced
            again = memberships.without_those_gone(compared, held)
        else:
            again = memberships.compare(measured.evaluation, held)
        compared = again.without_additions() if compared.removals_only else again
    yield from send_delta(change.id, target, compared, batch_size, client, context, tally)


def send_delta(
    activation: str,
    target: Target,
    compared: ComparedMembership,
    batch_size: int,
    client: DestinationClient,
    context: RunContext,
    tally: Tally,
    *,
    withdrawal: bool = False,
) -> Task:
    """Send what a comparison came to, if anything, and settle it. Raises as `send_members` does.

    A `withdrawal` is of people whom suppressions name.
    """
    key, audience_id = target
    write = partial(_write_outbox, compared, batch_size, context)
    batches = context.state.open_delta(key, write, withdrawal=withdrawal)
    if batches:
        context.begun(True)
        if compared.origin is not None:
            context.state.outbox_fingerprints(key, compared.origin)
        yield from _send_batches(activation, key, audience_id, batches, client, context, tally)
        settle_delta(key, context)


def _write_outbox(compared: ComparedMembership, batch_size: int, context: RunContext, path: Path) -> tuple[Batch, ...]:
    return context.memberships.write_outbox(compared, path, batch_size, context.run)


def send_unrecorded(
    activation: str,
    target: Target,
    compared: ComparedMembership,
    batch_size: int,
    client: DestinationClient,
    context: RunContext,
    tally: Tally,
) -> Task:
    """Send removals from an audience whose members the state does not know, and so keeps nothing about."""
    outbox = next(iter(compared.differing.values()))[0].with_name("outbox.parquet")
    batches = context.memberships.write_outbox(compared, outbox, batch_size)
    context.begun(True)
    for batch, (_, identifiers) in zip(batches, context.memberships.batches(outbox), strict=True):
        if context.stopping():
            raise Interrupted("what was sent is recorded, and the next run goes on from there")
        assert batch.identifier_type is not None
        sent_to = target.audience_id
        taken = yield partial(client.send, sent_to, batch.operation, batch.identifier_type, identifiers, _unmarked)
        tally.count(batch, taken)
        context.progress.sent(activation, batch.identifiers)


def _require_nothing_on_its_way(key: int, context: RunContext) -> None:
    """Raise StateError while identifiers that were sent before may still come, also after a clear."""
    doubt_at, now = context.state.audience(key).doubt_at, context.clock()
    if doubt_at is not None and overtaken(now, doubt_at):
        minutes = int(ON_ITS_WAY.total_seconds() // 60)
        left = max(1, -int((now - doubt_at - ON_ITS_WAY).total_seconds() // 60))
        raise StateError(
            "the audience is not cleared yet: a call of an earlier run had no answer, and may take effect for up to "
            f"{minutes} minutes, also after a clear",
            f"run again in {left} minute{'s' if left != 1 else ''}",
        )


def _send_batches(
    activation: str,
    key: int,
    audience_id: str,
    batches: tuple[Batch, ...],
    client: DestinationClient,
    context: RunContext,
    tally: Tally,
) -> Task:
    outbox = context.state.held(key).outbox
    assert outbox is not None
    for batch, (number, identifiers) in zip(batches, context.memberships.batches(outbox), strict=True):
        if context.stopping():
            raise Interrupted("what was sent is recorded, and the next run goes on from there")
        assert number == batch.number
        assert batch.identifier_type is not None
        mark = partial(_mark_in_flight, context, key, number)
        mark(lost=False)
        try:
            taken = yield partial(client.send, audience_id, batch.operation, batch.identifier_type, identifiers, mark)
        except DestinationError as error:
            if error.untouched:
                context.state.mark_refused(key, number)
            raise
        context.state.mark_taken(key, number, taken)
        tally.count(batch, taken)
        context.progress.sent(activation, batch.identifiers)


def _unmarked(lost: bool) -> None:
    """Nothing is kept of an attempt."""


def _mark_in_flight(context: RunContext, key: int, number: int, lost: bool) -> None:
    """Before each attempt, so that it is known when the last one left; in the thread of the call, but for the first."""
    context.state.mark_in_flight(key, number, context.clock(), lost=lost)
