"""`serve`: one long-running process that keeps audiences fresh by itself."""

from __future__ import annotations

import queue
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from runner.cli import event_log
from runner.cli.console import log_event, tell
from runner.cli.notifying import notify_of_failure, notify_of_run, notify_of_valid_files, notifying, of_sync
from runner.cli.options import DEFAULT_DIR, Dir, Exclude, NoColor, Select, Target, Var, Verbose
from runner.cli.progress_bar import Events, Lines
from runner.cli.served_report import made_report
from runner.cli.wiring import Setup, counted_rows, opened
from runner.core.errors import UsageError, requires_extra
from runner.quick_dataclass import dataclass, field, replace
from runner.reports.escape import printable

if TYPE_CHECKING:
    from runner.core.project import Evaluated, Project
    from runner.core.selection import Selection
    from runner.service.loop import Event, Known
    from runner.workflows.sync import Synced

_SPREAD = re.compile(r"(\d{1,4})(s|m|h)|0")
_PATIENCE = 10.0
"""Seconds for which a destination that does not say what it counts is asked again: it is asked later anyway."""

_SECONDS = {"s": 1, "m": 60, "h": 3_600}


def serve(
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    select: Select = None,
    exclude: Exclude = None,
    spread: Annotated[
        str, typer.Option("--spread", metavar="TIME", help="Spread starts over this time, such as 90s or 10m; or 0.")
    ] = "10m",
    host: Annotated[
        str, typer.Option("--host", help="Where /healthz, /metrics and the report are answered.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port for them; 0 takes any.")] = 9464,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="A name by which others ask for them, besides localhost, --host and IP addresses; repeatable.",
        ),
    ] = None,
    var: Var = None,
    verbose: Verbose = False,
    no_color: NoColor = False,
) -> None:
    """Keep audiences fresh in one long-running process.

    Runs what is due and picks up changed files, until SIGTERM. Never applies a changed definition.
    """
    setup = Setup.of(folder, var, verbose=verbose, no_color=no_color, target=target)
    from runner.core.selection import Selection

    selection = Selection(tuple(select or ()), tuple(exclude or ()))
    with notifying(setup, "serve"):
        _serve(setup, selection, _length(spread), _Place(host, port, tuple(allow_host or ())))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where /healthz and /metrics are answered, and by which other names."""

    host: str
    port: int
    names: tuple[str, ...]


def _serve(setup: Setup, selection: Selection, spread: timedelta, place: _Place) -> None:
    with requires_extra("serve", "serve"):
        from runner.service.file_watcher import folders_of, watching
        from runner.service.http_endpoints import answering
        from runner.service.metrics import Metrics
        from runner.service.report_pages import ReportPages
    from runner.config import project_folders
    from runner.service.health import HealthBoard
    from runner.service.loop import Event, Service

    site = _Site(setup)
    board = HealthBoard()
    metrics = Metrics(board)
    service = Service(site, board, metrics.count, selection=selection, spread=spread)
    with (
        _signals(lambda: site.events.put(Event.STOP)),
        watching(lambda: folders_of(project_folders(setup.folder), site.files), lambda: site.events.put(Event.CHANGED)),
        answering(place.host, place.port, place.names, board, metrics, ReportPages(site.report)) as url,
    ):
        setup.say_where(site.log)
        service.load()
        site.log(f"/healthz and /metrics at {url}")
        site.log(f"the report at {url}/")
        service.run()


@dataclass(slots=True)
class _Site:
    """Implements runner.service.loop.Site: the files, the state, the destinations, the clock, standard error."""

    setup: Setup
    files: frozenset[str] = frozenset()
    valid: bool = False
    zone: tzinfo | None = None
    project: Project | None = None
    events: queue.SimpleQueue[Event] = field(default_factory=queue.SimpleQueue)
    """A queue that a signal handler may put into, whatever the loop is doing."""

    def now(self) -> datetime:
        return self.setup.clock()

    def today(self) -> date:
        """The zone is looked up when the files have changed, not each time that somebody asks."""
        self.zone = self.zone or self.setup.zone()
        return self.now().astimezone(self.zone).date()

    def load(self, today: date) -> Project:
        self.setup = replace(self.setup, today=today, read={})
        self.zone = self.setup.zone()
        self.valid = False
        project = self.setup.project()
        self.valid, self.project = True, project
        declared: tuple[Evaluated, ...] = (*project.activations, *project.suppressions)
        self.files = frozenset[str]().union(*(one.files for one in declared))
        return project

    def report(self) -> Mapping[str, str]:
        """The pages of the report; asked for in threads of their own."""
        return made_report(self.setup, self.project)

    def known(self) -> Known:
        from runner.core.erasure_receipts import open_receipts
        from runner.service.loop import Known
        from runner.workflows.upcoming import done_until

        with closing(self.setup.state()) as state:
            applied, declared = state.audiences(), self.project.activations if self.project is not None else ()
            keys = {one.key for one in declared}
            # An activation that moved has an audience in its old account still, which is none of its own any more.
            members = {one.activation: sum(one.members.values()) for one in applied if one.key in keys}
            good = state.last_good()
            behind = frozenset(good) - frozenset(done_until(declared, applied, state.latest(), self.now()))
            never = state.suppressions()
            suppressed = {one.name: one.evaluated_at or one.applied_at for one in never}
            failing = frozenset(one.name for one in never if one.failing_since is not None)
            waiting = Counter(row.key.receiver for row in state.notices() if row.content is not None)
            left = len(open_receipts(state.receipts()))
            return Known(good, members, behind, applied, suppressed, failing, waiting, left)

    def sync(self, project: Project, today: date, ids: frozenset[str]) -> tuple[Synced, bool]:
        from runner.core.selection import Selection
        from runner.workflows.plan_request import PlanRequest
        from runner.workflows.sync import sync

        request = PlanRequest(today, Selection(changed=ids))
        with opened(self.setup, self._watcher) as parts:
            done = sync(project, request, parts.context, parts.accounts, due=True)
            ended = of_sync(project, done, valid=self.valid)
            notify_of_run(self.setup, "serve", ended, parts.context.state, self.log)
            return done, parts.context.stopping()

    def _watcher(self, on_sending: Callable[[], None]) -> Lines:
        return Events(on_sending) if event_log.is_json() else _Notes(on_sending, self.log)

    def failed(self, error: Exception) -> None:
        notify_of_failure(self.setup, "serve", error, self.log)

    def valid_again(self, project: Project) -> None:
        notify_of_valid_files(self.setup, "serve", project, self.log)

    def drifted(self, project: Project, ids: frozenset[str]) -> frozenset[str]:
        from runner.core.selection import Selection
        from runner.workflows.status import activation_statuses

        with closing(self.setup.state()) as state:
            rows = activation_statuses(project, state, self.now(), Selection(changed=ids))
            rows = counted_rows(rows, state, self.now(), _PATIENCE)
        return frozenset(row.activation for row in rows if row.suspected_drift)

    def wait(self, seconds: float) -> Event | None:
        from runner.service.loop import Event

        event = None
        with suppress(queue.Empty):
            event = self.events.get(timeout=seconds) if seconds > 0 else self.events.get_nowait()
            while event is not Event.STOP:
                event = self.events.get_nowait()  # many changes are one
        return event

    def log(self, message: str, **fields: object) -> None:
        if event_log.is_json():
            if not fields:
                tell(message)
                return
            name, level = str(fields.pop("event", "serve")), str(fields.pop("level", "info"))
            log_event(name, message, level=level, **fields)
            return
        tell(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {printable(message)}\n")


class _Notes(Lines):
    """Notes of a run as lines of the service's log, without how far it is."""

    def __init__(self, on_sending: Callable[[], None], log: Callable[[str], None]) -> None:
        super().__init__(on_sending)
        self._log = log

    def evaluated(self, activation: str, seconds: float) -> None:
        """Left out."""

    def sent(self, activation: str, identifiers: int) -> None:
        """Left out."""

    def note(self, message: str) -> None:
        self._log(message)


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask the service to stop; while a run is under way, its own handlers stand above these."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _length(text: str) -> timedelta:
    written = _SPREAD.fullmatch(text)
    if written is None:
        raise UsageError(f'--spread "{text}" is not a length of time', "write it as 90s, 10m or 1h, or 0 for none")
    return timedelta(seconds=int(written[1]) * _SECONDS[written[2]]) if written[1] else timedelta()
