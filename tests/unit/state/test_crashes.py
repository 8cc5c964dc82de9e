"""Whatever a run had recorded is there after it was killed, and what it had begun is undone."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from runner.core.membership import MembershipFiles
from tests.unit.state.conftest import AT

from .conftest import BATCHES, begin_delta, end_delta, write_outbox

ROOT = Path(__file__).parents[3]

SEND = """
import os, signal, sys
from pathlib import Path
from runner.core.destination import Accepted
from runner.state import open_folder
from tests.unit.state.conftest import begin_delta, intend
state = open_folder(Path(sys.argv[1]))
with state.lock("headcount apply"):
    key = intend(state)
    state.created(key, "987")
    begin_delta(state, key)
    state.mark_in_flight(key, 0)
    state.mark_taken(key, 0, Accepted(2, 1))
    state.mark_in_flight(key, 1)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.chaos
def test_a_run_may_die_at_any_step_and_leaves_the_state_before_or_after_it(tmp_path):
    process = subprocess.run(
        [sys.executable, "-m", "tests.unit.state.every_death", str(tmp_path / ".headcount")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    deaths = int(process.stdout.split()[0])
    assert deaths > 200


def test_a_killed_run_leaves_its_delta_with_what_was_taken_and_what_may_have_arrived(open_state, folder):
    process = subprocess.run([sys.executable, "-c", SEND, str(folder)], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == -signal.SIGKILL, process.stderr
    for settled_by in ("a reader", "the next run"):
        state = open_state()
        audience = state.audiences()[0]
        assert (audience.audience_id, audience.invalid) == ("987", 1), settled_by
        held = state.held(audience.record_id)
        assert (held.taken, held.in_flight) == (frozenset({0}), frozenset({1}))
        assert held.outbox.exists()
        if settled_by == "the next run":
            with state.lock("headcount apply"):
                members = end_delta(state, audience.record_id)
                assert state.held(audience.record_id) == MembershipFiles(members=members)
                assert not held.outbox.exists()


def test_a_delta_that_was_written_and_never_opened_is_gone_with_its_run(open_state, folder):
    state = open_state()
    with state.lock("headcount apply"):
        key = state.imported("loyal", "criteo-fr", "criteo", "1", "900", AT)
        state.cleared(key)
        paths = []

        def die(path):
            paths.append(path)
            write_outbox(path, BATCHES)
            raise KeyboardInterrupt

        with suppress(KeyboardInterrupt):
            state.open_delta(key, die)
        [path] = paths
    with state.lock("headcount apply"):
        assert not path.exists()
        assert state.held(key) == MembershipFiles()
        assert begin_delta(state, key).exists()


def test_every_commit_is_on_the_disk_before_it_returns(open_state):
    state = open_state()
    with state.lock("headcount apply"):
        connection = state.backing.database.connection
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_files_and_the_folders_that_name_them_are_flushed_before_they_are_pointed_to(open_state, folder, monkeypatch):
    flushed = []
    monkeypatch.setattr("runner.state.local.state_folder.flush", flushed.append)
    state = open_state()
    with state.lock("headcount apply"):
        key = state.imported("loyal", "criteo-fr", "criteo", "1", "900", AT)
        path = begin_delta(state, key)
    assert flushed == [folder.parent, folder, folder / "outbox", path, path.parent]
