"""One run at a time, and a lock that opens by itself."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import timedelta

import pytest

from runner.core.errors import Locked, LockLost, StateError
from runner.state import open_folder
from runner.state.local.state_folder import StateFolder

from .conftest import AT, begin_delta, end_delta, files, intend

HOLD = """
import sys, time
from pathlib import Path
from runner.state import open_folder
with open_folder(Path(sys.argv[1])).lock("headcount sync"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(folder):
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_run_is_told_at_once_who_holds_the_state_and_since_when(state, folder):
    with state.lock("headcount apply"):
        second = open_folder(folder, clock=lambda: AT + timedelta(minutes=2, seconds=30))
        with pytest.raises(Locked) as refused, second.lock("headcount sync"):
            raise AssertionError("two runs at once")
    assert refused.value.message == (
        f"another run holds the state: headcount apply, process {os.getpid()} on host {socket.gethostname()}, "
        "since 2026-11-24 06:30:15 UTC (2 minutes ago)"
    )
    assert refused.value.exit_code == 5
    assert refused.value.hint


def test_one_state_cannot_be_locked_twice_and_stays_locked(state, open_state):
    with state.lock("headcount apply"):
        with pytest.raises(Locked), state.lock("headcount apply"):
            raise AssertionError("two runs at once")
        intend(state)
        with pytest.raises(Locked), open_state().lock("headcount apply"):
            raise AssertionError("two runs at once")


def test_the_lock_opens_when_the_run_ends_well_or_not(state, open_state):
    with pytest.raises(ValueError, match="broken"), state.lock("headcount apply"):
        raise ValueError("broken")
    with open_state().lock("headcount apply"):
        pass
    with state.lock("headcount apply"):
        intend(state)


def test_another_process_excludes_this_one_and_its_kill_opens_the_lock(state, holder):
    with pytest.raises(Locked, match=f"headcount sync, process {holder.pid} "), state.lock("headcount apply"):
        raise AssertionError("two runs at once")
    assert state.audiences() == ()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with state.lock("headcount apply"):
        intend(state)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 3}', '{"since": "yesterday"}', '{"since": 3}'])
def test_a_holder_that_has_not_written_its_name_yet_excludes_all_the_same(state, folder, content):
    with state.lock("headcount apply"):
        (folder / "lock").write_text(content)
        with pytest.raises(Locked, match=r"^another run holds the state$"), open_folder(folder).lock("headcount sync"):
            raise AssertionError("two runs at once")


def test_what_a_dead_holder_wrote_locks_nobody_out(state, folder):
    with state.lock("headcount apply"):
        pass
    dead = {"command": "x" * 500, "pid": 1, "host": "h", "since": AT.isoformat()}
    (folder / "lock").write_text(json.dumps(dead))
    with state.lock("headcount apply"):
        intend(state)
        with pytest.raises(Locked, match="headcount apply, process"), open_folder(folder).lock("headcount sync"):
            raise AssertionError("two runs at once")


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(0), "0 seconds ago"),
        (timedelta(seconds=1), "1 second ago"),
        (timedelta(minutes=1, seconds=59), "1 minute ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=2, hours=3), "2 days ago"),
        (timedelta(seconds=-5), "0 seconds ago"),
    ],
)
def test_the_time_since_is_said_in_words(state, folder, passed, said):
    with state.lock("headcount apply"):
        second = open_folder(folder, clock=lambda: AT + passed)
        with pytest.raises(Locked, match=rf"\({said}\)"), second.lock("headcount sync"):
            raise AssertionError("two runs at once")


def test_a_file_system_without_locks_is_refused(state, monkeypatch):
    def flock(descriptor, operation):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(StateError, match="cannot be locked"), state.lock("headcount apply"):
        raise AssertionError("ran without a lock")


def test_a_new_run_removes_what_no_record_points_to_and_nothing_else(state, folder):
    with state.lock("headcount apply"):
        key = intend(state, "Loyal")
        begin_delta(state, key)
        end_delta(state, key)
        begin_delta(state, key)
        end_delta(state, key)
        begin_delta(state, key)
    kept = files(folder)
    for leftover in (
        "members/Loyal/000099.parquet",
        "outbox/Loyal/000099.parquet.tmp",
        "outbox/dead/000001.parquet",
        "state.db.tmp",
        "state.db.tmp-wal",
        "state.db.backup-0.tmp",
    ):
        path = folder / leftover
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left by a dead run")
    (folder / "state.db.backup-0").write_bytes(b"a backup")
    with state.lock("headcount apply"):
        assert state.held(key).outbox.exists()
    assert files(folder) == {*kept, "state.db.backup-0"}
    assert not (folder / "outbox" / "dead").exists()


