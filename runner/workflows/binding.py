"""A state belongs to one API and one target: written down by the first run that sends, held to by every command."""

from __future__ import annotations

from runner.core.destination import Api
from runner.core.errors import StateError
from runner.planning.plan import Plan
from runner.state.interface import State
from runner.workflows.context import RunContext

MOVED = "if it is meant to move there, `headcount state bind`"


def require_bound(state: State, api: Api, target: str = "") -> None:
    """Raise StateError for a state that belongs to another API or another target than this command is about."""
    known = state.binding()
    if known is None:
        return
    where = f"the state at {state.backing.location}"
    if known.api != api.address:
        raise StateError(
            f"{where} belongs to {api.platform} at {known.api}, and this command would speak to {api.address}",
            f"{api.way_to(known.api)}, or use another state with HEADCOUNT_STATE; {MOVED}",
        )
    if known.target != target:
        raise StateError(
            f"{where} belongs to {_target(known.target)}, and this command is about {_target(target)}",
            f"choose that target, or use another state with HEADCOUNT_STATE; {MOVED}",
        )


def whose(state: State, api: Api | None, target: str = "") -> str:
    """What a state belongs to, for a command that only reads it, where that is another API or target than is meant."""
    known = state.binding()
    if known is None or (known.target == target and (api is None or known.api == api.address)):
        return ""
    place = f"{api.platform} at {known.api}" if api is not None else known.api
    of = f", {_target(known.target)}" if known.target or target else ""
    return f"The state at {state.backing.location} belongs to {place}{of}; this command only reads it."


def _target(name: str) -> str:
    return f'target "{name}"' if name else "no target"


def bind(context: RunContext, plan: Plan) -> None:
    """Write down what the state belongs to before the first thing is sent, or once an audience of ours was seen there.

    A plan that found nothing of ours and sends nothing is no reason: the address may be wrong. Needs the lock.
    """
    if context.binding is None or context.state.binding() is not None:
        return
    if plan.pending or any(change.applied is not None and change.live is not None for change in plan.changes):
        context.state.bind(context.binding)
