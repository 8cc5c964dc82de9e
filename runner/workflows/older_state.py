"""Telling a person that a state may be an older one, where the audiences themselves speak for it."""

from __future__ import annotations

from collections.abc import Iterable

from runner.core.local_time import local_time
from runner.core.records import Action, Outcome
from runner.planning.plan import Decision
from runner.planning.signs_of_older_state import signs_of_older_state
from runner.state.interface import State
from runner.workflows.context import RunContext

HINT = (
    "where a backup was put back, or another machine has a newer state: `headcount import --all`, then `headcount sync"
    " --rebuild ID` for every audience; where somebody did this by hand, nothing is wrong with the state"
)

_SHOWN = 3


def tell_if_older(decisions: Iterable[Decision], context: RunContext) -> None:
    """Note signs that the state is an older one, if there are any, and what to do then."""
    every = tuple(decisions)
    said = "" if context.older else older_state(every, context.state)
    if said:
        context.progress.note(f"{said}; {HINT}")
    conflicts = [one for one in every if one.intended is Action.CONFLICT]
    taken = [one for one in conflicts if one.holder is not None and not one.holder.other_kind]
    if len(taken) > 1 and not context.state.audiences():
        context.progress.note(
            f"{len(taken):,} audiences have the names of activations, and the state knows none of them: where it was"
            " lost, `headcount import --all` takes them over"
        )


def older_state(decisions: Iterable[Decision], state: State) -> str:
    """Why the state may be an older one, in a sentence; empty where nothing speaks for it."""
    every = tuple(decisions)
    if not any(one.intended is Action.CONFLICT or one.redefined for one in every):
        return ""
    last = next(iter(state.runs(limit=1)), None)
    if last is None:
        return ""
    # A run that was cut off may have renamed an audience without writing it down.
    cut_off = last.finished_at is None
    unsure = {one.id for one in every if cut_off} | {
        activation
        for activation, latest in state.latest().items()
        if latest.run is not None and latest.run.outcome in (Outcome.FAILED, Outcome.INTERRUPTED)
    }
    signs = signs_of_older_state(every, last.started_at, unsure)
    if not signs:
        return ""
    more = f", and {len(signs) - _SHOWN:,} more" if len(signs) > _SHOWN else ""
    newest = f"run {last.id}, {local_time(last.started_at)}, is the newest that it knows"
    return f"the state may be an older one: {newest}, but {'; '.join(signs[:_SHOWN])}{more}"
