"""The report that `serve` shows: of the files that were valid last, and of the state as it is."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from runner.cli.wiring import Setup, memberships_alone
from runner.core.errors import HeadcountError

if TYPE_CHECKING:
    from runner.core.project import Project


def made_report(setup: Setup, project: Project | None) -> Mapping[str, str]:
    """Every page by its name. Raises HeadcountError where there is nothing to make them of, or to draw them with."""
    from runner.reports.html.drawing_process import drawing
    from runner.reports.html.pages import pages_of
    from runner.reports.html.plots import require_plots
    from runner.workflows.look_back import look_back

    require_plots()
    if project is None:
        raise HeadcountError("the files have not been read yet", "ask again in a moment")
    with drawing(len(project.activations)) as draw:
        with closing(setup.state()) as state, memberships_alone(wanted=True) as memberships:
            view = look_back(project, state, memberships, setup.clock(), setup.target)
        return dict(pages_of(view, draw))
