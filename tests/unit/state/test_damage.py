"""Damage is refused and named, and never taken for an empty state."""

from __future__ import annotations

import errno
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from runner.core.errors import StateError
from runner.state import open_folder
from runner.state.db import checksums
from runner.state.local import state_folder as state_files
from tests.unit.state.conftest import AT

from .conftest import begin_delta, end_delta, files, intend, send


@pytest.fixture
def filled(open_state, folder):
    """A state with a membership and an open delta, closed; the fixture is the audience's key."""
    state = open_state()
    with state.lock("headcount apply"):
        key = intend(state)
        begin_delta(state, key)
        end_delta(state, key)
        begin_delta(state, key)
        send(state, key, 0)
        for number in range(200):
            run = state.begin_run("sync", AT)
            state.end_run(run, AT)
            assert run == number + 1
    return key


def zeroed(content: bytes) -> bytes:
    return bytes(len(content))


def altered(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


DAMAGE = {
    "empty": lambda content: b"",
    "cut short": lambda content: content[: len(content) // 2],
    "cut short by a byte": lambda content: content[:-1],
    "grown": lambda content: content + b"x",
    "zeroed": zeroed,
    "another file": lambda content: b"something else altogether, longer than a header" * 40,
}


@pytest.mark.parametrize("damage", [*DAMAGE, "altered"])
@pytest.mark.parametrize("kind", ["members", "outbox"])
def test_a_damaged_file_is_named_with_what_to_do(open_state, folder, filled, kind, damage):
    path = getattr(open_state().held(filled), kind)
    path.write_bytes({**DAMAGE, "altered": altered}[damage](path.read_bytes()))
    with pytest.raises(StateError) as refused:
        open_state().held(filled)
    assert str(path) in refused.value.message
    assert "damaged" in refused.value.message
    assert ("bytes instead of" in refused.value.message) == (damage not in ("zeroed", "altered"))
    assert "headcount sync --rebuild loyal" in refused.value.hint


@pytest.mark.parametrize("kind", ["members", "outbox"])
def test_a_missing_file_is_named_with_what_to_do(open_state, folder, filled, kind):
    path = getattr(open_state().held(filled), kind)
    path.unlink()
    with pytest.raises(StateError, match="missing") as refused:
        open_state().held(filled)
    assert str(path) in refused.value.message
    assert "headcount sync --rebuild loyal" in refused.value.hint


def test_a_file_that_is_damaged_after_it_was_checked_is_noticed(open_state, filled):
    state = open_state()
    path = state.held(filled).members
    path.write_bytes(altered(path.read_bytes()))
    with pytest.raises(StateError, match="damaged"):
        state.held(filled)


def test_a_file_is_read_once_for_its_checksum(open_state, filled, monkeypatch):
    read = []
    state = open_state()
    checksum = state_files.checksum
    monkeypatch.setattr(state_files, "checksum", lambda path: read.append(path) or checksum(path))
    for _ in range(3):
        state.held(filled)
    assert len(read) == 2


def test_what_this_process_wrote_is_read_once_for_its_checksum(state, monkeypatch):
    read = []
    checksum = state_files.checksum
    monkeypatch.setattr(state_files, "checksum", lambda path: read.append(path) or checksum(path))
    with state.lock("headcount apply"):
        key = intend(state)
        outbox = begin_delta(state, key)
        state.held(key)
    assert read == [outbox]


def test_a_rebuild_heals_a_damaged_file(open_state, filled):
    state = open_state()
    held = state.held(filled)
    held.members.unlink()
    held.outbox.write_bytes(b"")
    with state.lock("headcount sync"):
        state.require_refill(filled)
        state.cleared(filled)
        begin_delta(state, filled)
        assert end_delta(state, filled) == state.held(filled).members


def read(state, key):
    state.audiences()


def write(state, key):
    with state.lock("headcount apply"):
        raise AssertionError("ran on a damaged state")


@pytest.mark.parametrize("use", [read, write])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_database_is_refused_and_left_as_it_is(open_state, folder, filled, damage, use):
    path = folder / "state.db"
    content = DAMAGE[damage](path.read_bytes())
    path.write_bytes(content)
    with pytest.raises(StateError) as refused:
        use(open_state(), filled)
    assert str(path) in refused.value.message
    assert "backup" in refused.value.hint
    assert path.read_bytes() == content


def test_an_empty_database_file_is_told_as_such(open_state, folder, filled):
    (folder / "state.db").write_bytes(b"")
    with pytest.raises(StateError, match="it is empty"):
        open_state().audiences()


@pytest.mark.parametrize("use", [read, write])
def test_a_damaged_page_is_refused(open_state, folder, filled, use):
    path = folder / "state.db"
    content = bytearray(path.read_bytes())
    content[-4096 * 3 : -4096] = b"\xff" * 8192
    path.write_bytes(content)
    with pytest.raises(StateError, match="damaged"):
        use(open_state(), filled)


@pytest.mark.parametrize("use", [read, write])
def test_a_database_of_another_program_is_refused(open_state, folder, use):
    folder.mkdir(parents=True)
    connection = sqlite3.connect(folder / "state.db")
    connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()
    with pytest.raises(StateError, match="no format version"):
        use(open_state(), 1)


@pytest.mark.parametrize("use", [read, write])
@pytest.mark.parametrize("kept", ["members", "outbox"])
def test_a_database_that_is_missing_beside_its_files_is_not_taken_for_none(open_state, folder, filled, kept, use):
    (folder / "state.db").unlink()
    for second in folder.glob("state.db.second-*"):
        second.unlink()
    shutil.rmtree(folder / {"members": "outbox", "outbox": "members"}[kept])
    before = files(folder)
    with pytest.raises(StateError, match=rf"state\.db is missing, though .*{kept}"):
        use(open_state(), filled)
    assert files(folder) == before


@pytest.mark.parametrize("use", [read, write])
@pytest.mark.parametrize("name", ["state.db-wal", "state.db.backup-1", "lock"])
def test_a_database_that_is_missing_beside_its_log_its_lock_or_a_backup_is_not_taken_for_none(
    open_state, folder, name, use
):
    folder.mkdir(parents=True)
    (folder / name).write_bytes(b"x")
    with pytest.raises(StateError, match="is missing"):
        use(open_state(), 1)
    assert files(folder) == {name}


@pytest.mark.parametrize("use", [read, write])
def test_a_folder_in_the_databases_place_is_told(open_state, folder, use):
    (folder / "state.db").mkdir(parents=True)
    with pytest.raises(StateError, match="cannot be opened"):
        use(open_state(), 1)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("definition", '"{"'),
        ("definition", '{"name": "x"}'),
        ("members", '{"shoe_size": 1}'),
        ("members", "[]"),
        ("intended_at", "yesterday"),
    ],
)
def test_a_value_that_means_nothing_is_refused(open_state, folder, filled, column, value):
    connection = sqlite3.connect(folder / "state.db")
    checksums.register(connection)
    connection.execute(f"UPDATE audience SET {column} = ?", (value,))
    connection.commit()
    connection.close()
    with pytest.raises(StateError, match="damaged: it holds a value that means nothing"):
        open_state().audiences()


