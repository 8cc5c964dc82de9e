"""Bringing an audience's membership to the segment: the only place that sends identifiers."""

from __future__ import annotations

from dataclasses import dataclass

from runner.destinations import Connection
from runner.errors import Interrupted
from runner.identifiers import IdentifierType
from runner.membership import Batch
from runner.plan import Change
from runner.state.interface import State
from runner.workflows.tools import Tools


@dataclass(frozen=True, slots=True)
class Sent:
    """What a delta came to: identifiers added and removed, and those that the destination called malformed."""

    added: int = 0
    removed: int = 0
    invalid: int = 0


def settle(key: int, tools: Tools) -> None:
    """Fold an unfinished delta into the membership, so that a new one can be planned. Sends nothing."""
    held = tools.state.held(key)
    settled = tools.engine.settle(held, tools.state.members_path(key))
    tools.state.close_delta(key, settled.members, settled.unknown)


def send_members(change: Change, key: int, audience_id: str, connection: Connection, tools: Tools) -> Sent:
    """Send what the segment and the audience differ by, removals first; afterwards the state says that they agree.

    The whole delta is durable before the first identifier leaves. Raises Interrupted between two batches when the run
    was asked to end; whatever happens, the state knows which batches may have arrived.
    """
    assert change.evaluation is not None
    assert change.activation is not None
    state, engine = tools.state, tools.engine
    if change.refill:
        connection.clear(audience_id)
        state.cleared(key)
    batch_size = change.activation.destination.batch_size
    batches = engine.write_outbox(change.evaluation, state.held(key), state.outbox_path(key), batch_size)
    if not batches:
        return Sent()
    state.open_delta(key, batches)
    sent = _send_batches(change.id, key, audience_id, batches, connection, tools)
    settle(key, tools)
    return sent


def _send_batches(
    activation: str, key: int, audience_id: str, batches: tuple[Batch, ...], connection: Connection, tools: Tools
) -> Sent:
    outbox = tools.state.held(key).outbox
    assert outbox is not None
    totals = {"add": 0, "remove": 0}
    invalid = 0
    for batch, (number, identifiers) in zip(batches, tools.engine.batches(outbox), strict=True):
        if tools.stopping():
            raise Interrupted("interrupted; what was sent is recorded, and the next run goes on from there")
        invalid += _send_batch(batch, number, key, audience_id, identifiers, connection, tools.state)
        totals[batch.operation] += batch.identifiers
        tools.progress.sent(activation, batch.identifiers)
    return Sent(totals["add"], totals["remove"], invalid)


def _send_batch(
    batch: Batch,
    number: int,
    key: int,
    audience_id: str,
    identifiers: list[str],
    connection: Connection,
    state: State,
) -> int:
    kind: IdentifierType | None = batch.identifier_type
    assert kind is not None
    assert number == batch.number
    state.mark_in_flight(key, number)
    taken = connection.send(audience_id, batch.operation, kind, identifiers)
    state.mark_taken(key, number, taken)
    return taken.invalid