def test_a_file_system_that_spells_a_folder_otherwise_keeps_its_files(folder):
    (folder / "members" / "LOYAL").mkdir(parents=True)
    (folder / "members" / "LOYAL" / "000001.parquet").write_bytes(b"a membership")
    StateFolder(folder).sweep({"members/loyal/000001.parquet"})
    assert files(folder) == {"members/LOYAL/000001.parquet"}


def test_reading_removes_nothing(state, folder):
    with state.lock("headcount apply"):
        intend(state)
    leftover = folder / "members" / "loyal" / "000099.parquet"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"of a run that is under way")
    state.audiences()
    assert leftover.exists()


def test_a_membership_written_and_not_closed_is_gone_with_its_run_and_its_path_is_free(state):
    with state.lock("headcount apply"):
        key = intend(state)
        begin_delta(state, key)
        paths = []

        def die(path):
            paths.append(path)
            path.write_bytes(b"half a membership")
            raise KeyboardInterrupt

        with suppress(KeyboardInterrupt):
            state.close_delta(key, die)
        [path] = paths
    with state.lock("headcount apply"):
        assert not path.exists()
        assert end_delta(state, key).exists()


def test_a_folder_open_to_others_is_closed(state, folder):
    folder.mkdir(parents=True, mode=0o755)
    with state.lock("headcount apply"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_holds_other_things_is_not_taken_for_a_state(state, folder):
    folder.mkdir(parents=True)
    (folder / "thesis.odt").write_text("years of work")
    for use in (state.audiences, lambda: state.lock("headcount apply").__enter__()):
        with pytest.raises(StateError, match=r"not a state of Headcount's: it holds thesis.odt"):
            use()
    assert files(folder) == {"thesis.odt"}


def test_the_root_of_a_volume_can_be_a_state(state, folder):
    (folder / "lost+found").mkdir(parents=True)
    assert state.audiences() == ()
    with state.lock("headcount apply"):
        intend(state)
    assert (folder / "lost+found").exists()


def test_a_gitignore_that_a_dead_run_left_empty_is_written_again(state, folder):
    folder.mkdir(parents=True)
    (folder / ".gitignore").touch()
    with state.lock("headcount apply"):
        pass
    assert (folder / ".gitignore").read_text() == "*\n"


def test_a_gitignore_of_the_users_own_stays(state, folder):
    folder.mkdir(parents=True)
    (folder / ".gitignore").write_text("*\n!keep\n")
    with state.lock("headcount apply"):
        pass
    assert (folder / ".gitignore").read_text() == "*\n!keep\n"


def test_a_file_in_the_folders_place_is_told(state, folder):
    folder.parent.mkdir()
    folder.write_text("not a folder")
    for use in (state.audiences, lambda: state.lock("headcount apply").__enter__()):
        with pytest.raises(StateError, match=str(folder)):
            use()


@pytest.mark.parametrize("turn", range(10))  # they do not always meet
def test_of_runs_that_begin_a_state_at_once_one_makes_the_database_and_the_others_find_it(folder, turn):
    states = [open_folder(folder) for _ in range(8)]
    keys: list[int] = []

    def begin(state):
        state.backing.folder.prepare()
        gate.wait()
        state.backing.database.begin()
        with suppress(Locked), state.lock("headcount apply"):
            keys.append(intend(state, f"a{len(keys)}"))

    gate = threading.Barrier(len(states))
    threads = [threading.Thread(target=begin, args=(state,)) for state in states]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(states[0].audiences()) == len(keys) >= 1
    for state in states:
        state.close()
    assert files(folder) == {".gitignore", "lock", "state.db"}


def test_a_run_whose_lock_file_was_replaced_under_it_sends_nothing_more(folder):
    state = open_folder(folder, clock=lambda: AT)
    with pytest.raises(LockLost, match="removed or replaced"), state.lock("headcount apply"):  # noqa: PT012
        state.confirm_lock()
        StateFolder(folder).lock.unlink()
        state.confirm_lock()
