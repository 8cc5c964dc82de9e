"""`why`: which audiences hold a person, since when and why, and what keeps a person out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from runner.cli import exit_codes
from runner.cli.console import show_json, show_text
from runner.cli.options import DEFAULT_DIR, Dir, Format, NoColor, Output, Target, Today, TypeOf, Var
from runner.cli.wiring import Setup, embedded_engine
from runner.core.errors import HeadcountError, UsageError
from runner.core.identifiers import IdentifierType
from runner.quick_dataclass import replace

if TYPE_CHECKING:
    from runner.core.asked_people import AskedPeople
    from runner.engine.embedded import EmbeddedEngine
    from runner.state.interface import State
    from runner.workflows.look_up_person import Answer

Value = Annotated[
    str | None,
    typer.Argument(
        metavar="[VALUE]",
        help="An identifier of the person, in clear or hashed; asked for when it is not given; - reads it.",
        show_default=False,
    ),
]
Evaluate = Annotated[bool, typer.Option("--evaluate", help="Say what each segment yields now, too: reads the sources.")]


def why(
    value: Value = None,
    type: TypeOf = None,  # noqa: A002 - the option's name
    evaluate: Evaluate = False,
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    format: Output = Format.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    today: Today = "",
    no_color: NoColor = False,
) -> None:
    """Say which audiences hold a person, since when, and why.

    And what keeps the person out. Stores nothing, logs nothing, calls no destination, and does not repeat the value.
    """
    from runner.core.asked_people import GivenValue, evident_types
    from runner.reports.why_report import why_document, why_text

    setup = Setup.of(folder, var, today=today, no_color=no_color, target=target)
    given = GivenValue(_given(value), 1, type)
    asked_types = (type,) if type else ()
    asked = tuple((one, given) for one in asked_types or IdentifierType)
    with closing(setup.state(only_read=True)) as state, closing(embedded_engine()) as engine:
        people = engine.evaluator.asked(asked)
        if not set(people.counts) & set(asked_types or evident_types(given.text) or people.counts):
            raise UsageError("the value is no identifier that an audience can hold", "check it; it is not shown here")
        answer = _answer(people, setup, state, engine, evaluate=evaluate)
    if format is Format.JSON:
        show_json(why_document(answer, people))
    else:
        show_text(setup.out, why_text(answer, people, setup.clock(), evident_types(given.text)))
    raise typer.Exit(exit_codes.OK if answer.is_certain else exit_codes.FAILED)


def _answer(people: AskedPeople, setup: Setup, state: State, engine: EmbeddedEngine, *, evaluate: bool) -> Answer:
    from runner.workflows.look_up_person import explain, with_days, with_segments

    answer = with_days(explain(people, state, engine.memberships), setup.zone(), _QueriesOfThen(setup).on)
    return with_segments(answer, people, setup.project(), engine.evaluator, engine.memberships) if evaluate else answer


class _QueriesOfThen:
    """Queries on other days than that of the fixed one on which they are recorded, as far as the files still have them.

    Nothing is read before one is asked for.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._on: dict[date, Mapping[str, tuple[str, str]]] = {}

    def on(self, activation: str, recorded: str, day: date) -> str:
        """The query on a day; empty where the files are not valid, or have another one now."""
        if day not in self._on:
            self._on[day] = self._queries(day)
        now, then = self._on[day].get(activation, ("", ""))
        return then if now == recorded else ""

    def _queries(self, day: date) -> Mapping[str, tuple[str, str]]:
        try:
            project = replace(self._setup, today=day).project()
        except HeadcountError:
            return {}
        return {one.id: (one.segment.declared, one.segment.sql.text) for one in project.activations}


def _given(value: str | None) -> str:
    """The value: from the command line, from standard input for `-`, or as a person types it, unseen."""
    if value == "-":
        return sys.stdin.readline()
    if value is not None:
        return value
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no value, and no terminal to ask for one",
            "write it to standard input: `headcount why -`; on the command line it stays in the shell's history",
        )
    return str(typer.prompt("The identifier (not shown)", hide_input=True, err=True))
