"""Bringing an audience's membership to the segment: the only place that sends identifiers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from runner.core.destination import Accepted, DestinationClient
from runner.core.errors import Interrupted
from runner.core.identifiers import Operation
from runner.core.membership import Batch
from runner.planning.plan import Measured, PlannedChange
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

    def count(self, batch: Batch, taken: Accepted) -> None:
        self.invalid += taken.invalid
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
        state.require_refill(key)
        yield partial(client.clear, audience_id)
        state.cleared(key)
    batch_size = measured.activation.destination.batch_size
    held, compared = state.held(key), measured.compared
    if compared.held != held:  # the plan was about an audience that was cleared or replaced since
        compared = memberships.compare(measured.evaluation, held)
    batches = state.open_delta(key, lambda path: memberships.write_outbox(compared, path, batch_size))
    if batches:
        yield from _send_batches(change.id, key, audience_id, batches, client, context, tally)
        settle_delta(key, context)


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
        context.state.mark_in_flight(key, number)
        taken = yield partial(client.send, audience_id, batch.operation, batch.identifier_type, identifiers)
        context.state.mark_taken(key, number, taken)
        tally.count(batch, taken)
        context.progress.sent(activation, batch.identifiers)
