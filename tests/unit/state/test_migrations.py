"""Formats: newer ones are refused, older ones are lifted, with a backup."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing

import pytest

from runner.errors import StateError
from runner.state import schema

from .conftest import DEFINITION, files, intend

ADD_COLUMN = ("ALTER TABLE audience ADD COLUMN remark TEXT NOT NULL DEFAULT 'none'",)
FILL_COLUMN = ("UPDATE audience SET remark = 'lifted'",)
BROKEN = ("UPDATE audience SET destination = 'lost'", "UPDATE no_such_table SET x = 1")


@pytest.fixture
def old(open_state):
    """A state in today's format, which the tests make an older one by adding migrations."""
    state = open_state()
    with state.lock("headcount apply"):
        intend(state)
    return state


def query(path, sql):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def version(path):
    return query(path, "SELECT value FROM meta WHERE name = 'format_version'")[0][0]


def test_a_newer_format_is_refused_for_reading_and_writing(old, open_state, folder):
    with closing(sqlite3.connect(folder / "state.db")) as connection, connection:
        connection.execute("UPDATE meta SET value = '2' WHERE name = 'format_version'")
    before = (folder / "state.db").read_bytes()
    for use in (open_state().audiences, lambda: open_state().lock("headcount apply").__enter__()):
        with pytest.raises(StateError, match=r"newer Headcount \(format 2; this one reads up to 1\)") as refused:
            use()
        assert refused.value.hint == "update headcount here"
    assert (folder / "state.db").read_bytes() == before


def test_an_older_format_is_lifted_step_by_step_when_a_run_begins_and_backed_up_before(
    old, open_state, folder, monkeypatch
):
    monkeypatch.setattr(schema, "MIGRATIONS", (ADD_COLUMN, FILL_COLUMN))
    state = open_state()
    with state.lock("headcount apply"):
        assert state.audiences()[0].definition == DEFINITION
    assert version(folder / "state.db") == "3"
    assert query(folder / "state.db", "SELECT remark FROM audience") == [("lifted",)]
    backup = folder / "state.db.backup-1"
    assert version(backup) == "1"
    assert query(backup, "SELECT activation FROM audience") == [("loyal",)]
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_only_the_migrations_that_are_missing_are_made(old, open_state, folder, monkeypatch):
    monkeypatch.setattr(schema, "MIGRATIONS", (ADD_COLUMN,))
    with open_state().lock("headcount apply"):
        pass
    monkeypatch.setattr(schema, "MIGRATIONS", (ADD_COLUMN, FILL_COLUMN))
    with open_state().lock("headcount apply"):
        pass
    assert version(folder / "state.db") == "3"
    assert version(folder / "state.db.backup-2") == "2"


def test_a_reader_sees_an_older_format_lifted_and_lifts_nothing_on_the_disk(old, open_state, folder, monkeypatch):
    before = {path: (folder / path).read_bytes() for path in files(folder)}
    monkeypatch.setattr(schema, "MIGRATIONS", (("UPDATE audience SET destination = 'lifted'",),))
    reader = open_state()
    assert reader.audiences()[0].destination == "lifted"
    reader.close()
    assert {path: (folder / path).read_bytes() for path in files(folder)} == before


def test_a_migration_that_fails_changes_nothing_and_can_be_tried_again(old, open_state, folder, monkeypatch):
    monkeypatch.setattr(schema, "MIGRATIONS", (BROKEN,))
    with pytest.raises(StateError, match=r"state\.db"), open_state().lock("headcount apply"):
        raise AssertionError("ran on a half-lifted state")
    assert version(folder / "state.db") == "1"
    assert query(folder / "state.db", "SELECT destination FROM audience") == [("criteo-fr",)]
    monkeypatch.setattr(schema, "MIGRATIONS", (ADD_COLUMN,))
    with open_state().lock("headcount apply"):
        pass
    assert version(folder / "state.db") == "2"


def test_a_migration_that_leaves_records_without_their_audience_is_undone(old, open_state, folder, monkeypatch):
    orphaning = ("INSERT INTO batch (audience, number, operation, identifiers) VALUES (99, 0, 'add', 1)",)
    monkeypatch.setattr(schema, "MIGRATIONS", (orphaning,))
    with pytest.raises(StateError, match="do not fit"), open_state().lock("headcount apply"):
        raise AssertionError("ran on a broken state")
    assert version(folder / "state.db") == "1"
    assert query(folder / "state.db", "SELECT count(*) FROM batch") == [(0,)]


def test_a_new_state_is_made_in_the_newest_format_without_a_backup(open_state, folder, monkeypatch):
    monkeypatch.setattr(schema, "MIGRATIONS", (ADD_COLUMN, FILL_COLUMN))
    with open_state().lock("headcount apply"):
        pass
    assert version(folder / "state.db") == "3"
    assert files(folder) == {".gitignore", "lock", "state.db"}
