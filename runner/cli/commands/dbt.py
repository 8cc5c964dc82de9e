"""`headcount dbt ...`: what a change in a dbt project means for audiences."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from runner.cli import exit_codes
from runner.cli.ci_outputs import findings_as_data, show_found
from runner.cli.console import show_json, show_line
from runner.cli.options import DEFAULT_DIR, CheckFormat, CheckOutput, Dir, NoColor, Target, Var
from runner.cli.wiring import Setup
from runner.core.errors import InvalidProject, UsageError

app = typer.Typer(help="Look at audiences from a dbt project.", rich_markup_mode=None, no_args_is_help=True)


def check(
    manifest: Annotated[Path, typer.Option(metavar="FILE", help="The manifest.json of the change.")],
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    format: CheckOutput = CheckFormat.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    no_color: NoColor = False,
) -> None:
    """List activations that a change of dbt's models breaks.

    For the CI of the dbt project. Compares the manifest with the one that each source declares, if that is there, and
    ends with 1 for a model that is gone, has moved, or has lost a column that is read.
    """
    from runner.config import load
    from runner.planning.dbt_changes import model_changes
    from runner.sources.dbt_manifest import NoManifest, read_manifest

    try:
        changed = read_manifest(manifest)
    except FileNotFoundError:
        raise UsageError(
            f"there is no file {manifest}", "run `dbt compile`, which writes target/manifest.json"
        ) from None
    except NoManifest as error:
        raise UsageError(f"{manifest} {error}", "run `dbt compile`, which writes target/manifest.json") from None
    setup = Setup.of(folder, var, no_color=no_color, target=target)
    read = partial(load, setup.folder, variables=setup.variables, today=setup.today, environ=os.environ, target=target)
    after = read(manifest=changed)
    try:
        before = read()
    except InvalidProject:
        before = None  # the manifest from before is not there: what has moved cannot be known
    known = {activation.id: activation for activation in before.activations} if before else {}
    found = model_changes(known, after.activations)
    if format is CheckFormat.JSON:
        from runner.reports.json_documents import findings_document

        show_json(findings_document(found))
    elif found:
        show_found(found, format)
    else:
        reading = sum(bool(activation.segment.models) for activation in after.activations)
        show_line(f"The models that {reading} of {len(after.activations)} activations read are as they need them.")
    if found:
        raise typer.Exit(exit_codes.FAILED)


app.command("check")(findings_as_data(check))


@app.callback()
def _group() -> None:
    """With a callback, a single command keeps its name."""
