"""`test`: the command that runs the project's tests of segments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from runner.cli import completion, exit_codes
from runner.cli.console import show_json, show_text, write_result
from runner.cli.options import DEFAULT_DIR, Dir, NoColor, ResultsFormat, ResultsOutput, Target, Today, Var
from runner.cli.wiring import Setup, embedded_engine
from runner.quick_dataclass import replace

if TYPE_CHECKING:
    from runner.core.project import Project
    from runner.core.segment_test import SegmentTest
    from runner.core.selection import Candidate

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
    target: Target = "",
    select: Select = None,
    format: ResultsOutput = ResultsFormat.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    today: Today = "",
    no_color: NoColor = False,
) -> None:
    """Run the tests of segments.

    On the rows that they give, without data, credentials or network.

    Exits with 1 when a test fails or cannot be run. Without --target, they run for each target of the project.
    """
    from runner.reports.test_report import results_document, results_junit, results_text
    from runner.workflows.run_tests import run_test

    setup = Setup.of(folder, var, today=today, no_color=no_color, target=target)
    projects = {one: replace(setup, target=one).project() for one in setup.targets()}
    chosen = _chosen(projects, select)
    with closing(embedded_engine()) as engine:
        results = [
            replace(run_test(one, project, engine.given), target=name)
            for name, tests in chosen.items()
            for one, project in _on_their_days(tests, replace(setup, target=name), projects[name])
        ]
    if format is ResultsFormat.JSON:
        show_json(results_document(results))
    elif format is ResultsFormat.JUNIT:
        write_result(results_junit(results))
    else:
        show_text(setup.out, results_text(results))
    if not all(one.passed for one in results):
        raise typer.Exit(exit_codes.FAILED)


def _chosen(projects: Mapping[str, Project], select: list[str] | None) -> Mapping[str, tuple[SegmentTest, ...]]:
    """The tests that are meant, by target. Raises UsageError for a pattern that means none."""
    from runner.core.selection import Selection, require_meant

    selection = Selection(tuple(select or ()))
    candidates = {name: [(test, _candidates(test, one)) for test in one.tests] for name, one in projects.items()}
    every = [one for tests in candidates.values() for _, meant in tests for one in meant]
    require_meant("--select", selection.select, every, "test")
    return {
        name: tuple(test for test, meant in tests if any(map(selection.means, meant)))
        for name, tests in candidates.items()
    }


def _candidates(test: SegmentTest, project: Project) -> tuple[Candidate, ...]:
    """What a test is selected by: itself, and what it tests."""
    from runner.core.selection import Candidate

    own = Candidate(test.name, paths=(test.location.file,))
    tested = next((Candidate.of(one) for one in project.activations if one.id == test.of), Candidate(test.of))
    return own, tested


def _on_their_days(
    tests: tuple[SegmentTest, ...], setup: Setup, project: Project
) -> Iterator[tuple[SegmentTest, Project]]:
    """Each test, and the project, as they are on the day that the test names: files are resolved once for each day."""
    days = {setup.today: project}
    for test in tests:
        day = test.today or setup.today
        if day not in days:
            days[day] = replace(setup, today=day).project()
        yield next(one for one in days[day].tests if one.location == test.location), days[day]
