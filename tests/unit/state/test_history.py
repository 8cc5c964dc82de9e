"""The history of runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.core.records import ActivationRun, LastRun, Latest, Outcome, Run

from .conftest import AT, EVERYWHERE, LATER

LOYAL = ActivationRun("loyal", "sync", Outcome.DONE, 5, 4, 3, 2, 1_000, 1.25, "members changed")
LAPSED = ActivationRun("lapsed", "blocked", Outcome.BLOCKED, detail="an empty segment")


@EVERYWHERE
def test_a_run_comes_back_with_everything_that_was_recorded_of_it(state):
    with state.lock("headcount apply"):
        run = state.begin_run("apply", AT)
        state.record(run, LOYAL)
        state.record(run, LAPSED)
        assert state.runs() == (Run(run, "apply", AT, None, (LOYAL, LAPSED)),)
        state.end_run(run, LATER)
    assert state.runs() == (Run(run, "apply", AT, LATER, (LOYAL, LAPSED)),)
    assert state.runs()[0].activations[0].outcome is Outcome.DONE


@EVERYWHERE
def test_an_activation_and_its_orphan_are_two_entries_of_one_run(state):
    with state.lock("headcount apply"):
        run = state.begin_run("apply", AT)
        orphan = ActivationRun("loyal", "delete", Outcome.DONE)
        state.record(run, LOYAL)
        state.record(run, orphan)
    assert state.runs("loyal")[0].activations == (LOYAL, orphan)


@EVERYWHERE
def test_runs_come_the_newest_first_and_at_most_as_many_as_asked_for(state):
    with state.lock("headcount sync"):
        ids = [state.begin_run("sync", AT + timedelta(minutes=minute)) for minute in range(5)]
    assert [run.id for run in state.runs(limit=3)] == ids[:1:-1]
    assert state.runs(limit=0) == ()


@EVERYWHERE
def test_the_history_of_one_activation_shows_only_its_runs_and_only_its_part_of_them(state):
    with state.lock("headcount sync"):
        both = state.begin_run("apply", AT)
        state.record(both, LOYAL)
        state.record(both, LAPSED)
        other = state.begin_run("sync", LATER)
        state.record(other, LAPSED)
    assert state.runs("loyal") == (Run(both, "apply", AT, None, (LOYAL,)),)
    assert [run.id for run in state.runs("lapsed")] == [other, both]


@EVERYWHERE
def test_the_last_run_the_last_change_and_the_last_good_run_are_known(state):
    with state.lock("headcount sync"):
        for hour, entry in enumerate(
            (
                ActivationRun("loyal", "sync", Outcome.DONE, added=3),
                ActivationRun("loyal", "unchanged", Outcome.UNCHANGED),
                ActivationRun("loyal", "sync", Outcome.FAILED, detail="no answer"),
                ActivationRun("loyal", "sync", Outcome.SKIPPED),
                ActivationRun("loyal", "delete", Outcome.DONE),
                LAPSED,
            )
        ):
            state.record(state.begin_run("sync", AT + timedelta(hours=hour)), entry)
    assert state.latest() == {
        "loyal": Latest(
            run=LastRun(AT + timedelta(hours=2), Outcome.FAILED, "no answer"),
            change=LastRun(AT, Outcome.DONE, ""),
            good=LastRun(AT + timedelta(hours=1), Outcome.UNCHANGED, ""),
        ),
        "lapsed": Latest(run=LastRun(AT + timedelta(hours=5), Outcome.BLOCKED, LAPSED.detail)),
    }
    assert state.last_good() == {"loyal": AT + timedelta(hours=1)}


@EVERYWHERE
def test_a_run_that_nobody_began_cannot_be_recorded_or_ended(state):
    with state.lock("headcount sync"):
        with pytest.raises(RuntimeError):
            state.record(9, LOYAL)
        with pytest.raises(RuntimeError):
            state.end_run(9, AT)
