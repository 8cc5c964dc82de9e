"""How long past runs are kept, and what is kept of them whatever their age."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.core.records import ActivationRun, LastRun, Outcome
from runner.state.db.tables import retention

from .conftest import AT, EVERYWHERE, intend

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
    sizes = []
    with state.lock("headcount sync"):
        for day in (0, 1, 2, 30, 31, 32):
            wide = 3_000 if day < 30 else 1
            run_at(state, day, *(ActivationRun(f"a{at}", "blocked", Outcome.BLOCKED) for at in range(wide)))
            state.backing.copy_database(tmp_path / "copy.db")
            sizes.append((tmp_path / "copy.db").stat().st_size)
    assert sizes[-1] < 0.7 * max(sizes)
