"""The loop of the service: see what is due, run it through the same workflow as `sync --due`, wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Protocol

from runner.core.errors import Interrupted, InvalidProject, Locked
from runner.core.project import Activation, Project, Suppression
from runner.core.records import ActivationRun, AppliedAudience, Outcome, taken_apart
from runner.core.selection import Candidate, Selection
from runner.quick_dataclass import dataclass, field, replace
from runner.service.failing import Trouble, failing_since, trouble_after
from runner.service.health import ActivationHealth, HealthBoard, HealthView, Reason, SuppressionHealth
from runner.service.stagger import Backoff, NextRun, backed_off, next_runs
from runner.workflows.failure_messages import as_sentence
from runner.workflows.orphans import orphan_notice, orphans_with_people
from runner.workflows.sync import Synced

LONGEST_WAIT = timedelta(minutes=1)
"""After which the state is looked at again: someone may have run an apply, or set the clock."""

COUNT_EVERY = timedelta(hours=1)
"""How often destinations are asked how many identifiers their audiences have, with a call for each."""

LOCK_WAIT = timedelta(seconds=5)
"""Until a state that another run holds is asked for again."""

_GOOD = (Outcome.DONE, Outcome.UNCHANGED)


class Event(Enum):
    """What ends a wait early."""

    CHANGED = "changed"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Known:
    """What the state says: when each activation last went well, and how many identifiers its audience holds.

    `behind` are those where work was left since, which are due at once; `audiences` is what is applied. `suppressed` is
    when each suppression in effect was last evaluated, by its name; `not_in_effect` are those that cannot take effect.
    `undelivered` counts the notices that wait, by receiver, `open_receipts` the erasures without a good end.
    """

    last_good: Mapping[str, datetime] = field(default_factory=dict)
    members: Mapping[str, int] = field(default_factory=dict)
    behind: frozenset[str] = frozenset()
    audiences: tuple[AppliedAudience, ...] = ()
    suppressed: Mapping[str, datetime] = field(default_factory=dict)
    not_in_effect: frozenset[str] = frozenset()
    undelivered: Mapping[str, int] = field(default_factory=dict)
    open_receipts: int = 0


class Site(Protocol):
    """The world as far as the loop has to do with it."""

    def now(self) -> datetime:
        """The time (aware, UTC)."""

    def today(self) -> date:
        """The date in the time zone of the project."""

    def load(self, today: date) -> Project:
        """Read the files. Raises InvalidProject."""

    def known(self) -> Known:
        """Read the state. Raises HeadcountError."""

    def sync(self, project: Project, today: date, ids: frozenset[str]) -> tuple[Synced, bool]:
        """Bring up to date what is due of these; also whether someone asked to stop meanwhile.

        Raises Locked, Interrupted, HeadcountError.
        """

    def drifted(self, project: Project, ids: frozenset[str]) -> frozenset[str]:
        """Those whose destination counts far from what was sent. Raises HeadcountError."""

    def failed(self, error: Exception) -> None:
        """Notify those who must act of what keeps everything from being done. Raises nothing."""

    def valid_again(self, project: Project) -> None:
        """Notify them that the files are valid again. Raises nothing."""

    def wait(self, seconds: float) -> Event | None:
        """Wait, but no longer than until something happens."""

    def log(self, message: str, **fields: object) -> None:
        """One line about one event; `fields` say the same to a program: `event`, `activation`, numbers."""


class Service:
    """Runs until it is asked to stop. `count` gets every outcome; the board always shows how things stand."""

    def __init__(
        self,
        site: Site,
        board: HealthBoard,
        count: Callable[[tuple[ActivationRun, ...]], None],
        *,
        selection: Selection,
        spread: timedelta,
    ) -> None:
        self._site, self._board, self._count = site, board, count
        self._selection, self._spread = selection, spread
        self._known = Known()
        self._backoffs: dict[str, Backoff] = {}
        self._troubles: dict[str, Trouble] = {}
        self._worked: datetime | None = None
        self._orphans: frozenset[str] = frozenset()
        self._locked_until: datetime | None = None
        self._drifted: frozenset[str] = frozenset()
        self._left_out: dict[str, tuple[int, int]] = {}

    def load(self) -> None:
        """Read the files for the first time, which must be valid. Raises InvalidProject, UsageError."""
        self._today = self._site.today()
        self._project = self._site.load(self._today)
        self._counted_at = self._site.now()
        self._selection.require_matches([Candidate.of(one) for one in self._project.activations])
        self._site.log(f"{_activations(len(self._chosen()))} to keep fresh")

    def run(self) -> None:
        """Look, run and wait, again and again, until someone asks to stop."""
        while self._round():
            pass
        self._board.view = replace(self._board.view, stopping=True)
        self._site.log("stopped")

    def _round(self) -> bool:
        """One round; False when it was the last one."""
        self._compare_counts()
        coming = self._look()
        now = self._site.now()
        ready = frozenset(run.activation for run in coming if run.at <= now)
        event = self._site.wait(self._pause(coming, now).total_seconds())
        if event is Event.STOP:
            return False
        if event is Event.CHANGED or self._site.today() != self._today:
            self._reload(changed=event is Event.CHANGED)
        elif ready and (self._locked_until is None or self._site.now() >= self._locked_until):
            return self._sync(ready)
        return True

    def _pause(self, coming: tuple[NextRun, ...], now: datetime) -> timedelta:
        first = coming[0].at if coming else now + LONGEST_WAIT
        if self._locked_until is not None:
            first = max(first, self._locked_until)
        return min(max(first - now, timedelta()), LONGEST_WAIT)

    # -- looking -------------------------------------------------------------------------------------------------

    def _chosen(self) -> tuple[Activation, ...]:
        return tuple(one for one in self._project.activations if self._selection.means(Candidate.of(one)))

    def _in_effect(self) -> dict[str, Suppression]:
        """The suppressions that are in effect, by what runs call them: they have schedules of their own."""
        return {one.id: one for one in self._project.suppressions if one.name in self._known.suppressed}

    def _look(self) -> tuple[NextRun, ...]:
        """Read the state, forget backoffs that someone else has fixed, and show how things stand."""
        try:
            self._known = self._site.known()
            self._resolve("state")
        except Exception as error:  # noqa: BLE001 - the service outlives whatever befalls one look at the state
            self._trouble("state", error)
            self._show(())
            return ()
        self._note_orphans()
        suppressions = self._in_effect()
        good = {**self._known.last_good}
        good |= {called: self._known.suppressed[one.name] for called, one in suppressions.items()}
        for one, backoff in tuple(self._backoffs.items()):
            if one in good and good[one] > backoff.since:
                del self._backoffs[one]
        now = self._site.now()
        counted = {one: at for one, at in good.items() if one not in self._known.behind}
        coming = next_runs((*self._chosen(), *suppressions.values()), counted, self._backoffs, now, self._spread)
        self._show(coming)
        return coming

    def _note_orphans(self) -> None:
        """Log each audience that keeps people and that nobody declares any more, once while that is so."""
        orphans = orphans_with_people(self._project, self._known.audiences, self._selection)
        notices = frozenset(f"{record.activation} orphaned: {orphan_notice(record)}" for record in orphans)
        for notice in sorted(notices - self._orphans):
            self._site.log(notice)
        self._orphans = notices

    def _compare_counts(self) -> None:
        """Ask destinations now and then what they count; what is far from what was sent is a reason."""
        now = self._site.now()
        if now - self._counted_at < COUNT_EVERY:
            return
        self._counted_at = now
        try:
            drifted = self._site.drifted(self._project, frozenset(one.id for one in self._chosen()))
            self._resolve("drift")
        except Exception as error:  # noqa: BLE001 - the service outlives whatever befalls one look at the counts
            self._trouble("drift", error)
            return
        for one in sorted(drifted - self._drifted):
            self._site.log(f"{one}: {_drift_line(one)}", event="drift", activation=one)
        self._drifted = drifted

    def _show(self, coming: tuple[NextRun, ...]) -> None:
        due = {run.activation: run.at for run in coming}
        known = self._known
        rows = (self._health_of(one, due.get(one.id)) for one in self._chosen())
        suppressions = (
            SuppressionHealth(name, at, name in known.not_in_effect) for name, at in known.suppressed.items()
        )
        since = failing_since(self._backoffs.values(), self._troubles.get("state"), self._last_good())
        reasons = [] if since is None else [Reason("failing", f"nothing that was due since {_zulu(since)} has worked")]
        reasons += [Reason(code, trouble.message) for code, trouble in self._troubles.items()]
        reasons += [
            Reason(backoff.outcome, backoff.reason, one)
            for one, backoff in sorted(self._backoffs.items())
            if backoff.outcome
        ]
        reasons += [Reason("drift", _drift_line(one), one) for one in sorted(self._drifted)]
        self._note_failing(since)
        self._board.view = HealthView(
            tuple(rows),
            tuple(suppressions),
            known.undelivered,
            tuple(reasons),
            failing_since=since,
            open_receipts=known.open_receipts,
        )

    def _health_of(self, one: Activation, due: datetime | None) -> ActivationHealth:
        good = self._known.last_good.get(one.id)
        suppressed, held_out = self._left_out.get(one.id, (None, None))
        limit = None if one.freshness is None else timedelta(seconds=one.freshness)
        is_late = limit is not None and (good is None or self._site.now() - good > limit)
        return ActivationHealth(
            one.id,
            self._known.members.get(one.id),
            good,
            due,
            drifted=one.id in self._drifted,
            freshness=one.freshness,
            stale=is_late and one.id in self._known.members,
            suppressed=suppressed,
            held_out=held_out,
        )

    def _last_good(self) -> datetime | None:
        """When anything last went well: here, or in a run of someone else."""
        chosen = (self._known.last_good.get(one.id) for one in self._chosen())
        return max((at for at in (self._worked, *chosen) if at is not None), default=None)

    def _note_failing(self, since: datetime | None) -> None:
        before = self._board.view.failing_since
        if since is not None and before is None:
            message = f"failing: nothing that was due since {_zulu(since)} has worked"
            self._site.log(message, event="failing", level="error")
        elif since is None and before is not None:
            self._site.log("failing: something works again")

    def _reload(self, *, changed: bool) -> None:
        """Take the files as they are now; while they are not valid, those that last were go on."""
        today = self._site.today()
        try:
            project = self._site.load(today)
        except Exception as error:  # noqa: BLE001 - no file that anyone writes may end the service
            self._trouble("invalid-project", error)
            return
        finally:
            self._today = today
        if self._resolve("invalid-project"):
            self._site.valid_again(project)
        if project == self._project:
            return
        self._project = project
        self._backoffs.clear()
        if changed:
            self._site.log(f"files changed; {_activations(len(self._chosen()))} to keep fresh")

    # -- running -------------------------------------------------------------------------------------------------

    def _sync(self, ready: frozenset[str]) -> bool:
        now = self._site.now()
        try:
            done, stop = self._site.sync(self._project, self._today, ready)
        except Interrupted as interruption:
            self._site.log(interruption.message)
            return False
        except Locked as held:
            if self._locked_until is None:
                self._site.log(f"waiting: {held.message}")
            self._locked_until = now + LOCK_WAIT
            self._site.failed(held)
            return True
        except Exception as error:  # noqa: BLE001 - a run that fails as a whole is tried again
            self._locked_until = None
            message = self._trouble("sync", error)
            for one in ready:
                self._backoffs[one] = backed_off(self._backoffs.get(one), now, Outcome.FAILED, message)
            return True
        self._locked_until = None
        self._resolve("sync")
        self._note_outcomes(done, ready)
        return not (stop or done.applied.interrupted)

    def _note_outcomes(self, done: Synced, ready: frozenset[str]) -> None:
        now = self._site.now()
        self._count(done.applied.outcomes)
        for change in done.applied.plan.changes:
            if change.measured is not None:
                found = change.measured.evaluation
                self._left_out[change.id] = (found.suppressed, found.held_out)
        ended = {run.activation: (str(run.outcome), "; ".join(_said(run))) for run in done.applied.outcomes}
        ended |= {part.activation: ("skipped", part.reason) for part in done.skipped}
        for run in done.applied.outcomes:
            self._site.log(_run_line(run), event="outcome", activation=run.activation, level=_level(run), **run.figures)
        for part in done.skipped:
            self._site.log(f"{part.activation} skipped: {part.reason}", event="skipped", activation=part.activation)
        for one in ready:
            outcome, reason = ended.get(one, ("", ""))
            if outcome in _GOOD:
                self._worked = now
                self._backoffs.pop(one, None)
            elif outcome:
                self._backoffs[one] = backed_off(self._backoffs.get(one), now, outcome, reason)
            else:
                self._backoffs[one] = Backoff(now, now + LONGEST_WAIT)  # another run was faster

    # -- troubles ------------------------------------------------------------------------------------------------

    def _trouble(self, code: str, error: Exception) -> str:
        """Keep in mind that something is not well; it is logged once, and again when it changes."""
        message = _problem_line(error)
        before = self._troubles.get(code)
        if code != "drift":
            self._site.failed(error)
        if before is None or before.message != message:
            self._site.log(f"{code}: {message}", event=code, level="error")
        self._troubles[code] = trouble_after(before, message, self._site.now())
        return message

    def _resolve(self, code: str) -> bool:
        """Whether there was such a trouble, which is over."""
        if self._troubles.pop(code, None) is None:
            return False
        self._site.log(f"{code}: works again")
        return True


def _problem_line(error: Exception) -> str:
    if isinstance(error, InvalidProject):
        first, more = error.findings[0], len(error.findings) - 1
        problem = f"{first.location}: {first.message}" + (f" (and {more} more)" if more else "")
        return f"{problem}; the last valid files stay in use" if first.code != "missing-credential" else problem
    return as_sentence(error)


def _drift_line(activation: str) -> str:
    drift = "suspected drift: what the destination counts is far from what was sent"
    return f"{drift}; `headcount sync --rebuild {activation}` clears and refills it"


def _zulu(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def _activations(count: int) -> str:
    return f"{count:,} activation{'' if count == 1 else 's'}"


def _level(run: ActivationRun) -> str:
    if run.outcome in _GOOD:
        return "info"
    return "error" if run.outcome is Outcome.FAILED else "warning"


def _run_line(run: ActivationRun) -> str:
    numbers = f"+{run.added:,} -{run.removed:,}, {run.members:,} members, {run.rejected:,} rejected"
    detail = "".join(f"; {one}" for one in _said(run))
    return f"{run.activation} {run.outcome}: {numbers}{detail}"


def _said(run: ActivationRun) -> tuple[str, ...]:
    """What is said of how it ended, and what to do."""
    sentence, advice = taken_apart(run.detail)
    return (sentence, *advice) if sentence else advice
