"""The one place that builds the real parts: files, state, engine, connections."""

from __future__ import annotations

import logging
import math
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import date, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli import event_log
from runner.cli.console import Screen, show_findings, tell
from runner.cli.options import DEFAULT_DIR, clock_of, day, variables
from runner.cli.signals import Interrupts
from runner.core.errors import HeadcountError, InvalidProject, UsageError
from runner.quick_dataclass import dataclass, field, replace
from runner.reports.escape import leaving, printable

if TYPE_CHECKING:
    from runner.cli.progress_bar import Lines
    from runner.config.yaml.project_files import Texts
    from runner.core.destination import Api, Destination, DestinationClient
    from runner.core.findings import Finding
    from runner.core.project import Activation, Project
    from runner.core.selection import Selection
    from runner.engine.embedded import EmbeddedEngine
    from runner.engine.interface import MembershipStore, SegmentEvaluator
    from runner.state.interface import State
    from runner.state.seen_runs import SeenRuns
    from runner.workflows.accounts import Accounts
    from runner.workflows.context import RunContext
    from runner.workflows.status import ActivationStatus


PATIENCE = 600.0
"""Seconds for which what can heal is tried again when HEADCOUNT_RETRY_SECONDS is not set."""


CONFIRMED = 1.0
"""Seconds for which a call may leave without asking whether this run still holds the state, unless it had to wait."""


