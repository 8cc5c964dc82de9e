"""How a run uses fingerprints: which salt, which part is checked, and what is written down when it is done."""

from __future__ import annotations

from functools import partial

from runner.core.fingerprints import PARTS, Fingerprinting
from runner.core.membership import ComparedMembership
from runner.quick_dataclass import replace
from runner.workflows.context import RunContext

MISTAKEN = (
    "fingerprints of its members led to other identifiers than the texts themselves: all of them were dropped, and the "
    "members were compared without them"
)


def reading(context: RunContext) -> RunContext:
    """The context of a run that changes nothing: fingerprints are used, and none is made or checked."""
    salt = context.state.salt()
    return context if salt is None else replace(context, fingerprinting=Fingerprinting(salt))


def writing(context: RunContext) -> RunContext:
    """The context of a run that holds the state: fingerprints are made and kept, and one part of those found is
    checked, another one in each run."""
    salt = context.state.salt() or context.state.make_salt(context.clock())
    if salt is None:
        return context
    return replace(context, fingerprinting=Fingerprinting(salt, context.state.next_run() % PARTS))


def keep(key: int, compared: ComparedMembership, context: RunContext) -> None:
    """Write down what a comparison found of fingerprints, once the membership that came of it is settled.

    Where it is not, since people could not be taken out of the audience, a later run makes them.
    """
    if compared.mistaken:
        context.state.drop_fingerprints(key)
    if compared.refreshed:
        held = context.state.held(key)
        if held.outbox is None:
            context.state.fingerprinted(key, partial(context.memberships.fingerprint, held, compared))
