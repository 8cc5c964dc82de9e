"""How long past runs are kept, and what is kept of them whatever their age."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.core.records import ActivationRun, LastRun, Outcome, RunOrigin
from runner.state import open_folder
from runner.state.db.tables import retention

from .conftest import AT, DEFINITION, EVERYWHERE, intend

DONE = ActivationRun("loyal", "sync", Outcome.DONE, added=3, members=3)
FAILED = ActivationRun("loyal", "failed", Outcome.FAILED, detail="no answer")
LAPSED = ActivationRun("lapsed", "blocked", Outcome.BLOCKED, detail="an empty segment")


def run_at(state, days, *outcomes, unchanged=()):
    run = state.begin_run("sync", AT + timedelta(days=days))
    state.record_rest(run, outcomes, unchanged)
    return run


def ids(state):
    return [run.id for run in state.runs(limit=10_000)]


@pytest.fixture
def few(monkeypatch):
    """As if far fewer runs were kept."""
    monkeypatch.setattr(retention, "KEPT_RUNS", 3)
    monkeypatch.setattr(retention, "ALWAYS", 2)


@EVERYWHERE
def test_the_newest_runs_are_kept_and_of_older_ones_what_is_needed(state, few):
    with state.lock("headcount sync"):
        run_at(state, 0, LAPSED)
        good = run_at(state, 1, DONE, LAPSED)
        later = [run_at(state, day, LAPSED) for day in range(2, 8)]
    assert ids(state) == [*later[:-4:-1], good]
    assert state.runs("loyal")[0].activations == (DONE,)
    assert state.runs(limit=4)[-1].activations == (DONE,)


@EVERYWHERE
def test_what_was_last_is_known_when_its_run_is_long_past(state, few):
    with state.lock("headcount sync"):
        run_at(state, 0, DONE)
        for day in range(1, 30):
            run_at(state, day, FAILED)
    latest = state.latest()["loyal"]
    assert (latest.change.started_at, latest.good.started_at) == (AT, AT)
    assert len(ids(state)) == 4


@EVERYWHERE
def test_the_last_look_at_each_audience_is_known_when_its_run_is_long_past(state, few):
    with state.lock("headcount sync"):
        loyal, lapsed = intend(state), intend(state, "lapsed")
        both = run_at(state, 0, unchanged=[loyal, lapsed])
        for day in range(1, 9):
            newest = run_at(state, day, unchanged=[loyal])
    assert ids(state) == [newest, newest - 1, newest - 2, both]
    assert state.last_good() == {"loyal": AT + timedelta(days=8), "lapsed": AT}
    assert state.latest()["lapsed"].run == LastRun(AT, Outcome.UNCHANGED, "")


@EVERYWHERE
def test_runs_are_kept_for_a_quarter_and_the_last_twenty_for_good(state):
    with state.lock("headcount sync"):
        for day in range(30):
            run_at(state, day, LAPSED)
        run_at(state, 100, LAPSED)
        assert state.runs(limit=100)[-1].started_at == AT + timedelta(days=10)
        run_at(state, 500, LAPSED)
    assert len(ids(state)) == 20


def test_many_outcomes_make_fewer_runs(state, monkeypatch):
    monkeypatch.setattr(retention, "KEPT_OUTCOMES", 10)
    monkeypatch.setattr(retention, "ALWAYS", 2)
    wide = [ActivationRun(f"a{number}", "blocked", Outcome.BLOCKED) for number in range(5)]
    with state.lock("headcount sync"):
        for day in range(9):
            run_at(state, day, *wide)
    assert len(ids(state)) == 3


@EVERYWHERE
def test_runs_of_the_last_day_are_kept_whatever_their_number(state, few):
    with state.lock("headcount sync"):
        for hour in range(40):
            run_at(state, hour / 24, LAPSED)
    assert len(ids(state)) == 26


@EVERYWHERE
def test_a_good_run_from_before_is_kept_to_compare_counts_with(state, few):
    with state.lock("headcount sync"):
        for day in range(5):
            run_at(state, day, ActivationRun("loyal", "sync", Outcome.DONE, added=1, members=day))
    kept = [one.members for run in state.runs() for one in run.activations]
    assert kept == [4, 3, 2, 1]


def test_what_is_no_longer_kept_leaves_the_checksums_right(open_state, few):
    state = open_state()
    with state.lock("headcount sync"):
        for day in range(9):
            run_at(state, day, DONE if day % 4 == 0 else LAPSED, FAILED)
    again = open_state()
    assert again.runs(limit=100) == state.runs(limit=100)


def test_receipts_are_never_forgotten(state, few):
    with state.lock("headcount sync"):
        with state.backing.database.transaction() as db:
            db.execute("INSERT INTO receipt (run, at, content) VALUES (1, ?, '{}')", (AT.isoformat(),))
        for day in range(9):
            run_at(state, day, LAPSED)
        with state.backing.reading() as db:
            assert db.execute("SELECT count(*) FROM receipt").fetchone() == (1,)


def test_a_copy_of_the_database_has_no_room_for_what_was_forgotten(state, few, tmp_path):
    sizes, why = [], "a sentence of some length. " * 16
    with state.lock("headcount sync"):
        for day in (0, 1, 2, 30, 31, 32):
            wide = 3_000 if day < 30 else 1
            run_at(state, day, *(ActivationRun(f"a{at}", "blocked", Outcome.BLOCKED, detail=why) for at in range(wide)))
            state.backing.copy_database(tmp_path / "copy.db")
            sizes.append((tmp_path / "copy.db").stat().st_size)
    assert sizes[-1] < 0.7 * max(sizes)


# -- what an auditor may ask of a member that is there -----------------------------------------------------------------

ANN = RunOrigin("ann", "build-7", "apply", "https://ci.shop.example/7", "c" * 40, dirty=False)
NOBODY_MOVED = ActivationRun("loyal", "update", Outcome.DONE, members=3)


def changing(state, days, command="sync", plan_id=""):
    run = state.begin_run(command, AT + timedelta(days=days), ANN, plan_id)
    state.record(run, DONE)
    state.end_run(run, AT + timedelta(days=days, seconds=5))
    return run


@EVERYWHERE
def test_of_a_run_that_changed_members_when_it_was_is_kept_for_good(state, few):
    with state.lock("headcount sync"):
        first = changing(state, 0)
        by_plan = changing(state, 1, "apply", "8d1f6a0c2b7e4935")
        for day in range(2, 12):
            changing(state, day)
        for day in range(400, 410):
            run_at(state, day, LAPSED)
    thin, approved = state.run(first), state.run(by_plan)
    assert (thin.command, thin.started_at, thin.activations) == ("sync", AT, ())
    assert thin.finished_at == AT + timedelta(seconds=5)
    assert (thin.origin, thin.cost, thin.is_whole) == (RunOrigin(), None, False)
    assert (approved.origin, approved.plan_id, approved.is_whole) == (ANN, "8d1f6a0c2b7e4935", False)
    assert len(ids(state)) == 12 + 3


@EVERYWHERE
def test_a_definition_is_kept_with_who_applied_it_while_its_audience_is_there(state, few):
    with state.lock("headcount apply"):
        key = intend(state)
        state.created(key, "1")
        state.define(key, DEFINITION, "criteo", AT)
        run = state.begin_run("apply", AT, ANN, "8d1f6a0c2b7e4935")
        state.record(run, NOBODY_MOVED, key)
        for day in range(1, 12):
            changing(state, day)
        (one,) = state.run(run).activations
        assert (one.definition.name, one.definition.options) == ("Loyal", {"gum_caller_id": 5})
        assert state.run(run).origin == ANN
        state.forget(key)
        for day in range(12, 15):
            changing(state, day)
    assert state.run(run) is None


def test_the_run_of_a_receipt_is_kept(state, few):
    with state.lock("headcount sync"):
        run = run_at(state, 0, LAPSED)
        with state.backing.database.transaction() as db:
            db.execute("INSERT INTO receipt (run, at, content) VALUES (?, ?, '{}')", (run, AT.isoformat()))
        for day in range(1, 9):
            run_at(state, day, LAPSED)
    assert state.run(run).activations == (LAPSED,)


def test_what_the_files_say_stands_above_the_numbers(folder, few):
    state = open_folder(folder, lambda: AT, kept_for=timedelta(days=50))
    with state.lock("headcount sync"):
        for day in range(60):
            run_at(state, day, LAPSED)
    assert len(ids(state)) == 51


def test_what_stays_of_a_run_for_good_takes_little_room(open_state, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(retention, "ALWAYS", 2)
    monkeypatch.setattr(retention, "KEPT_RUNS", 2)
    state = open_state()

    def size():
        state.backing.copy_database(tmp_path / "copy.db")
        return (tmp_path / "copy.db").stat().st_size

    with state.lock("headcount sync"):
        changing(state, 0)
        before = size()
        with state.backing.database.transaction() as db:
            for number in range(4_000):
                at = (AT + timedelta(minutes=15 * number)).isoformat()
                kept = "INSERT INTO run (command, started_at, finished_at, options) VALUES ('sync', ?, ?, ?)"
                db.execute(kept, (at, at, '{"changed": true}'))
        assert (size() - before) / 4_000 < 150
