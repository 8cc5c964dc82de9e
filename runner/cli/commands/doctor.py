"""`doctor`: looks over all that a run needs, and says what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import typer

from runner.cli import exit_codes
from runner.cli.console import show_json, show_text
from runner.cli.env_credentials import undeclared_destinations
from runner.cli.options import DEFAULT_DIR, Dir, Format, NoColor, Output, Today, Var, Verbose
from runner.cli.wiring import Setup, connect, segment_evaluator

if TYPE_CHECKING:
    from datetime import date

    from runner.core.checks import Check

PATIENCE = 5.0
"""Seconds for which a call that can heal is tried again: someone waits to be told that it fails."""


def doctor(
    folder: Dir = DEFAULT_DIR,
    format: Output = Format.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    today: Today = "",
    verbose: Verbose = False,
    no_color: NoColor = False,
) -> None:
    """Check credentials, ad accounts, clock, sources, columns, state and versions. Changes nothing."""
    from runner.config import check_source_files
    from runner.core.checks import is_healthy
    from runner.reports.doctor_report import check_text, doctor_document, verdict_text
    from runner.workflows.doctor import Examined, examine

    setup = Setup.of(folder, var, today, verbose, no_color)
    examined = Examined(
        versions=partial(_versions, setup.today),
        load=setup.project,
        missing_files=check_source_files,
        fallback=undeclared_destinations,
        connect=partial(connect, patience=PATIENCE),
        evaluator=segment_evaluator,
        place=lambda: str(setup.state_location()),
        state=setup.state,
        clock=setup.clock,
    )
    checks = []
    for check in examine(examined):
        checks.append(check)
        if format is Format.TEXT:
            show_text(setup.out, check_text(check))
    if format is Format.JSON:
        show_json(doctor_document(checks))
    else:
        show_text(setup.out, verdict_text(checks))
    raise typer.Exit(exit_codes.OK if is_healthy(checks) else exit_codes.FAILED)


def _versions(today: date) -> Iterator[Check]:
    """What is installed, and which API it speaks."""
    import platform
    from importlib.metadata import version

    from runner import __version__
    from runner.core.checks import Check, Verdict
    from runner.destinations.criteo.api_version import check_version
    from runner.destinations.criteo.endpoint import endpoint_of

    parts = (f"headcount {__version__}", f"Python {platform.python_version()}", f"DuckDB {version('duckdb')}")
    yield Check("versions", "", Verdict.OK, ", ".join(parts))
    yield from check_version(endpoint_of(os.environ), today)
