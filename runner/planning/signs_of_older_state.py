"""Signs that a state is an older one, in what there is at destinations: a backup was put back on another machine, say.

None of them is certain, so they are told and stop nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from runner.core.records import Action
from runner.planning.plan import Decision


def signs_of_older_state(
    decisions: Iterable[Decision], last_run: datetime | None, unsure: Collection[str] = ()
) -> tuple[str, ...]:
    """What speaks for runs that the state knows nothing of, each in words.

    `last_run` is when the newest run that it knows began, None where it knows none. `unsure` are activations of which a
    run may have done more than it could write down.
    """
    return tuple(_signs(decisions, last_run, unsure)) if last_run is not None else ()


def _signs(decisions: Iterable[Decision], last_run: datetime, unsure: Collection[str]) -> Iterator[str]:
    for one in decisions:
        holder, live, applied = one.holder, one.live, one.applied
        if one.intended is Action.CONFLICT and holder is not None and not holder.other_kind:
            if holder.created_at is not None and holder.created_at > last_run:
                yield f'audience {holder.id}, called "{one.name}" as {one.id} is, was made after it'
        elif live is not None and applied is not None and applied.definition is not None and one.definition is not None:
            before, now = applied.definition.undated.name, one.definition.undated.name
            if before != now and live.name == one.name and one.id not in unsure:
                yield f'audience {live.id} is called "{live.name}" already, as only the files say now'
