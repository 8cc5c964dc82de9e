"""`import`: taking over audiences that exist, one by its id or all by their names."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from runner.cli import completion, exit_codes
from runner.cli.console import can_ask, show_json, show_line, show_text, tell
from runner.cli.options import (
    DEFAULT_DIR,
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
    Yes,
)
from runner.cli.wiring import Parts, Setup, opened
from runner.core.errors import UsageError

if TYPE_CHECKING:
    from runner.workflows.import_all import Takeovers


def import_(
    activation: Annotated[
        str | None,
        typer.Argument(metavar="[ID", help="The activation's id.", autocompletion=completion.activations),
    ] = None,
    audience: Annotated[str | None, typer.Argument(metavar="AUDIENCE_ID]", help="The audience's id in Criteo.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every audience that has the name of an activation without one.")
    ] = False,
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    select: Select = None,
    exclude: Exclude = None,
    yes: Yes = False,
    format: Output = Format.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    today: Today = "",
    verbose: Verbose = False,
    no_color: NoColor = False,
) -> None:
    """Take over an audience that exists in Criteo, or --all of them.

    The next apply clears it and fills it from the segment.
    """
    _require_one_way(activation, audience, select, exclude, every=every)
    if every and not yes and (format is not Format.TEXT or not can_ask()):
        raise UsageError("there is no terminal to ask for confirmation", "add --yes, or --select a few to begin with")
    setup = Setup.of(folder, var, today=today, verbose=verbose, no_color=no_color, target=target)
    if every:
        _import_all(setup, select, exclude, yes=yes, format=format)
    else:
        assert activation is not None
        assert audience is not None
        _import_one(setup, activation, audience, format)


def _require_one_way(
    activation: str | None, audience: str | None, select: list[str] | None, exclude: list[str] | None, *, every: bool
) -> None:
    if every and activation is not None:
        raise UsageError(
            "--all cannot be given with an activation's id",
            f"--all --select {activation} takes over that one by its name",
        )
    if not every and audience is None:
        raise UsageError(
            "it is not said which audience is taken over",
            "give an activation's id and the audience's, or --all for every one that has an activation's name",
        )
    if not every and (select or exclude):
        raise UsageError("--select and --exclude go with --all only", "leave them out, or leave out the two ids")


def _import_one(setup: Setup, activation: str, audience: str, format: Format) -> None:  # noqa: A002
    from runner.reports.json_documents import import_document
    from runner.workflows.import_all import ImportedAll, Takeovers
    from runner.workflows.import_audience import import_audience

    project = setup.project()
    with opened(setup) as parts:
        done = import_audience(project, activation, audience, parts.context, parts.accounts)
    if format is Format.JSON:
        show_json(import_document(ImportedAll(Takeovers((done,)), (done,))))
        return
    platform = done.activation.destination.kind.platform
    size = "" if done.size is None else f", {done.size:,} identifiers by {platform}'s count"
    show_line(f'Imported audience {done.audience.id} ("{done.audience.name}"{size}) as {activation}.')
    show_line("Its members cannot be read back: the next apply clears it and fills it from the segment.")


def _import_all(
    setup: Setup,
    select: list[str] | None,
    exclude: list[str] | None,
    *,
    yes: bool,
    format: Format,  # noqa: A002
) -> None:
    from runner.reports.import_report import imported_text, takeovers_text
    from runner.reports.json_documents import import_document
    from runner.workflows.import_all import import_all

    project = setup.project()
    selection = setup.selection(project, select, exclude)
    with opened(setup) as parts:
        approve = partial(_approve, setup=setup, parts=parts, yes=yes, format=format)
        done = import_all(project, selection, parts.context, parts.accounts, approve)
    if format is Format.JSON:
        show_json(import_document(done))
    elif not done.approved:
        tell("Not imported.\n")
    else:
        if not done.found.taken:
            show_text(setup.out, takeovers_text(done.found))
        show_text(setup.out, imported_text(done))
    raise typer.Exit(exit_codes.FAILED if done.found.refused or not done.approved else exit_codes.OK)


def _approve(found: Takeovers, *, setup: Setup, parts: Parts, yes: bool, format: Format) -> bool:  # noqa: A002
    if format is Format.TEXT:
        from runner.reports.import_report import takeovers_text

        parts.progress.pause()
        show_text(setup.out, takeovers_text(found))
    return yes or typer.confirm(f"Take over {len(found.taken):,} audiences?", err=True)
