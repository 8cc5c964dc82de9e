"""Formats: newer ones are refused, older ones are lifted, with a backup."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from datetime import timedelta

import pytest

from runner.core.errors import StateError
from runner.core.records import ActivationRun, Outcome
from runner.state.db import checksums, schema

from .conftest import AT, DEFINITION, begin_delta, end_delta, files, intend

AUDIENCE = (
    *("key", "activation", "destination", "kind", "account_id", "audience_id", "definition", "intended_at"),
    *("applied_at", "serial", "members", "unknown", "refill", "filling", "invalid", "given_up_at"),
    *("doubt_at", "clearing_at", "sizes"),
)
"""The columns of today's format."""
ADD_COLUMN = (
    "ALTER TABLE audience ADD COLUMN remark TEXT NOT NULL DEFAULT 'none'",
    *checksums.watch("audience", (*AUDIENCE, "remark")),
)
FILL_COLUMN = ("UPDATE audience SET remark = 'lifted'",)
TODAY = schema.MIGRATIONS
NOW = schema.newest()
BROKEN = ("UPDATE audience SET destination = 'lost'", "UPDATE no_such_table SET x = 1")


@pytest.fixture
def old(open_state):
    """A state in today's format, which the tests make an older one by adding migrations."""
    state = open_state()
    with state.lock("headcount apply"):
        intend(state)
    return state


def lowered(path):
    """Make a database of today's format one of format 1, which had no checksums, with the same records."""
    new = path.with_name("state.db.lowered")
    with closing(sqlite3.connect(new)) as connection, connection:
        for statement in schema.SCHEMA:
            connection.execute(statement)
        connection.execute("ATTACH ? AS today", (str(path),))
        tables = connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
            connection.execute(f"DELETE FROM main.{table}")
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM today.{table}")
        connection.execute("UPDATE main.meta SET value = '1' WHERE name = 'format_version'")
    path.unlink()
    new.rename(path)


def everything(state):
    return state.audiences(), state.runs(), state.latest(), state.last_good()


def query(path, sql):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def version(path):
    return query(path, "SELECT value FROM meta WHERE name = 'format_version'")[0][0]


def test_a_newer_format_is_refused_for_reading_and_writing(old, open_state, folder):
    with closing(sqlite3.connect(folder / "state.db")) as connection, connection:
        checksums.register(connection)
        connection.execute("UPDATE meta SET value = '99' WHERE name = 'format_version'")
    before = (folder / "state.db").read_bytes()
    for use in (open_state().audiences, lambda: open_state().lock("headcount apply").__enter__()):
        with pytest.raises(StateError, match=rf"newer Headcount \(format 99; this one reads up to {NOW}\)") as refused:
            use()
        assert refused.value.hint == "update headcount here"
    assert (folder / "state.db").read_bytes() == before


def test_an_older_format_is_lifted_step_by_step_when_a_run_begins_and_backed_up_before(
    old, open_state, folder, monkeypatch
):
    monkeypatch.setattr(schema, "MIGRATIONS", (*TODAY, ADD_COLUMN, FILL_COLUMN))
    state = open_state()
    with state.lock("headcount apply"):
        assert state.audiences()[0].definition == DEFINITION
    assert version(folder / "state.db") == f"{NOW + 2}"
    assert query(folder / "state.db", "SELECT remark FROM audience") == [("lifted",)]
    backup = folder / f"state.db.backup-{NOW}"
    assert version(backup) == f"{NOW}"
    assert query(backup, "SELECT activation FROM audience") == [("loyal",)]
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


