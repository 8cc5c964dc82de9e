"""What a run has seen that somebody may be notified of: from outcomes and from the state, without a call.

A notice says what is so in words of its own: outcomes quote errors, which may name what stands in SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from runner.core.errors import DestinationError, HeadcountError, InvalidProject, Locked, StateError
from runner.core.notices import FILES, RUN, KeptNotice, Observed, Turnover, Wording
from runner.core.project import Activation, Project
from runner.core.receivers import NoticeCondition
from runner.core.records import SUPPRESS, Action, ActivationRun, Outcome
from runner.core.schedule import length
from runner.planning.staleness import StalePlan
from runner.quick_dataclass import replace
from runner.state.interface import State
from runner.workflows.status import ActivationStatus, activation_statuses, suppression_statuses

LOCKED_LONG = 3_600
"""Seconds after which a state that another run holds is worth a notice."""

_PLACE = re.compile(r"[^\s:]+\.(?:ya?ml|sql):\d+:\d+(?=: )")
_EVERY = frozenset(NoticeCondition)
_GOOD = (Outcome.DONE, Outcome.UNCHANGED)
_ENDS = {Outcome.FAILED: NoticeCondition.FAILED, Outcome.BLOCKED: NoticeCondition.BLOCKED}
_BAD = frozenset({NoticeCondition.FAILED, NoticeCondition.BLOCKED, NoticeCondition.SKIPPED})


def observed_in_run(
    project: Project,
    state: State,
    outcomes: Iterable[ActivationRun],
    skipped: Iterable[str],
    kept: Iterable[KeptNotice],
    now: datetime,
) -> tuple[Observed, ...]:
    """What a run that came to its end has seen. `skipped` are the ids of what it left alone."""
    by_subject: dict[str, list[ActivationRun]] = {}
    for outcome in outcomes:
        by_subject.setdefault(outcome.activation, []).append(outcome)
    left = frozenset(skipped)
    declared = {one.id: one for one in project.activations}
    rows = {row.activation: row for row in activation_statuses(project, state, now) if row.declared is not None}
    found = [Observed(RUN, "Headcount", off=_EVERY)]
    for name, activation in declared.items():
        seen = _of_activation(activation, by_subject.get(name, []), skipped=name in left)
        found.append(_with_age(seen, activation, rows[name]))
    never = {f"suppression {row.name}" for row in suppression_statuses(project, state, now)}
    found += _of_suppressions(project, state, by_subject, left, now)
    known = {*declared, *never, RUN, FILES}
    gone = dict.fromkeys(row.key.subject for row in kept if row.key.subject not in known)
    return (*found, *(Observed(name, name, off=_EVERY, is_gone=True) for name in gone))


def _of_activation(activation: Activation, runs: list[ActivationRun], *, skipped: bool) -> Observed:
    place = str(activation.location)
    label = f"activation {activation.id}"
    base = Observed(activation.id, label, place=place, owner=activation.owner)
    ends = {one.outcome for one in runs}
    if Outcome.FAILED in ends:
        detail = next(one.detail for one in runs if one.outcome is Outcome.FAILED)
        found = _PLACE.search(detail)
        at = f" at {found[0]}" if found else ""
        wording = Wording(f"{label} failed{at}: who is in its audience was not brought up to date", _status(activation))
        return _seen(base, NoticeCondition.FAILED, wording, runs)
    if Outcome.BLOCKED in ends:
        wording = Wording(
            f"a guardrail stopped {label}: nobody was added to its audience, and only suppressions removed anybody",
            f"`headcount plan --select {activation.id}` says which and why, and what a person may allow",
        )
        return _seen(base, NoticeCondition.BLOCKED, wording, runs)
    if skipped:
        hint = f"`headcount plan --select {activation.id}` shows what waits for `headcount apply`"
        wording = Wording(f"{label} was left alone by the sync: it waits for `headcount apply`", hint)
        return _seen(base, NoticeCondition.SKIPPED, wording, runs)
    # That suppressions took people out of an audience says nothing of its segment.
    if any(one.outcome in _GOOD and one.action != SUPPRESS for one in runs):
        return replace(base, off=_BAD, turnover=_turnover(runs))
    return base


def _status(activation: Activation) -> str:
    return f"`headcount status --select {activation.id}` says why and what to do"


def _seen(base: Observed, condition: NoticeCondition, wording: Wording, runs: list[ActivationRun]) -> Observed:
    return Observed(
        base.subject, base.label, {condition: wording}, frozenset(), _turnover(runs), base.place, base.owner
    )


def _turnover(runs: list[ActivationRun]) -> Turnover | None:
    """What entered and left by its segment; of an audience that was deleted or made again, nothing is said."""
    if any(one.action in (Action.DELETE, Action.RECREATE) for one in runs):
        return None
    known = [one for one in runs if one.outcome in _GOOD]
    if not known:
        return None
    added, removed = sum(one.added for one in known), sum(one.removed for one in known)
    return Turnover(added, removed, max(0, sum(one.members for one in known) - added + removed))


def _with_age(seen: Observed, activation: Activation, row: ActivationStatus) -> Observed:
    on, off = dict(seen.on), seen.off
    good = row.latest.good.started_at if row.latest.good is not None else None
    last = f"last brought up to date {good:%Y-%m-%d %H:%M} UTC" if good else "not yet brought up to date"
    if row.overdue_since is not None:
        message = f"{seen.label} is overdue: it was {last}, and due {row.overdue_since:%Y-%m-%d %H:%M} UTC"
        on[NoticeCondition.STALE] = Wording(message, _status(activation))
    elif row.stale and activation.freshness is not None:
        message = f"{seen.label} is stale: it was {last}, and may be {length(activation.freshness)} old"
        on[NoticeCondition.STALE] = Wording(message, _status(activation))
    else:
        off = off | {NoticeCondition.STALE}
    return replace(seen, on=on, off=off)


def _of_suppressions(
    project: Project,
    state: State,
    runs: Mapping[str, list[ActivationRun]],
    skipped: frozenset[str],
    now: datetime,
) -> Iterator[Observed]:
    places = {one.name: str(one.location) for one in project.suppressions}
    for row in suppression_statuses(project, state, now):
        subject = f"suppression {row.name}"
        ends = {one.outcome for one in runs.get(subject, ())}
        failing = row.applied.failing_since if row.applied is not None else None
        place = places.get(row.name, "")
        hint = "`headcount status` says why; `headcount plan` shows what a person may allow"
        if failing is not None or not ends.isdisjoint(_ENDS):
            message = f"{subject} cannot take effect: nobody is added where it applies"
            on = {NoticeCondition.SUPPRESSION: Wording(message, hint, failing)}
            yield Observed(subject, subject, on, place=place)
        elif subject in skipped:
            message = f"{subject} waits for `headcount apply`: until then nobody is added where it applies"
            yield Observed(subject, subject, {NoticeCondition.SKIPPED: Wording(message, hint)}, place=place)
        elif row.applied is not None:
            yield Observed(subject, subject, off=_EVERY, place=place)


def observed_failure(error: Exception, now: datetime) -> tuple[Observed, ...]:
    """What a run that failed as a whole has seen; nothing where nobody needs to act yet, or only who called it."""
    if isinstance(error, InvalidProject):
        first, more = error.findings[0], len(error.findings) - 1
        rest = f" and {more:,} more" if more else ""
        message = f"the files are not valid: {first.code} at {first.location}{rest}; nothing was brought up to date"
        wording = Wording(message, "`headcount validate` shows what is wrong and what to write instead")
        return (Observed(FILES, "the project", {NoticeCondition.FAILED: wording}, place=str(first.location)),)
    if isinstance(error, Locked):
        held = (now - error.since).total_seconds() if error.since is not None else 0.0
        if held < LOCKED_LONG:
            return ()
        message = f"another run has held the state since {error.since:%Y-%m-%d %H:%M} UTC: nothing else can run"
        wording = Wording(message, "`headcount doctor` says who holds it; if that run hangs, stop it")
        return (Observed(RUN, "Headcount", {NoticeCondition.FAILED: wording}),)
    hint = "its log says why; `headcount doctor` checks all that a run needs, and says what to do"
    message = f"the run failed before any activation: {_why(error)}"
    return (Observed(RUN, "Headcount", {NoticeCondition.FAILED: Wording(message, hint)}),)


def _why(error: Exception) -> str:
    if isinstance(error, DestinationError):
        status = f" (HTTP {error.status})" if error.status is not None else ""
        return f"the destination refused a call or did not answer{status}"
    if isinstance(error, StateError):
        return "the state cannot be used"
    if isinstance(error, StalePlan):
        return "the saved plan is stale"
    return "something kept it from starting" if isinstance(error, HeadcountError) else "Headcount met a fault"


def observed_valid_files() -> Observed:
    """That the files are valid, or valid again."""
    return Observed(FILES, "the project", off=_EVERY)
