"""`show` and `preview`: the commands that look into one activation."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from runner.cli import completion
from runner.cli.console import show_findings, show_json, show_text, write_result
from runner.cli.options import (
    DEFAULT_DIR,
    Dir,
    Format,
    NoColor,
    Output,
    PreviewFormat,
    PreviewOutput,
    Target,
    Today,
    Var,
)
from runner.cli.wiring import Setup, declared_activation, embedded_engine
from runner.reports.escape import without_controls

Id = Annotated[
    str, typer.Argument(metavar="ID", help="The activation.", autocompletion=completion.activations, show_default=False)
]


def show(
    activation: Id,
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    format: Output = Format.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    today: Today = "",
    no_color: NoColor = False,
) -> None:
    """Show an activation: its settings, and the SQL that runs.

    Opens no source, and calls nobody.
    """
    from runner.config import read_by
    from runner.reports.show_report import Shown, shown_document, shown_text

    setup = Setup.of(folder, var, today=today, no_color=no_color, target=target)
    project = setup.project()
    declared = declared_activation(project, activation)
    suppressions = [one for one in project.suppressions if one.concerns(declared.account)]
    shown = Shown(declared, read_by(declared.segment, project.sources), setup.today, suppressions)
    if format is Format.JSON:
        show_json(shown_document(shown))
    else:
        show_text(setup.out, shown_text(shown))
        write_result(without_controls(declared.segment.sql.text.rstrip("\n")) + "\n")


def preview(
    activation: Id,
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    format: PreviewOutput = PreviewFormat.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    today: Today = "",
    no_color: NoColor = False,
) -> None:
    """Evaluate one segment, without an ad account.

    Rows, people, identifiers, overlap with other audiences.

    Where there is a state, also what would be added and removed. Changes nothing, and calls no destination.
    """
    from runner.reports.preview_report import preview_document, preview_markdown, preview_text
    from runner.workflows.preview import preview as evaluated

    setup = Setup.of(folder, var, today=today, no_color=no_color, target=target)
    project = setup.project()
    declared = declared_activation(project, activation)
    with closing(setup.state(only_read=True)) as state, closing(embedded_engine()) as engine:
        found = evaluated(declared, project, engine.evaluator, engine.memberships, state)
    show_findings(found.evaluation.warnings)
    if format is PreviewFormat.JSON:
        show_json(preview_document(found))
    elif format is PreviewFormat.MARKDOWN:
        write_result(preview_markdown(found))
    else:
        show_text(setup.out, preview_text(found))
