"""A flipped bit of `state.db` is damage: what is read is what was written, or nothing is read."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from runner.core.errors import StateError
from runner.core.records import ActivationRun, Outcome
from runner.state import open_folder
from runner.state.db import checksums
from runner.state.store import StateStore

from .conftest import AT, begin_delta, end_delta, intend, send

pytestmark = pytest.mark.slow

FLIPS = 200
SEED = 20261124

COMMANDS: dict[str, Callable[[StateStore], object]] = {
    "audiences": lambda state: state.audiences(),
    "held": lambda state: [state.held(key) for key in (1, 2, 3)],
    "runs": lambda state: state.runs(limit=100),
    "runs of one": lambda state: state.runs("loyal"),
    "latest": lambda state: state.latest(),
    "last good": lambda state: state.last_good(),
}
"""Everything that a command can ask a state for."""


ROWS = (
    "INSERT OR REPLACE INTO binding VALUES ('api', 'http://127.0.0.1:1')",
    "INSERT INTO salt VALUES ('s1', 'sixteen', 'nineteen', '2026-11-24')",
    "INSERT INTO suppression (name) VALUES ('consent')",
    "INSERT INTO suppression_file VALUES ('consent', 'members', 'suppressions/consent/000001.parquet', 1, 'x', NULL)",
    "INSERT INTO permission (activation, guardrail, until, allowed) VALUES ('loyal', 'max_removed', '2026-12-05', 9)",
    "INSERT INTO notice (receiver, subject, condition, since) VALUES ('on-call', 'loyal', 'failed', '2026-11-24')",
    "INSERT INTO receipt (at, content) VALUES ('2026-11-24', '{}')",
)
"""A row for each table that nothing above writes."""


@pytest.fixture
def filled(open_state, folder) -> Path:
    """A state with memberships, an open delta, a create without an answer and a history; its database."""
    state = open_state()
    with state.lock("headcount apply"):
        for activation in ("loyal", "lapsed", "unanswered"):
            key = intend(state, activation)
            if activation != "unanswered":
                state.created(key, f"90{key}")
                begin_delta(state, key)
                end_delta(state, key)
        begin_delta(state, 1)
        send(state, 1, 0)
        state.mark_in_flight(1, 1)
        for number in range(8):
            at = AT + timedelta(hours=number)
            run = state.begin_run("sync", at)
            outcomes = (Outcome.DONE, Outcome.UNCHANGED, Outcome.SKIPPED, Outcome.FAILED)
            state.record(run, ActivationRun("loyal", "sync", outcomes[number % 4], number, detail="as planned"))
            state.record(run, ActivationRun("lapsed", "sync", outcomes[number % 3], 0, number % 2))
            state.end_run(run, at + timedelta(minutes=1))
    state.close()
    with closing(sqlite3.connect(folder / "state.db")) as connection, connection:
        checksums.register(connection)
        for statement in ROWS:
            connection.execute(statement)
    return folder / "state.db"


def answers(folder: Path, *, locked: bool) -> dict[str, object]:
    """What each command is told, or the error that it ends with."""
    given: dict[str, object] = {}
    for name, ask in COMMANDS.items():
        state = open_folder(folder, clock=lambda: AT)
        try:
            if locked:
                with state.lock("headcount sync"):
                    given[name] = ask(state)
            else:
                given[name] = ask(state)
        except StateError as error:
            given[name] = error
        finally:
            state.close()
    return given


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("locked", [False, True])
def test_whoever_reads_gets_the_answer_of_the_undamaged_state_or_the_error(filled, folder, locked):
    content, chance = filled.read_bytes(), random.Random(SEED + locked)
    right = answers(folder, locked=locked)
    assert not any(isinstance(answer, StateError) for answer in right.values())
    told = 0
    for bit in chance.sample(range(8 * len(content)), FLIPS):
        filled.write_bytes(flipped(content, bit))
        for name, answer in answers(folder, locked=locked).items():
            if isinstance(answer, StateError):
                told += 1
                assert str(filled) in answer.message, f"bit {bit}: {answer.message}"
            else:
                assert answer == right[name], f"with bit {bit} flipped, {name} says something else"
        for leftover in folder.glob("state.db*"):
            leftover.unlink()
    assert told > FLIPS / 10


@pytest.mark.parametrize(
    ("value", "command"),
    [
        (b"12345", "audiences"),
        (b"lapsed", "audiences"),
        (b"fingerprint", "audiences"),
        (b'{"email": 3}', "audiences"),
        (b"in flight", "held"),
        (b"as planned", "runs"),
        (b"unchanged", "runs of one"),
        (b"2026-11-24T06:30:15", "audiences"),
        (b"members/lapsed", "held"),
    ],
)
def test_no_bit_of_a_value_can_change_unnoticed(filled, folder, value, command):
    """Of the places where the value stands, some may be leftovers of what was written before; the others tell."""
    content = filled.read_bytes()
    right = answers(folder, locked=False)[command]
    told, start = 0, content.find(value)
    while start >= 0:
        for bit in range(8 * start, 8 * start + 8):
            filled.write_bytes(flipped(content, bit))
            answer = answers(folder, locked=False)[command]
            told += isinstance(answer, StateError)
            assert isinstance(answer, StateError) or answer == right
        start = content.find(value, start + 1)
    assert told >= 8


NUMBERED = ("audience", "run", "activation_run")
"""The tables in which the number of a row means something."""


@pytest.mark.parametrize(
    ("table", "change"),
    [
        *((table, "DELETE FROM {} WHERE rowid = 1") for table in (*checksums.TABLES, "activation_run")),
        *((table, "UPDATE {} SET rowid = 1000 WHERE rowid = 1") for table in NUMBERED),
    ],
)
def test_a_row_that_is_lost_or_moved_is_noticed(filled, folder, table, change):
    with closing(sqlite3.connect(filled)) as connection, connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(change.format(table))
        checksums.seal_schema(connection)
    given = answers(folder, locked=False)
    assert isinstance(given["runs"], StateError)
    assert table == "activation_run" or all(isinstance(answer, StateError) for answer in given.values())


def test_every_column_of_every_table_has_a_part_in_a_checksum(filled):
    with closing(sqlite3.connect(filled)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        triggers = "".join(sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'"))
        assert tables - {"sqlite_sequence", "checksum"} == {*checksums.TABLES, "activation_run", "day"}
        for table in tables - {"sqlite_sequence", "checksum"}:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            assert ", ".join(f"NEW.{column}" for column in columns) in " ".join(triggers.split())


def test_a_run_that_commits_while_a_reader_compares_is_no_damage(filled, folder, monkeypatch):
    state, compared = open_folder(folder, clock=lambda: AT), []
    with state.lock("headcount apply"):
        table = checksums._table

        def slow(connection: sqlite3.Connection, name: str) -> bytes:
            if not compared:
                intend(state, "meanwhile")
            compared.append(name)
            return table(connection, name)

        reader = open_folder(folder)
        monkeypatch.setattr(checksums, "_table", slow)
        assert "meanwhile" in {audience.activation for audience in reader.audiences()}
        assert compared
        reader.close()
    state.close()


def test_a_text_that_cannot_be_read_is_told_as_damage(filled, folder):
    content = filled.read_bytes()
    filled.write_bytes(content.replace(b"criteo-fr", b"criteo\xff\xff\xff"))
    for answer in answers(folder, locked=False).values():
        assert isinstance(answer, StateError)
        assert "is damaged" in answer.message
        assert "backup" in answer.hint


def test_a_definition_of_a_table_that_was_changed_is_noticed(filled, folder):
    filled.write_bytes(filled.read_bytes().replace(b"DEFAULT 'unsent'", b"DEFAULT 'unsend'"))
    with pytest.raises(StateError, match="checksum of its schema"):
        open_folder(folder).audiences()


def test_a_message_of_sqlite_that_cannot_be_read_is_told_as_damage(filled, folder):
    """It quotes the definition of a table that it cannot understand."""
    filled.write_bytes(filled.read_bytes().replace(b"CREATE TABLE serial", b"CREATE TABLE ser\xc5al"))
    with pytest.raises(StateError, match="is damaged"):
        open_folder(folder).audiences()
