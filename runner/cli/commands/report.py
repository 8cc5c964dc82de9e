"""`report`: pages for people who would rather look than read."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from runner.cli.console import show_line
from runner.cli.options import DEFAULT_DIR, At, Dir, NoColor, Target, Var, Verbose
from runner.cli.wiring import Setup, memberships_alone
from runner.core.file_size import file_size
from runner.quick_dataclass import replace
from runner.reports.escape import printable


def report(
    out: Annotated[
        Path,
        typer.Option("--out", metavar="FOLDER", help="A new folder, or that of an earlier report, which is replaced."),
    ],
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    overlap: Annotated[
        bool,
        typer.Option("--overlap/--no-overlap", help="Count what audiences have in common, from their members."),
    ] = True,
    at: At = "",
    var: Var = None,
    verbose: Verbose = False,
    no_color: NoColor = False,
) -> None:
    """Write pages with plots: what is broken, and how audiences fare.

    Static HTML without scripts, made from the files and the state alone. Calls nobody.
    """
    from runner.cli.report_folder import require_report_folder, write_report
    from runner.reports.html.drawing_process import drawing
    from runner.reports.html.pages import INDEX, pages_of
    from runner.reports.html.plots import require_plots
    from runner.workflows.look_back import look_back

    setup = Setup.of(folder, var, verbose=verbose, no_color=no_color, at=at, target=target)
    require_report_folder(out)
    require_plots()
    with setup.readable() as files:
        with drawing(len(files.project.activations)) as draw:
            with closing(setup.state(only_read=True)) as state, memberships_alone(wanted=overlap) as memberships:
                view = look_back(files.project, state, memberships, setup.clock(), target)
            size = write_report(out, pages_of(replace(view, findings=files.findings), draw))
        pages = 1 + len(view.audiences) + len(view.suppression_views)
        show_line(f"{printable(str(out / INDEX))}: {pages:,} page{'s' if pages > 1 else ''}, {file_size(size)}.")
