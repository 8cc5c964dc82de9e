"""Past runs as rows; every function works within the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from datetime import datetime
from sqlite3 import Connection

from runner.applied import ActivationRun, Outcome, Run
from runner.state import values

KEPT = 1_000
"""How many runs are remembered. Older ones go, but for the last good one of each activation: its schedule needs it."""


def begin(db: Connection, command: str, at: datetime) -> int:
    """A new run; the oldest one is forgotten when there are enough."""
    cursor = db.execute("INSERT INTO run (command, started_at) VALUES (?, ?)", (command, values.from_time(at)))
    db.execute(
        """
        DELETE FROM run
        WHERE id NOT IN (SELECT id FROM run ORDER BY id DESC LIMIT ?)
            AND id NOT IN (
                SELECT max(run) FROM activation_run
                WHERE outcome IN (?, ?) AND action <> 'delete' GROUP BY activation
            )
        """,
        (KEPT, Outcome.DONE, Outcome.UNCHANGED),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def record(db: Connection, run: int, activation: ActivationRun) -> None:
    """How one activation fared. An activation and its orphan are two of the same id."""
    _require(db, run)
    db.execute(
        """
        INSERT INTO activation_run
            (run, activation, action, outcome, added, removed, rejected, invalid, members, seconds, detail)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (run, *astuple(activation)),
    )


def end(db: Connection, run: int, at: datetime) -> None:
    _require(db, run)
    db.execute("UPDATE run SET finished_at = ? WHERE id = ?", (values.from_time(at), run))


def runs(db: Connection, activation: str | None, limit: int) -> tuple[Run, ...]:
    """The newest runs, those of one activation where it is given, with their outcomes in the order of recording."""
    chosen = db.execute(
        """
        SELECT id, command, started_at, finished_at FROM run
        WHERE ?1 IS NULL OR EXISTS (SELECT 1 FROM activation_run WHERE run = run.id AND activation = ?1)
        ORDER BY id DESC LIMIT ?2
        """,
        (activation, limit),
    ).fetchall()
    return tuple(
        Run(
            id=run,
            command=command,
            started_at=values.to_time(started_at),
            finished_at=None if finished_at is None else values.to_time(finished_at),
            activations=_outcomes(db, run, activation),
        )
        for run, command, started_at, finished_at in chosen
    )


def last_good(db: Connection) -> Mapping[str, datetime]:
    """When the newest run that went well began, by activation."""
    rows = db.execute(
        """
        SELECT newest.activation, started_at FROM run JOIN (
            SELECT activation, max(run) AS id FROM activation_run
            WHERE outcome IN (?, ?) AND action <> 'delete' GROUP BY activation
        ) AS newest USING (id)
        """,
        (Outcome.DONE, Outcome.UNCHANGED),
    )
    return {activation: values.to_time(started_at) for activation, started_at in rows}


def _outcomes(db: Connection, run: int, activation: str | None) -> tuple[ActivationRun, ...]:
    rows = db.execute(
        """
        SELECT activation, action, outcome, added, removed, rejected, invalid, members, seconds, detail
        FROM activation_run WHERE run = ?1 AND (?2 IS NULL OR activation = ?2) ORDER BY id
        """,
        (run, activation),
    )
    return tuple(ActivationRun(name, action, Outcome(outcome), *rest) for name, action, outcome, *rest in rows)


def _require(db: Connection, run: int) -> None:
    if db.execute("SELECT 1 FROM run WHERE id = ?", (run,)).fetchone() is None:
        raise RuntimeError(f"the state has no run {run}")
