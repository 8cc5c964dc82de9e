"""`test`: the command that runs the project's tests of segments."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from runner.cli import completion, exit_codes
from runner.cli.console import show_json, show_text, write_result
from runner.cli.options import DEFAULT_DIR, Dir, NoColor, ResultsFormat, ResultsOutput, Today, Var
from runner.cli.wiring import Setup, embedded_engine

if TYPE_CHECKING:
    from runner.core.project import Project
    from runner.core.segment_test import SegmentTest

Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="PATTERN",
        help="Only these tests: their names, or what plan selects their activations by; repeatable.",
        autocompletion=completion.patterns,
    ),
]


def run_tests(
    folder: Dir = DEFAULT_DIR,
    select: Select = None,
    format: ResultsOutput = ResultsFormat.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    today: Today = "",
    no_color: NoColor = False,
) -> None:
    """Run the tests of segments: on the rows that they give, without data, credentials or network.

    Exits with 1 when a test fails or cannot be run.
    """
    from runner.reports.test_report import results_document, results_junit, results_text
    from runner.workflows.run_tests import run_test

    setup = Setup.of(folder, var, today=today, no_color=no_color)
    project = setup.project()
    chosen = _chosen(project, select)
    days = {one.today or setup.today for one in chosen}
    projects = {day: project if day == setup.today else replace(setup, today=day).project() for day in sorted(days)}
    with closing(embedded_engine()) as engine:
        results = [run_test(*_on_its_day(one, projects, setup.today), engine.given) for one in chosen]
    if format is ResultsFormat.JSON:
        show_json(results_document(results))
    elif format is ResultsFormat.JUNIT:
        write_result(results_junit(results))
    else:
        show_text(setup.out, results_text(results))
    if not all(one.passed for one in results):
        raise typer.Exit(exit_codes.FAILED)


def _chosen(project: Project, select: list[str] | None) -> tuple[SegmentTest, ...]:
    from runner.core.selection import Candidate, Selection, require_meant

    activations = {one.id: Candidate.of(one) for one in project.activations}
    selection = Selection(tuple(select or ()))

    def candidates_of(test: SegmentTest) -> tuple[Candidate, ...]:
        own = Candidate(test.name, paths=(test.location.file,))
        return own, activations.get(test.of, Candidate(test.of))

    require_meant("--select", selection.select, [one for test in project.tests for one in candidates_of(test)], "test")
    return tuple(test for test in project.tests if any(map(selection.means, candidates_of(test))))


def _on_its_day(test: SegmentTest, projects: Mapping[date, Project], today: date) -> tuple[SegmentTest, Project]:
    """The test and the project as they are on the day that the test names."""
    project = projects[test.today or today]
    return next(one for one in project.tests if one.location == test.location), project