def test_a_full_disk_leaves_the_database_as_it_was(open_state, folder, filled):
    state = open_state()
    recorded = []

    def fill() -> None:
        for number in range(10_000):
            intend(state, f"{number} " + "x" * 1_000)
            recorded.append(number)

    with state.lock("headcount sync"):
        before = len(state.audiences())
        connection = state.backing.database.connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StateError) as refused:
            fill()
        assert str(folder / "state.db") in refused.value.message
        assert "space" in refused.value.hint
        assert len(state.audiences()) == before + len(recorded)
        connection.execute(f"PRAGMA max_page_count = {pages + 1_000}")
        send(state, filled, 1)
    assert len(open_state().audiences()) == before + len(recorded)


def test_a_disk_that_fails_inside_a_transaction_leaves_all_of_it_undone(open_state, filled, monkeypatch):
    state = open_state()
    with state.lock("headcount sync"):
        before, held = state.audiences(), state.held(filled)

        def fail(*_):
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr("runner.state.db.tables.deltas.add_file", fail)
        with pytest.raises(StateError, match="disk I/O error"):
            end_delta(state, filled)
        assert state.audiences() == before
        assert state.held(filled) == held
        monkeypatch.undo()
        end_delta(state, filled)


@pytest.mark.parametrize(
    ("number", "advice"), [(errno.ENOSPC, "space"), (errno.EROFS, "right to write"), (errno.EIO, "check the disk")]
)
def test_a_file_that_cannot_be_written_is_named_with_what_to_do(state, monkeypatch, number, advice):
    with state.lock("headcount apply"):
        key = intend(state)

        def fail(path):
            raise OSError(number, "no")

        monkeypatch.setattr("runner.state.local.state_folder.flush", fail)
        with pytest.raises(StateError) as refused:
            begin_delta(state, key)
        assert "outbox/loyal/000001.parquet" in refused.value.message
        assert advice in refused.value.hint
        assert state.audiences()[0].unfinished is None


def test_what_cannot_be_removed_stops_nothing(state, filled, monkeypatch):
    def fail(self, missing_ok=False):
        raise PermissionError(errno.EPERM, "no")

    with state.lock("headcount sync"):
        outbox = state.held(filled).outbox
        monkeypatch.setattr("pathlib.Path.unlink", fail)
        end_delta(state, filled)
        monkeypatch.undo()
        assert outbox.exists()
    with state.lock("headcount sync"):
        assert not outbox.exists()


def test_a_log_that_is_lost_after_a_kill_takes_no_older_change_with_it(folder):
    """`state.db` alone, as somebody may copy it, knows all but perhaps the last change."""
    script = f"""
import os, signal
from pathlib import Path
from runner.state import open_folder
from tests.unit.state.conftest import intend

state = open_folder(Path({str(folder)!r}))
with state.lock("headcount apply"):
    for number in range(20):
        intend(state, f"a{{number}}")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    died = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[3], check=False)
    assert died.returncode == -signal.SIGKILL
    for log in folder.glob("state.db-*"):
        log.unlink()
    assert len(open_folder(folder).audiences()) >= 19


def test_a_note_of_a_move_that_is_no_text_is_still_one(folder, open_state):
    with open_state().lock("headcount apply"):
        pass
    (folder / "moved-to").write_bytes(b"s3://\xff\xfe")
    with pytest.raises(StateError, match="it was moved to s3://"), open_state().lock("headcount apply"):
        pass


def test_a_file_beside_the_state_is_not_written_through_a_link(folder, open_state, tmp_path):
    folder.mkdir(parents=True)
    (folder / ".gitignore").symlink_to(tmp_path / "outside")
    with pytest.raises(StateError, match=r"cannot be used"), open_state().lock("headcount apply"):
        pass
    assert not (tmp_path / "outside").exists()