@pytest.mark.parametrize("first", ["read", "run"])
def test_a_state_of_the_first_format_is_lifted_with_all_that_it_holds(open_state, folder, first):
    state = open_state()
    with state.lock("headcount apply"):
        key = intend(state)
        begin_delta(state, key)
        end_delta(state, key)
        for number, outcome in enumerate((Outcome.DONE, Outcome.UNCHANGED, Outcome.FAILED, Outcome.SKIPPED)):
            run = state.begin_run("apply", AT + timedelta(hours=number))
            state.record(run, ActivationRun("loyal", "sync", outcome, added=number % 2, detail=f"the {number}th"))
            state.record(run, ActivationRun("loyal", "delete", Outcome.DONE, removed=1))
            state.record(run, ActivationRun("once", "sync", Outcome.SKIPPED))
        before = (*everything(state), state.held(key))
    state.close()
    lowered(folder / "state.db")
    state = open_state()
    if first == "read":
        assert (*everything(state), state.held(key)) == before
        state.close()
        assert version(folder / "state.db") == "1"
    with state.lock("headcount sync"):
        assert (*everything(state), state.held(key)) == before
        intend(state, "another")
        later = state.begin_run("sync", AT)
        state.record(later, ActivationRun("another", "create", Outcome.DONE))
    state.close()
    assert version(folder / "state.db") == f"{NOW}"
    assert version(folder / "state.db.backup-1") == "1"
    assert {audience.activation for audience in open_state().audiences()} == {"loyal", "another"}
    assert open_state().runs(limit=1)[0].activations[0].activation == "another"


def test_only_the_migrations_that_are_missing_are_made(old, open_state, folder, monkeypatch):
    monkeypatch.setattr(schema, "MIGRATIONS", (*TODAY, ADD_COLUMN))
    with open_state().lock("headcount apply"):
        pass
    monkeypatch.setattr(schema, "MIGRATIONS", (*TODAY, ADD_COLUMN, FILL_COLUMN))
    with open_state().lock("headcount apply"):
        pass
    assert version(folder / "state.db") == f"{NOW + 2}"
    assert version(folder / f"state.db.backup-{NOW + 1}") == f"{NOW + 1}"


def test_a_reader_sees_an_older_format_lifted_and_lifts_nothing_on_the_disk(old, open_state, folder, monkeypatch):
    before = {path: (folder / path).read_bytes() for path in files(folder)}
    monkeypatch.setattr(
        schema,
        "MIGRATIONS",
        (
            *TODAY,
            ("UPDATE audience SET destination = 'lifted'",),
        ),
    )
    reader = open_state()
    assert reader.audiences()[0].destination == "lifted"
    reader.close()
    assert {path: (folder / path).read_bytes() for path in files(folder)} == before


def test_a_migration_that_fails_changes_nothing_and_can_be_tried_again(old, open_state, folder, monkeypatch):
    monkeypatch.setattr(schema, "MIGRATIONS", (*TODAY, BROKEN))
    with pytest.raises(StateError, match=r"state\.db"), open_state().lock("headcount apply"):
        raise AssertionError("ran on a half-lifted state")
    assert version(folder / "state.db") == f"{NOW}"
    assert query(folder / "state.db", "SELECT destination FROM audience") == [("criteo-fr",)]
    monkeypatch.setattr(schema, "MIGRATIONS", (*TODAY, ADD_COLUMN))
    with open_state().lock("headcount apply"):
        pass
    assert version(folder / "state.db") == f"{NOW + 1}"


def test_a_migration_that_leaves_records_without_their_audience_is_undone(old, open_state, folder, monkeypatch):
    orphaning = ("INSERT INTO batch (audience, number, operation, identifiers) VALUES (99, 0, 'add', 1)",)
    monkeypatch.setattr(schema, "MIGRATIONS", (*TODAY, orphaning))
    with pytest.raises(StateError, match="do not fit"), open_state().lock("headcount apply"):
        raise AssertionError("ran on a broken state")
    assert version(folder / "state.db") == f"{NOW}"
    assert query(folder / "state.db", "SELECT count(*) FROM batch") == [(0,)]


def test_a_new_state_is_made_in_the_newest_format_without_a_backup(open_state, folder, monkeypatch):
    monkeypatch.setattr(schema, "MIGRATIONS", (*TODAY, ADD_COLUMN, FILL_COLUMN))
    with open_state().lock("headcount apply"):
        pass
    assert version(folder / "state.db") == f"{NOW + 2}"
    assert files(folder) == {".gitignore", "lock", "state.db"}
