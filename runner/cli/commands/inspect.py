"""`status`, `history` and `accounts`: the commands that only look."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from runner.cli import completion, exit_codes
from runner.cli.console import show_json, show_line, show_text, tell
from runner.cli.env_credentials import undeclared_destinations
from runner.cli.options import (
    DEFAULT_DIR,
    At,
    ChangedSince,
    Dir,
    Exclude,
    Format,
    NoColor,
    Output,
    Select,
    Target,
    Today,
    Var,
    Verbose,
)
from runner.cli.wiring import Readable, Setup, connect, counted_rows, told
from runner.core.errors import DestinationError, InvalidProject, StateError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from runner.core.destination import AdAccount, Destination
    from runner.core.erasure_receipts import Receipt
    from runner.core.records import Run
    from runner.core.selection import Selection
    from runner.reports.styled_text import Text
    from runner.state.interface import State
    from runner.workflows.status import ActivationStatus, SuppressionStatus


def status(
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    select: Select = None,
    exclude: Exclude = None,
    changed_since: ChangedSince = "",
    everything: Annotated[bool, typer.Option("--all", help="Show a line for what is fine, too.")] = False,
    details: Annotated[bool, typer.Option("--details", help="Show all that is known of each.")] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Ask Criteo how many identifiers each audience has: a call for each.")
    ] = False,
    fail_stale: Annotated[
        bool, typer.Option("--fail-stale", help="Exit with 1 when an audience is older than it may be, or overdue.")
    ] = False,
    fail_drift: Annotated[
        bool, typer.Option("--fail-drift", help="Look as --live does; exit with 1 when drift is suspected.")
    ] = False,
    at: At = "",
    format: Output = Format.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    today: Today = "",
    verbose: Verbose = False,
    no_color: NoColor = False,
) -> None:
    """Show what is broken, since when and why.

    What is fine is summed up. Calls Criteo with --live only.
    """
    setup = Setup.of(folder, var, today=today, verbose=verbose, no_color=no_color, at=at, target=target)
    with setup.readable() as files:
        project, now = files.project, setup.clock()
        selection = setup.selection(project, select, exclude, changed_since)
        with closing(setup.state(only_read=not (live or fail_drift))) as state:
            older = _older(state)
            seen = _Seen.of(files, state, now, selection)
            if live or fail_drift:
                setup.say_where(told)
                seen = seen._replace(rows=counted_rows(seen.rows, state, now))
        if format is Format.JSON:
            show_json(seen.document())
        elif seen:
            show_text(setup.out, seen.text(now, everything=everything or live, details=details))
        if older is not None:
            raise older
        failed = _named_failures(seen.rows, stale=fail_stale, drifted=fail_drift)
    if failed:
        raise typer.Exit(exit_codes.FAILED)


class _Seen(NamedTuple):
    """Where everything stands, and the files that it is held against."""

    rows: tuple[ActivationStatus, ...]
    never: tuple[SuppressionStatus, ...]
    receipts: tuple[Receipt, ...]
    files: Readable

    @classmethod
    def of(cls, files: Readable, state: State, now: datetime, selection: Selection) -> _Seen:
        from runner.core.erasure_receipts import open_receipts
        from runner.workflows.status import activation_statuses, suppression_statuses

        rows = activation_statuses(files.project, state, now, selection)
        never = suppression_statuses(files.project, state, now)
        return cls(rows, never, open_receipts(state.receipts()), files)

    def __bool__(self) -> bool:
        """Whether there is something to show: that nothing is declared cannot be said of files that are not valid."""
        return bool(self.rows or self.never or self.receipts or self.files.project.is_whole)

    def document(self) -> dict[str, Any]:
        from runner.reports.json_documents import status_document

        return status_document(self.rows, self.never, self.receipts, self.files.findings)

    def text(self, now: datetime, *, everything: bool, details: bool) -> Text:
        if details:
            from runner.reports.status_and_history import details_text, open_receipts_text, suppression_details_text

            text = details_text(self.rows, now).append_text(suppression_details_text(self.never, now))
            return text.append_text(open_receipts_text(self.receipts, now))
        from runner.reports.status_text import status_text

        is_whole = self.files.project.is_whole
        return status_text(self.rows, self.never, now, self.receipts, everything=everything, is_whole=is_whole)


def _named_failures(rows: tuple[ActivationStatus, ...], *, stale: bool, drifted: bool) -> bool:
    """Name the activations for which the command was asked to fail; whether there are some."""
    old = [row.activation for row in rows if row.stale and stale]
    late = [row.activation for row in rows if row.overdue_since is not None and stale]
    apart = [row.activation for row in rows if row.suspected_drift and drifted]
    if old:
        tell(f"Stale: {', '.join(old)}.\n")
    if late:
        tell(f"Overdue: {', '.join(late)}.\n")
    if apart:
        tell(f"Suspected drift: {', '.join(apart)}.\n")
    return bool(old or late or apart)


def _older(state: State) -> StateError | None:
    """What there is to say of a state that is an older one than was seen here: after all else has been shown."""
    from runner.state.seen_runs import SeenRuns

    try:
        SeenRuns(state, os.environ).require_newest()
    except StateError as error:
        return error
    return None


def history(
    activation: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Only this activation.", autocompletion=completion.activations)
    ] = None,
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    limit: Annotated[int, typer.Option(min=1, help="How many runs, the newest first.")] = 20,
    number: Annotated[
        int | None, typer.Option("--run", metavar="NUMBER", min=1, help="Only this run, with all that is known of it.")
    ] = None,
    format: Output = Format.TEXT,  # noqa: A002 - the option's name
    no_color: NoColor = False,
) -> None:
    """Show past runs: added, removed, rejected, duration, outcome.

    Reads the state, and calls nobody.
    """
    from runner.reports.json_documents import history_document
    from runner.reports.run_details import run_details
    from runner.reports.status_and_history import history_text

    setup = Setup.of(folder, no_color=no_color, target=target)
    with closing(setup.state(only_read=True)) as state:
        runs = state.runs(activation, limit) if number is None else (_one_run(number, activation, state),)
        receipt = None if number is None else next((one for one in state.receipts() if one.run == number), None)
        if activation and not runs:
            _require_known(activation, setup, state)
    if format is Format.JSON:
        show_json(history_document(runs))
    elif number is not None:
        show_text(setup.out, run_details(runs[0], setup.clock(), receipt))
    elif runs:
        show_text(setup.out, history_text(runs, setup.clock()))
    else:
        show_line(f"No run of {activation} yet." if activation else "No run yet.")


def _one_run(number: int, activation: str | None, state: State) -> Run:
    """The run of that number. Raises UsageError, with the runs that are kept, where there is none."""
    found = state.run(number, activation)
    if found is not None:
        return found
    newest = state.runs(limit=1)
    there = f"the newest is {newest[0].id}; `headcount history` lists them" if newest else "there has been none yet"
    raise UsageError(f"the state has no run {number}, or keeps it no longer", there)


def _require_known(activation: str, setup: Setup, state: State) -> None:
    """Raise UsageError for an id that neither the state nor the files know; files with faults may declare any."""
    from runner.core.selection import require_known

    known = {record.activation for record in state.audiences()}
    try:
        known |= {one.id for one in setup.project().activations} if setup.folder.is_dir() else set()
    except InvalidProject:
        return
    require_known([activation], known)


def schedule(
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    select: Select = None,
    exclude: Exclude = None,
    changed_since: ChangedSince = "",
    limit: Annotated[int, typer.Option(min=1, help="How many runs, the next ones first.")] = 20,
    at: At = "",
    format: Output = Format.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    no_color: NoColor = False,
) -> None:
    """Show the runs to come.

    They follow from the schedules and the last good runs. Calls nobody.
    """
    from itertools import islice

    from runner.reports.json_documents import schedule_document
    from runner.reports.status_and_history import schedule_text
    from runner.workflows.orphans import not_readable
    from runner.workflows.upcoming import awaiting_apply, timetable

    setup = Setup.of(folder, var, no_color=no_color, at=at, target=target)
    with setup.readable() as files:
        project = files.project
        selection = setup.selection(project, select, exclude, changed_since)
        with closing(setup.state(only_read=True)) as state:
            runs = tuple(islice(timetable(project, state, setup.clock(), selection), limit))
            awaiting, unknown = awaiting_apply(project, state, selection), not_readable(project, state.audiences())
        if format is Format.JSON:
            show_json(schedule_document(runs, awaiting, unknown, files.findings))
        elif runs or awaiting or unknown or project.is_whole:
            show_text(setup.out, schedule_text(runs, setup.clock(), awaiting, unknown))


def accounts(
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    format: Output = Format.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    verbose: Verbose = False,
    no_color: NoColor = False,
) -> None:
    """Show the ad accounts that the credentials may use."""
    from runner.reports.json_documents import accounts_document
    from runner.reports.status_and_history import accounts_text
    from runner.workflows.accounts import require_credentials

    setup = Setup.of(folder, var, verbose=verbose, no_color=no_color, target=target)
    declared = setup.project().destinations if setup.folder.is_dir() else ()
    require_credentials(declared)
    setup.say_where(told)
    listed = _listed(declared) if declared else _listed_undeclared(setup.folder)
    if format is Format.JSON:
        show_json(accounts_document(listed))
    else:
        show_text(setup.out, accounts_text(listed))


def _listed(destinations: tuple[Destination, ...]) -> dict[str, tuple[AdAccount, ...]]:
    listed = {}
    for destination in destinations:
        with closing(connect(destination)) as connection:
            listed[destination.name] = connection.accounts()
    return listed


def _listed_undeclared(folder: Path) -> dict[str, tuple[AdAccount, ...]]:
    """The accounts of the environment's credentials, which may be for only one of a platform's services."""
    destinations = undeclared_destinations()
    if not destinations:
        from runner.destinations.registry import default_kind

        usual = default_kind().variables.values()
        missing = [variable for variable in usual if not os.environ.get(variable)]
        unset = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set in the environment"
        raise UsageError(
            f"no destination is declared below {folder}, and {unset}",
            f"set {' and '.join(usual)}, or declare a destination (`headcount init`)",
        )
    listed: dict[str, tuple[AdAccount, ...]] = {}
    refusals = []
    for destination in destinations:
        try:
            listed |= _listed((destination,))
        except DestinationError as error:
            refusals.append(error)
    if not listed:
        raise refusals[0]
    return listed
