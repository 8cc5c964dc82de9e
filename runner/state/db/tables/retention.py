"""Which past runs are kept, and forgetting the others.

Kept whatever becomes of the rest: of each activation the outcomes of its last run, of the last that sent members and of
the last good one, a good one from before what is forgotten (the destination's count is compared with the sizes since
then), and the run that last found it unchanged. Receipts are in a table of their own, which nothing here touches.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from sqlite3 import Connection

from runner.state.db import codec
from runner.state.db.tables import unchanged

KEPT_FOR = timedelta(days=90)
"""How long past runs are kept: a quarter, so that this month can be compared with the last."""

KEPT_RUNS = 1_000
"""How many runs are kept at most: ten days of a run each quarter of an hour."""

KEPT_OUTCOMES = 50_000
"""How many outcomes of activations are kept at most, about 8 MB: 25 runs in which 2,000 activations changed."""

RECENT = timedelta(hours=25)
"""Runs as young as this are kept whatever their number: the destination's counts are compared with sizes of a day."""

ALWAYS = 20
"""So many runs are kept whatever their age: as many as `headcount history` shows."""

_FROM = "history_from"
"""Under this name the state remembers from which run on all of them are kept."""


def first_kept(db: Connection, now: datetime) -> int | None:
    """The first run to be kept from now on; None where nothing can be forgotten."""
    first = max(_since(db, now - KEPT_FOR), _newest_runs(db, KEPT_RUNS), _newest_outcomes(db))
    first = min(first, _since(db, now - RECENT), _newest_runs(db, ALWAYS))
    row = db.execute("SELECT value FROM meta WHERE name = ?", (_FROM,)).fetchone()
    done = int(row[0]) if row is not None else 0
    forgettable = db.execute("SELECT 1 FROM run WHERE id >= ? AND id < ?", (done, first)).fetchone()
    return None if forgettable is None else first


def _since(db: Connection, moment: datetime) -> int:
    """The first run that began then or later; the one to come where there is none."""
    (first,) = db.execute("SELECT min(id) FROM run WHERE started_at >= ?", (codec.from_time(moment),)).fetchone()
    return int(first) if first is not None else _next(db)


def _newest_runs(db: Connection, count: int) -> int:
    row = db.execute("SELECT id FROM run ORDER BY id DESC LIMIT 1 OFFSET ?", (count - 1,)).fetchone()
    return int(row[0]) if row is not None else 0


def _newest_outcomes(db: Connection) -> int:
    row = db.execute("SELECT run FROM activation_run ORDER BY run DESC LIMIT 1 OFFSET ?", (KEPT_OUTCOMES,)).fetchone()
    return int(row[0]) + 1 if row is not None else 0


def _next(db: Connection) -> int:
    (last,) = db.execute("SELECT max(id) FROM run").fetchone()
    return int(last or 0) + 1


def forget(db: Connection, first: int) -> None:
    """Forget what is not to be kept of the runs before `first`."""
    kept = dict(db.execute(_KEPT, {"first": first}).fetchall())
    whole = {run for (run,) in db.execute("SELECT run FROM latest")} | {look.run for look in unchanged.newest(db)}
    whole.update(kept.values())
    before = [run for (run,) in db.execute("SELECT id FROM run WHERE id < ?", (first,)) if run not in whole]
    db.executemany("DELETE FROM run WHERE id = ?", [(run,) for run in before])
    db.execute(
        "DELETE FROM activation_run WHERE run < ? AND id NOT IN (SELECT value FROM json_each(?))",
        (first, json.dumps(list(kept))),
    )
    db.execute(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (_FROM, str(first)),
    )


_KEPT = """
    SELECT max(id), run FROM activation_run
    WHERE run < :first AND outcome IN ('done', 'unchanged') AND action <> 'delete' GROUP BY activation
    UNION
    SELECT activation_run.id, activation_run.run FROM latest JOIN activation_run USING (run, activation)
    WHERE activation_run.run < :first
"""
"""The outcomes that are kept of runs before the first that is kept whole. With an aggregate of `max`, SQLite takes the
other columns from the row that has it."""
