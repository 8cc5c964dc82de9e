"""`doctor`: looks over all that a run needs, and says what to do."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from runner.cli import exit_codes
from runner.cli.console import show_json, show_text
from runner.cli.env_credentials import undeclared_destinations
from runner.cli.options import DEFAULT_DIR, Dir, Format, NoColor, Output, Target, Today, Var, Verbose
from runner.cli.wiring import Setup, connect, counted_rows, embedded_engine, told

if TYPE_CHECKING:
    from datetime import date

    from runner.core.checks import Check
    from runner.core.project import Project
    from runner.state.inventory import Contents
    from runner.workflows.status import ActivationStatus

PATIENCE = 5.0
"""Seconds for which a call that can heal is tried again: someone is waiting for the answer."""


def doctor(
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    format: Output = Format.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    today: Today = "",
    verbose: Verbose = False,
    no_color: NoColor = False,
) -> None:
    """Check all that a run needs, and say what to do.

    Looks at credentials, ad accounts, clock, sources, columns, state and versions. Changes nothing.
    """
    from runner.core.checks import is_healthy
    from runner.reports.doctor_report import MESSAGES, check_text, doctor_document, verdict_text

    setup = Setup.of(folder, var, today=today, verbose=verbose, no_color=no_color, target=target)
    setup.say_where(told)
    checks = []
    for check in _checks(setup):
        checks.append(check)
        if format is Format.TEXT:
            show_text(setup.out, check_text(check), MESSAGES)
    if format is Format.JSON:
        show_json(doctor_document(checks))
    else:
        show_text(setup.out, verdict_text(checks))
    raise typer.Exit(exit_codes.OK if is_healthy(checks) else exit_codes.FAILED)


def _checks(setup: Setup) -> Iterator[Check]:
    """Every check, as it is made: each part is opened when its turn comes."""
    from runner.config import check_source_files
    from runner.core.checks import Check, Verdict
    from runner.workflows import doctor as parts
    from runner.workflows.next_run_checks import check_disks

    yield from parts.guarded("versions", partial(_versions, setup.today))
    project = yield from parts.guarded("files", partial(parts.check_files, setup.project))
    declared = project.destinations if project else ()
    destinations = declared or undeclared_destinations()
    yield from parts.guarded("credentials", lambda: parts.check_credentials(destinations, declared=bool(declared)))
    client = partial(connect, most_patience=PATIENCE)
    yield from parts.guarded("account", lambda: parts.check_accounts(destinations, client, setup.clock))
    if project is None:
        yield Check("source", "", Verdict.WARN, "not looked at: the files are not valid")
    else:
        missing = check_source_files(project)
        with ExitStack() as opened:
            engine = cache(lambda: opened.enter_context(closing(embedded_engine())))
            reach = lambda source: engine().reach(source)  # noqa: E731 (opened in its turn)
            yield from parts.guarded("source", lambda: parts.check_sources(project, missing, reach))
            yield from parts.guarded(
                "segment", lambda: parts.check_segments(project, missing, lambda: engine().evaluator)
            )
    place = str(setup.state_location())
    yield from parts.guarded("state", lambda: _of_state(setup, place, project))
    yield from parts.guarded("disk", lambda: _each(check_disks(_disks(setup))))
    if project is not None:
        yield from parts.guarded("notify", lambda: _each(_of_receivers(setup, project)))
    if project is not None and not any(one.credentials.missing for one in destinations):
        yield from parts.guarded("state", lambda: parts.check_older(place, partial(_older, setup, project)))
        yield from parts.guarded("members", lambda: parts.check_sizes(lambda: _counted(setup, project)))


def _each(checks: Iterator[Check]) -> Generator[Check, None, None]:
    yield from checks


def _of_state(setup: Setup, place: str, project: Project | None) -> Generator[Check, None, None]:
    from runner.workflows.doctor import check_state
    from runner.workflows.next_run_checks import check_next_run

    yield from check_state(place, _contents(setup), project)
    if project is not None:
        with closing(setup.state()) as state:
            yield from check_next_run(project, state, setup.clock(), setup.today)


def _of_receivers(setup: Setup, project: Project) -> Iterator[Check]:
    from runner.cli.notifying import mailing_of
    from runner.webhooks.receiver_reach import why_out_of_reach
    from runner.workflows.next_run_checks import check_receivers

    if project.receivers:
        addresses = mailing_of(setup, project.receivers, {}).addresses
        yield from check_receivers(project.receivers, addresses, why_out_of_reach)


def _disks(setup: Setup) -> dict[str, Path]:
    """Where a run writes on this machine."""
    import tempfile

    place = setup.state_location()
    written = {} if isinstance(place, str) and ":/" in place else {"the state": Path(place)}
    return {**written, "what a run spills, until it ends": Path(tempfile.gettempdir())}


def _counted(setup: Setup, project: Project) -> tuple[ActivationStatus, ...]:
    from runner.workflows.status import activation_statuses

    with closing(setup.state()) as state:
        rows = activation_statuses(project, state, setup.clock())
        return counted_rows(rows, state, setup.clock(), PATIENCE)


def _older(setup: Setup, project: Project) -> str:
    """Why the state may be an older one, by what there is in the accounts; empty where nothing speaks for it."""
    from runner.workflows.accounts import Accounts
    from runner.workflows.make_plan import decide
    from runner.workflows.older_state import older_state
    from runner.workflows.plan_request import PlanRequest

    with closing(setup.state()) as state, closing(Accounts(partial(connect, most_patience=PATIENCE))) as accounts:
        applied = (*state.audiences(), *state.given_up())
        decisions = decide(project, project.activations, applied, PlanRequest(setup.today), accounts)
        return older_state(decisions, state)


def _contents(setup: Setup) -> Contents:
    from runner.state.inventory import contents_of
    from runner.state.seen_runs import SeenRuns

    with closing(setup.state()) as state:
        SeenRuns(state, os.environ).require_newest()
        return contents_of(state)


def _versions(today: date) -> Generator[Check, None, None]:
    """What is installed, and which API it speaks."""
    import platform
    from importlib.metadata import version

    from runner import __version__
    from runner.core.checks import Check, Verdict
    from runner.destinations.registry import KINDS

    parts = (f"headcount {__version__}", f"Python {platform.python_version()}", f"DuckDB {version('duckdb')}")
    yield Check("versions", "", Verdict.OK, ", ".join(parts))
    for check in dict.fromkeys(kind.check_version for kind in KINDS.values()):
        yield from check(os.environ, today)