@dataclass(frozen=True, slots=True)
class Readable:
    """A project as far as its files can be read, and what is wrong in them."""

    project: Project
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Setup:
    """What the common options come to."""

    folder: Path
    variables: dict[str, str]
    today: date
    clock: Callable[[], datetime]
    out: Screen
    err: Screen
    target: str = ""
    read: Texts = field(default_factory=dict, compare=False, repr=False)
    """The files of the project that were read so far: a command reads each once."""

    @classmethod
    def of(
        cls,
        folder: Path = DEFAULT_DIR,
        var: list[str] | None = None,
        *,
        today: str = "",
        verbose: bool = False,
        no_color: bool = False,
        at: str = "",
        target: str = "",
    ) -> Setup:
        """Read the options, say which target is used, and show the log on standard error from now on.

        Raises UsageError.
        """
        event_log.require_known_form()
        _refuse_project_folder(folder)
        out, err = Screen(is_error=False, no_color=no_color), Screen(is_error=True, no_color=no_color)
        _show_log(logging.DEBUG if verbose else logging.WARNING)
        clock = clock_of(at)
        if target:
            told(f'Using target "{target}".')
        setup = cls(folder, variables(var), clock().date(), clock, out, err, target)
        if event_log.is_json():
            setup._say_in_events()
        return replace(setup, today=day(today) or clock().astimezone(setup.zone()).date())

    def _say_in_events(self) -> None:
        """Every event says what is used, as far as that can be known."""
        api = _api()
        event_log.bind(target=self.target or None, api=api.address if api is not None else None)
        with suppress(HeadcountError):
            event_log.bind(state=str(self.state_location()))

    def zone(self) -> tzinfo:
        """The time zone of the project, in which a day begins."""
        from runner.config import declared_zone

        return declared_zone(self.folder, self.read)

    def project(self) -> Project:
        """Read the files. Raises InvalidProject."""
        from runner.config import load

        project = load(
            self.folder,
            variables=self.variables,
            today=self.today,
            environ=os.environ,
            target=self.target,
            read=self.read,
        )
        if not project.activations:
            from runner.config.other_folders import elsewhere

            hint = elsewhere(self.folder)
            tell(f"No file below {self.folder} declares an activation{f'; {hint}' if hint else ''}.\n")
        return project

    @contextmanager
    def readable(self) -> Iterator[Readable]:
        """The project as far as its files can be read, for a command that shows what the state knows.

        What is wrong in the files ends the command afterwards: raises InvalidProject. It is what is said, too, where a
        command line makes no sense for what can be read of them: that may be why.
        """
        try:
            found = Readable(self.project())
        except InvalidProject as error:
            if error.readable is None:
                raise
            invalid, found = error, Readable(error.readable, error.findings)
        try:
            yield found
        except (UsageError, InvalidProject):
            if not found.findings:
                raise
            raise invalid from None
        except HeadcountError:
            show_findings(found.findings)
            raise
        if found.findings:
            invalid.is_beside = True
            raise invalid

    def targets(self) -> tuple[str, ...]:
        """The target that was chosen; every one that the project declares where none was; one without a name where
        there are none.
        """
        from runner.config import declared_targets

        if self.target:
            return (self.target,)
        return declared_targets(self.folder, today=self.today, read=self.read) or ("",)

    def selection(
        self, project: Project, select: list[str] | None, exclude: list[str] | None, changed_since: str = ""
    ) -> Selection:
        """What --select, --exclude and --changed-since come to. Raises UsageError."""
        from runner.core.selection import Selection

        changed = None
        if changed_since:
            from runner.config import changed_since as find_changed

            changed = find_changed(project, changed_since)
        return Selection(tuple(select or ()), tuple(exclude or ()), changed)

    def state(self, *, only_read: bool = False, only_plans: bool = False) -> State:
        """Open the state; where it is `only_read` and belongs to another API or target, that is said and no error.

        Who `only_plans` need not read files again that a run found to be whole.
        Raises UsageError, InvalidProject where the Project document names a place that is none, StateError for one that
        belongs to another API than this environment's.
        """
        from runner.config import declared_history
        from runner.state import open_state
        from runner.workflows.binding import require_bound, whose

        kept_for = declared_history(self.folder, today=self.today, read=self.read)
        state = open_state(self.state_location(), os.environ, kept_for, only_plans=only_plans)
        api = _api()
        try:
            if only_read:
                if other := whose(state, api, self.target):
                    told(other)
            elif api is not None:
                require_bound(state, api, self.target)
        except BaseException:
            state.close()
            raise
        return state

    def say_where(self, note: Callable[[str], None]) -> None:
        """Say which API and which state are used, in one line, when they are not the ordinary ones."""
        api, place = _api(), os.environ.get("HEADCOUNT_STATE") or (self.state_location() if self.target else "")
        if api is None:
            return
        parts = [] if api.is_usual else [f"{api.platform} at {api.address}"]
        parts += [f"the state at {place}"] if place else []
        if parts:
            note(f"Using {' and '.join(parts)}.")

    def state_location(self) -> str | Path:
        """HEADCOUNT_STATE, or `state:` of the Project document or of its target, or `.headcount` next to the folder."""
        from runner.config import declared_state

        return (
            os.environ.get("HEADCOUNT_STATE")
            or declared_state(self.folder, today=self.today, target=self.target, read=self.read)
            or self.folder.absolute().parent / ".headcount"
        )


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a workflow needs, open; closed again when the command ends."""

    context: RunContext
    accounts: Accounts
    progress: Lines


@contextmanager
def opened(
    setup: Setup,
    watcher: Callable[[Callable[[], None]], Lines] | None = None,
    rebuilt: Collection[str] = (),
    *,
    only_plans: bool = False,
) -> Iterator[Parts]:
    """The real parts for a command that evaluates segments or makes calls; `watcher` makes what shows its progress.

    `rebuilt` are the activations whose audiences are cleared and filled again, also by a state that is an older one.
    Raises StateError for such a state otherwise. With `only_plans` nothing is changed.
    """
    from runner.cli.progress_bar import watch
    from runner.cli.run_origin import origin_of
    from runner.core.records import Binding
    from runner.destinations.registry import api_of
    from runner.state.seen_runs import SeenRuns
    from runner.workflows.accounts import Accounts
    from runner.workflows.context import RunContext

    if watcher is None:
        setup.say_where(told)
    state = setup.state(only_plans=only_plans)
    seen = SeenRuns(state, os.environ)
    try:
        older = _is_older(seen, rebuilt)
    except HeadcountError:
        state.close()
        raise
    engine = embedded_engine()
    with Interrupts() as interrupts:
        wait = partial(_wait, state=state, interrupts=interrupts)
        accounts = Accounts(partial(connect, sleep=wait, permit=partial(state.confirm_lock, CONFIRMED)))
        progress = watcher(interrupts.defer) if watcher else watch(setup.err, interrupts.defer)
        binding = Binding(api_of(os.environ).address, setup.target)
        parts = (state, engine.evaluator, engine.memberships, setup.clock, progress, interrupts.asked, binding)
        origin = partial(origin_of, setup.folder, os.environ)
        context = RunContext(*parts, origin, older, partial(seen.note, older=older))
        try:
            with progress:
                yield Parts(context, accounts, progress)
            still = older and not {record.activation for record in state.audiences()} <= set(rebuilt)
            seen.remember(still_older=still)
        finally:
            engine.close()
            accounts.close()
            state.close()


def _is_older(seen: SeenRuns, rebuilt: Collection[str]) -> bool:
    """Whether the state is an older one, which only a run that rebuilds may go on with. Raises StateError otherwise."""
    if not rebuilt:
        seen.require_newest()
    older = bool(rebuilt) and seen.is_older()
    # Another machine's run, or one that died early, is seen as well: a backup may be of just now.
    seen.remember(still_older=older)
    return older


def _api() -> Api | None:
    """The API that is spoken to; None where its address cannot be one, which the command that calls it says."""
    from runner.destinations.registry import api_of

    try:
        return api_of(os.environ)
    except UsageError:
        return None


def declared_activation(project: Project, activation_id: str) -> Activation:
    """The activation of that id. Raises UsageError, with the nearest one."""
    from runner.core.selection import require_known

    require_known([activation_id], (one.id for one in project.activations))
    return next(one for one in project.activations if one.id == activation_id)


def told(sentence: str) -> None:
    """A sentence as a line on standard error."""
    tell(f"{printable(sentence)}\n")


def embedded_engine() -> EmbeddedEngine:
    """What evaluates segments and compares memberships; the caller closes it."""
    from runner.engine.embedded import EmbeddedEngine

    return EmbeddedEngine()


@contextmanager
def memberships_alone(*, wanted: bool) -> Iterator[MembershipStore | None]:
    """What compares audiences with each other, for a command that evaluates no segment; None where it is not wanted."""
    if not wanted:
        yield None
        return
    with closing(embedded_engine()) as engine:
        yield engine.memberships


@contextmanager
def segment_evaluator() -> Iterator[SegmentEvaluator]:
    """What evaluates segments, for a command that compares nothing."""
    with closing(embedded_engine()) as engine:
        yield engine.evaluator


def _wait(seconds: float, *, state: State, interrupts: Interrupts) -> None:
    """Wait between two calls, but no longer than the run may send: raises Interrupted, LockLost.

    Somebody may have taken the state away meanwhile, and sent other things: the state is asked before the call leaves.
    """
    until = time.monotonic() + seconds
    state.require_lock()
    while (left := until - time.monotonic()) > 0:
        interrupts.sleep(min(left, 1.0))
        state.require_lock()
    state.confirm_lock()


def connect(
    destination: Destination,
    sleep: Callable[[float], None] = time.sleep,
    permit: Callable[[], None] = lambda: None,
    most_patience: float = math.inf,
) -> DestinationClient:
    """Open a connection for a destination of the files.

    `sleep` and `permit` are those of CallRules; `most_patience` bounds its `patience`, in seconds.
    """
    from runner.core.destination import CallRules

    return destination.kind.connect(destination, os.environ, CallRules(sleep, permit, _patience(most_patience)))


def counted_rows(
    rows: tuple[ActivationStatus, ...], state: State, now: datetime, most_patience: float = math.inf
) -> tuple[ActivationStatus, ...]:
    """The rows with what destinations count: a call for each audience, and one for each account."""
    from runner.workflows.accounts import Accounts
    from runner.workflows.drift import with_live_sizes

    with closing(Accounts(partial(connect, most_patience=most_patience))) as accounts:
        return with_live_sizes(rows, accounts, state, now)


def _patience(most: float) -> float:
    """For how many seconds what can heal is tried again: HEADCOUNT_RETRY_SECONDS, but at most so many."""
    text = os.environ.get("HEADCOUNT_RETRY_SECONDS")
    try:
        return min(max(0.0, float(text)) if text else PATIENCE, most)
    except ValueError:
        raise UsageError(
            f"HEADCOUNT_RETRY_SECONDS={text} is not a number of seconds", "set it to 60, for example"
        ) from None


def _refuse_project_folder(folder: Path) -> None:
    """Raise UsageError where the folder above the YAML files is named: the state would be looked for in a wrong place.

    Every audience of the project would then look like someone else's, and the advice would be to import and refill it.
    """
    inner = folder / DEFAULT_DIR
    holds_state = (folder / ".headcount").is_dir() and not os.environ.get("HEADCOUNT_STATE")
    is_above = inner.is_dir() and not any(path.suffix in (".yaml", ".yml") for path in folder.iterdir())
    if holds_state or is_above:
        raise UsageError(
            f"--dir {folder} is the folder of the project, not the one with its YAML files",
            f"did you mean --dir {inner}?" if inner.is_dir() else "name the folder with the YAML files in it",
        )


class OneLine(logging.Formatter):
    """A message as one line that drives nothing: it may hold words of the destination's answer."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging calls
        return leaving(printable(super().formatMessage(record)))


def _show_log(level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    detail = "%(asctime)s %(name)s %(message)s" if level == logging.DEBUG else "%(message)s"
    handler.setFormatter(event_log.JsonLines() if event_log.is_json() else OneLine(detail))
    logger = logging.getLogger("headcount")
    logger.handlers[:] = [handler]
    logger.setLevel(level)
