"""Who entered and who left a suppression is read from its lines in the history, or is by how much its size differs."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from runner.core.day import PastDay
from runner.core.records import SUPPRESS, ActivationRun, Outcome, with_advice
from runner.core.suppression import moved_in, moved_words
from runner.workflows.suppression_moves import moves_of_days, moves_of_runs

NAME = "suppression no-consent"
DAY = date(2026, 11, 1)


def line(detail: str, members: int, outcome: Outcome = Outcome.DONE) -> ActivationRun:
    return ActivationRun(NAME, SUPPRESS, outcome, members=members, detail=detail)


def moves(*lines: ActivationRun, before: int = 0) -> list[tuple[int, int]]:
    return [(one.added, one.removed) for one in moves_of_runs(lines, before)]


@pytest.mark.parametrize("moved", [(0, 0), (1, 0), (1_200, 34), (1_234_567, 7_654_321)])
def test_what_the_history_says_of_who_moved_can_be_read_again(moved: tuple[int, int]) -> None:
    assert moved_in(moved_words(*moved)) == moved
    assert moved_in(f"changed; {moved_words(*moved)}; 3 taken out of 2 audiences, 1 s after the run began") == moved


@pytest.mark.parametrize(
    "sentence", ["new", "changed", "", "12 entered", "people who entered, 3 left", "x1 entered, 2 left"]
)
def test_a_sentence_that_does_not_say_who_moved_is_not_guessed_at(sentence: str) -> None:
    assert moved_in(sentence) is None


def test_a_line_says_who_moved_and_a_new_suppression_is_entered_by_all_it_names() -> None:
    assert moves(line("new; 2 taken out of 1 audience, 1 s after the run began", 5), line("3 entered, 1 left", 7)) == [
        (5, 0),
        (3, 1),
    ]


def test_where_a_line_does_not_say_who_moved_the_difference_in_size_does() -> None:
    assert moves(line("changed", 4), line("changed", 6), before=9) == [(0, 5), (2, 0)]


def test_nobody_moves_in_a_run_that_did_not_take_effect() -> None:
    failed = line(with_advice("2 entered, 0 left is no reason", "look"), 0, Outcome.FAILED)
    assert moves(failed, line("changed", 9), before=9) == [(0, 0), (0, 0)]


def test_of_days_whose_runs_are_forgotten_the_size_says_who_moved() -> None:
    sizes = (10, None, 7, 12)
    days = [PastDay(NAME, DAY + timedelta(days=number), members=size) for number, size in enumerate(sizes)]
    assert [(one.added, one.removed) for one in moves_of_days(days)] == [(10, 0), (0, 0), (0, 3), (5, 0)]
