"""Past runs as rows; every function works within the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import astuple
from datetime import date, datetime
from sqlite3 import Connection
from typing import Any

from runner.core.records import (
    FORGET,
    IMPORT,
    SUPPRESS,
    SUPPRESSION_LINE,
    Action,
    ActivationRun,
    LastRun,
    Latest,
    Outcome,
    Run,
    RunCost,
    RunOrigin,
)
from runner.state.db import checksums, codec
from runner.state.db.tables import retention, unchanged


def begin(
    db: Connection,
    command: str,
    at: datetime,
    origin: RunOrigin,
    plan_id: str,
    cost: RunCost | None = None,
    today: str | None = None,
) -> int:
    """A new run."""
    said: dict[str, Any] = {"cost": codec.cost_data(cost)} if cost is not None else {}
    said |= {"today": today} if today is not None else {}
    options = json.dumps(said, sort_keys=True) if said else None
    cursor = db.execute(
        """
        INSERT INTO run (command, started_at, plan_id, options, user, host, ci_job, ci_url, commit_id, dirty)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (command, codec.from_time(at), plan_id, options, *astuple(origin)),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def next_id(db: Connection) -> int:
    """The id that the next run gets; ids of runs that were forgotten are never given again."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'run'").fetchone()
    return int(row[0]) + 1 if row is not None else 1


def record(db: Connection, run: int, activation: ActivationRun, definition_of: int | str | None = None) -> None:
    """How one activation fared. An activation and its orphan are two of the same id.

    Where the run applied a definition, `definition_of` is the audience's key or the suppression's name: it is copied.
    """
    _require(db, run)
    db.execute(
        """
        INSERT INTO activation_run
            (run, activation, action, outcome, added, removed, rejected, invalid, members, seconds, detail,
                counts, permission, permission_reason, held_out, suppressed, segment_rows, definition)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (run, *_values(activation), _definition_of(db, definition_of)),
    )
    for what in _news(activation):
        db.execute(
            """
            INSERT INTO latest (activation, what, run, outcome, detail) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (activation, what) DO UPDATE
            SET run = excluded.run, outcome = excluded.outcome, detail = excluded.detail WHERE excluded.run > run
            """,
            (activation.activation, what, run, activation.outcome, activation.detail),
        )


def _values(one: ActivationRun) -> tuple[object, ...]:
    fared = (one.activation, one.action, one.outcome, one.added, one.removed, one.rejected, one.invalid)
    counts = json.dumps(one.counts, sort_keys=True) if one.counts else None
    allowed = (one.permission or None, one.permission_reason or None)
    rows = (one.held_out or None, one.suppressed or None, one.rows)
    return (*fared, one.members, one.seconds, one.detail, counts, *allowed, *rows)


def _definition_of(db: Connection, what: int | str | None) -> str | None:
    if what is None:
        return None
    table, key = ("audience", "key") if isinstance(what, int) else ("suppression", "name")
    row = db.execute(f"SELECT definition FROM {table} WHERE {key} = ?", (what,)).fetchone()  # noqa: S608 - ours
    return None if row is None else str(row[0])


def _news(one: ActivationRun) -> Iterator[str]:
    """What an outcome is the latest one of. The deletion of an orphan is no run of the activation that has its id, and
    neither is an import. That people left whom a suppression names is none either: its segment may have failed since.
    """
    if one.action in (Action.DELETE, IMPORT):
        return
    if one.outcome is not Outcome.SKIPPED and not one.only_withdrew:
        yield "run"
    if one.outcome in (Outcome.DONE, Outcome.UNCHANGED) and not one.only_withdrew:
        yield "good"
    if one.added + one.removed > 0:
        yield "change"


def end(db: Connection, run: int, at: datetime) -> None:
    """Record when the run ended."""
    _require(db, run)
    db.execute("UPDATE run SET finished_at = ? WHERE id = ?", (codec.from_time(at), run))


def runs(db: Connection, activation: str | None, limit: int) -> tuple[Run, ...]:
    """The newest runs, those of one activation where it is given, with their outcomes in the order of recording."""
    found: list[Run] = []
    keys = None if activation is None else unchanged.keys_of(db, activation)
    whole_from = retention.whole_from(db)
    rows = db.execute(f"{_SELECT} ORDER BY id DESC")
    while len(found) < limit and (row := rows.fetchone()) is not None:
        run = _run(db, row, activation, keys, whole_from)
        if activation is None or run.activations or run.unchanged:
            found.append(run)
    return tuple(found)


def one(db: Connection, number: int, activation: str | None) -> Run | None:
    """One run, with the outcomes of one activation where it is given; None where it is not there."""
    keys = None if activation is None else unchanged.keys_of(db, activation)
    row = db.execute(f"{_SELECT} WHERE id = ?", (number,)).fetchone()
    return None if row is None else _run(db, row, activation, keys, retention.whole_from(db))


