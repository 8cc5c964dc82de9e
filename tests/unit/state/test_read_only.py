"""Reading a state where nothing may be written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from runner.core.errors import StateError
from runner.state import open_folder
from runner.state.db import database

from .conftest import begin_delta, end_delta, files, intend

READ = """
import os, sys
from pathlib import Path
from runner.core.errors import StateError
from runner.state import open_folder, store
from runner.state.db import database
from runner.state.local import folder_backing
if os.geteuid() == 0:
    os.setuid(65534)  # root may write anywhere
state = open_folder(Path(sys.argv[1]))
try:
    for audience in state.audiences():
        print(audience.activation, audience.members, state.held(audience.record_id).members is not None)
    state.close()
    with state.lock("headcount apply"):
        print("locked")
except StateError as error:
    print(error.message, "|", error.hint)
"""


@pytest.fixture
def shared():
    """A folder that another user can reach, unlike pytest's own."""
    base = Path(tempfile.mkdtemp())
    base.chmod(0o755)
    yield base / "state"
    for path in (base, *base.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(base)


@pytest.fixture
def filled(shared):
    state = open_folder(shared)
    with state.lock("headcount apply"):
        key = intend(state)
        begin_delta(state, key)
        end_delta(state, key)
    return shared


def forbid_writing(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


def read_as_a_user_who_may_not_write(folder: Path) -> list[str]:
    process = subprocess.run([sys.executable, "-c", READ, str(folder)], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


def test_a_state_that_may_not_be_written_can_be_read_and_is_left_as_it_is(filled):
    forbid_writing(filled)
    before = files(filled)
    read, refused = read_as_a_user_who_may_not_write(filled)
    assert read == "loyal {<IdentifierType.EMAIL: 'email'>: 3} True"
    assert str(filled) in refused
    assert "right to write" in refused
    assert files(filled) == before


@pytest.mark.parametrize("hidden", ["the state's folder", "the folder above it"])
def test_a_state_that_may_not_be_seen_is_not_taken_for_none(filled, hidden):
    (filled if hidden == "the state's folder" else filled.parent).chmod(0o700)
    (refused,) = read_as_a_user_who_may_not_write(filled)
    assert str(filled) in refused
    assert "Permission denied" in refused


def test_an_empty_log_beside_the_database_does_not_keep_it_from_being_read(filled):
    (filled / "state.db-wal").touch()
    forbid_writing(filled)
    assert read_as_a_user_who_may_not_write(filled)[0].startswith("loyal")


def test_changes_that_only_the_log_holds_are_never_overlooked(filled):
    killed = filled.with_name("killed")
    state = open_folder(filled)
    with state.lock("headcount apply"):
        intend(state, "only in the log")
        shutil.copytree(filled, killed)
    (killed / "state.db-shm").unlink()
    forbid_writing(killed)
    (refused, *_) = read_as_a_user_who_may_not_write(killed)
    assert "state.db-wal" in refused
    assert "may not write there" in refused


class Barred(sqlite3.Connection):
    """A connection to a database beside which SQLite cannot make its files."""

    code = sqlite3.SQLITE_CANTOPEN

    def execute(self, *_):
        error = sqlite3.OperationalError("unable to open database file")
        error.sqlite_errorcode = self.code
        raise error


@pytest.fixture(params=["may not", "no room"])
def barred(filled, monkeypatch, request):
    code = {"may not": sqlite3.SQLITE_CANTOPEN, "no room": sqlite3.SQLITE_IOERR_SHMSIZE}[request.param]
    monkeypatch.setattr(Barred, "code", code)
    connect = database._connect

    def connect_barred(path, options):
        return sqlite3.connect(path, factory=Barred) if options == "mode=rw" else connect(path, options)

    monkeypatch.setattr(database, "_connect", connect_barred)
    return filled


def test_where_sqlite_may_not_make_its_files_the_database_is_read_as_it_lies(barred):
    state = open_folder(barred)
    (audience,) = state.audiences()
    assert state.held(audience.record_id).members is not None
    state.close()


def test_where_sqlite_may_not_make_its_files_a_log_with_content_is_refused(barred):
    (barred / "state.db-wal").write_bytes(b"changes")
    with pytest.raises(StateError, match=r"left changes in state\.db-wal") as refused:
        open_folder(barred).audiences()
    if Barred.code == sqlite3.SQLITE_CANTOPEN:
        assert "user who may write" in refused.value.hint
    else:
        assert "the disk is full" in refused.value.message
        assert "free some space" in refused.value.hint


def test_changes_that_only_the_log_holds_are_read_by_whoever_may_write(filled):
    killed = filled.with_name("killed")
    state = open_folder(filled)
    with state.lock("headcount apply"):
        intend(state, "only in the log")
        shutil.copytree(filled, killed)
    survivor = open_folder(killed)
    assert [audience.activation for audience in survivor.audiences()] == ["loyal", "only in the log"]
    survivor.close()


def test_a_state_on_a_disk_mounted_read_only_cannot_be_locked(filled, monkeypatch):
    real = os.open

    def read_only(path, flags, *args, **kwargs):
        if flags & os.O_RDWR:
            raise OSError(30, "Read-only file system")
        return real(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", read_only)
    with (
        pytest.raises(StateError, match="Read-only file system") as refused,
        open_folder(filled).lock("headcount apply"),
    ):
        raise AssertionError("ran where nothing can be recorded")
    assert str(filled / "lock") in refused.value.message
