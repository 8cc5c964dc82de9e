"""A real state of format 2, lifted: whole or not at all, with all that it held."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.core.errors import StateError
from runner.state import open_folder
from runner.state.db import checksums, format_3, schema
from tests.states import FORMAT_2, unpack

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
STATEMENTS = len(format_3.MIGRATION)

DIE = """
import os, signal, sys
from pathlib import Path
from runner.state import open_folder
from runner.state.db import checksums, schema

register = checksums.register
def deadly(connection):
    register(connection)
    connection.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
checksums.register = deadly
schema.MIGRATIONS = (*schema.MIGRATIONS[:-1], (*schema.MIGRATIONS[-1][: int(sys.argv[2])], "SELECT die()"))
with open_folder(Path(sys.argv[1])).lock("headcount sync"):
    raise SystemExit("it did not die")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The state that commit 174721f left."""
    return unpack(FORMAT_2, tmp_path) / "state"


def version(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        return str(connection.execute("SELECT value FROM meta WHERE name = 'format_version'").fetchone()[0])


def remembered(folder: Path) -> object:
    state = open_folder(folder, clock=lambda: AT)
    try:
        held = [state.held(record.record_id) for record in state.audiences()]
        return state.audiences(), held, state.runs(limit=100), state.latest(), state.last_good()
    finally:
        state.close()


def lift(folder: Path) -> None:
    state = open_folder(folder, clock=lambda: AT)
    with state.lock("headcount sync"):
        pass
    state.close()


def test_reading_shows_all_of_it_and_writes_nothing(folder: Path) -> None:
    audiences, held, runs, latest, _ = remembered(folder)  # type: ignore[misc]
    assert [one.activation for one in audiences] == ["dated", "large", "loyal", "once"]
    assert [one.unfinished is not None for one in audiences] == [False, True, False, False]
    assert [part.command for part in runs] == ["sync", "sync", "sync", "sync", "apply"]
    assert held[1].outbox is not None
    assert latest["loyal"].change is not None
    assert version(folder / "state.db") == "2"


def test_the_first_run_lifts_it_and_keeps_a_copy(folder: Path) -> None:
    before = remembered(folder)
    lift(folder)
    assert version(folder / "state.db") == "3"
    assert version(folder / "state.db.backup-2") == "2"
    assert remembered(folder) == before


@pytest.mark.parametrize("statements", [0, 1, STATEMENTS // 2, STATEMENTS])
def test_a_kill_while_it_is_lifted_leaves_the_old_one(folder: Path, statements: int) -> None:
    before = remembered(folder)
    killed = subprocess.run([sys.executable, "-c", DIE, str(folder), str(statements)], env=os.environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert version(folder / "state.db") == "2"
    assert remembered(folder) == before
    lift(folder)
    assert remembered(folder) == before


def test_a_copy_that_a_run_kept_before_lifting_can_be_put_back(folder: Path) -> None:
    before = remembered(folder)
    lift(folder)
    for path in folder.glob("state.db*"):
        if path.name != "state.db.backup-2":
            path.unlink()
    (folder / "state.db.backup-2").rename(folder / "state.db")
    assert remembered(folder) == before
    lift(folder)
    assert remembered(folder) == before


def test_damage_of_the_history_is_not_lifted_away(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "state.db")) as connection, connection:
        connection.execute("UPDATE activation_run SET added = added + 1 WHERE id = 1")
    lift(folder)
    with pytest.raises(StateError, match="the checksum of the outcomes of run 1 is wrong"):
        remembered(folder)


def test_a_format_to_come_is_refused_in_a_plain_sentence(folder: Path) -> None:
    lift(folder)
    with closing(sqlite3.connect(folder / "state.db")) as connection, connection:
        checksums.register(connection)
        connection.execute("UPDATE meta SET value = ? WHERE name = 'format_version'", (str(schema.newest() + 1),))
    with pytest.raises(StateError, match="was written by a newer Headcount") as refused:
        remembered(folder)
    assert refused.value.hint == "update headcount here"