_SELECT = """
    SELECT id, command, started_at, finished_at, outcomes, unchanged, options,
        plan_id, user, host, ci_job, ci_url, commit_id, dirty FROM run
"""


def _run(
    db: Connection, row: tuple[Any, ...], activation: str | None, keys: Collection[int] | None, whole_from: int
) -> Run:
    number, command, started_at, finished_at, checksum, ranges, options, plan_id, *who, dirty = row
    user, host, ci_job, ci_url, commit = (part or "" for part in who)
    return Run(
        number,
        command,
        codec.to_time(started_at),
        None if finished_at is None else codec.to_time(finished_at),
        tuple(_outcomes(db, number, activation, checksum)),
        RunOrigin(user, host, ci_job, ci_url, commit, None if dirty is None else bool(dirty)),
        plan_id or "",
        unchanged.count(ranges, keys),
        _cost(options, activation),
        number >= whole_from,
        _today(options),
    )


def _today(options: str | None) -> date | None:
    """The date that templates saw in a run; None where that is not recorded."""
    recorded = json.loads(options).get("today") if options else None
    return None if recorded is None else date.fromisoformat(recorded)


def _cost(options: str | None, activation: str | None) -> RunCost | None:
    """What the segments of a run cost, or one of them; None where that is not recorded."""
    recorded = json.loads(options).get("cost") if options else None
    if recorded is None:
        return None
    cost = codec.cost_of_data(recorded)
    if activation is None:
        return cost
    its = tuple(one for one in cost.costliest if one.activation == activation)
    return RunCost(len(its), sum(one.rows or 0 for one in its), sum(one.seconds for one in its), its) if its else None


def latest(db: Connection) -> Mapping[str, Latest]:
    """The last runs of every activation, whatever became of the others."""
    found: dict[str, dict[str, tuple[int, LastRun]]] = {}
    rows = db.execute(
        "SELECT activation, what, run, started_at, latest.outcome, detail FROM latest JOIN run ON run.id = latest.run"
    )
    for activation, what, run, started_at, outcome, detail in rows:
        last = LastRun(codec.to_time(started_at), Outcome(outcome), detail)
        found.setdefault(activation, {})[what] = (run, last)
    for look in unchanged.newest(db):
        known = found.setdefault(look.activation, {})
        for what in ("run", "good"):
            if what not in known or known[what][0] < look.run:
                known[what] = (look.run, LastRun(look.started_at, Outcome.UNCHANGED, ""))
    return {
        activation: Latest(**{what: last for what, (_, last) in known.items()}) for activation, known in found.items()
    }


def rejected(db: Connection) -> Mapping[str, int]:
    """How many values were rejected when each activation was last measured, and when the history last said something
    of each suppression, by the name of its line; of what is recorded.
    """
    rows = db.execute(
        """
        SELECT activation, rejected FROM activation_run WHERE id IN (
            SELECT max(id) FROM activation_run
            WHERE outcome IN (?, ?) AND (action NOT IN (?, ?, ?, ?) OR activation GLOB ?)
            GROUP BY activation
        )
        """,
        (Outcome.DONE, Outcome.BLOCKED, Action.DELETE, IMPORT, SUPPRESS, FORGET, f"{SUPPRESSION_LINE}*"),
    )
    return dict(rows.fetchall())


def _outcomes(db: Connection, run: int, activation: str | None, checksum: bytes) -> Iterator[ActivationRun]:
    """The outcomes of a run, all of which are read in order to compare them with their checksum. Raises Mismatch."""
    rows = db.execute("SELECT * FROM activation_run WHERE run = ? ORDER BY id", (run,)).fetchall()
    if checksums.of(rows) != checksum:
        raise checksums.Mismatch(f"the checksum of the outcomes of run {run} is wrong")
    for _, _, name, action, outcome, *fared in rows:
        if activation is None or name == activation:
            *sums, counts, suppressed, held_out, permission, reason, segment_rows, definition = fared
            added, removed, rejected, invalid, members, seconds, detail = sums
            yield ActivationRun(
                name,
                action,
                Outcome(outcome),
                *(added, removed, rejected, invalid, members, seconds, detail),
                json.loads(counts) if counts else {},
                permission or "",
                reason or "",
                held_out or 0,
                suppressed or 0,
                segment_rows,
                codec.definition_then(json.loads(definition)) if definition else None,
            )


def _require(db: Connection, run: int) -> None:
    if db.execute("SELECT 1 FROM run WHERE id = ?", (run,)).fetchone() is None:
        raise RuntimeError(f"the state has no run {run}")
