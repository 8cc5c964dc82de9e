"""Which past runs are kept, and forgetting the others.

Kept whatever becomes of the rest: of each activation the outcomes of its last run, of the last that sent members and of
the last good one, a good one from before what is forgotten (the destination's count is compared with the sizes since
then), and the run that last found it unchanged.

What an auditor may ask of a member is kept for good (docs/adr/0041): of each run that changed members, when it was and
by which command, and who ran it where it followed a plan; each definition that was applied to an audience or a
suppression that is still there, with its run; and the runs of receipts. Receipts are in a table of their own, which
nothing here touches.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from sqlite3 import Connection

from runner.state.db import codec
from runner.state.db.tables import unchanged

KEPT_FOR = timedelta(days=90)
"""How long past runs are kept where the files say nothing: a quarter, so that this month can be compared with the last.
"""

KEPT_RUNS = 1_000
"""How many runs are kept at most where the files say nothing: ten days of a run each quarter of an hour."""

KEPT_OUTCOMES = 50_000
"""How many outcomes of activations are kept at most where the files say nothing, about 8 MB: 25 runs in which 2,000
activations changed."""

RECENT = timedelta(hours=25)
"""Runs as young as this are kept whatever their number: the destination's counts are compared with sizes of a day."""

ALWAYS = 20
"""So many runs are kept whatever their age: as many as `headcount history` shows."""

_FROM = "history_from"
"""Under this name the state remembers from which run on all of them are kept."""

_CHANGED = json.dumps({"changed": True})
"""All that the options of a run say that changed members and is not kept whole."""


def first_kept(db: Connection, now: datetime, kept_for: timedelta | None = None) -> int | None:
    """The first run to be kept from now on; None where nothing can be forgotten.

    Where the files say for how long, each run of that time is kept, however many there are.
    """
    if kept_for is not None:
        first = _since(db, now - kept_for)
    else:
        first = max(_since(db, now - KEPT_FOR), _newest_runs(db, KEPT_RUNS), _newest_outcomes(db))
    first = min(first, _since(db, now - RECENT), _newest_runs(db, ALWAYS))
    forgettable = db.execute("SELECT 1 FROM run WHERE id >= ? AND id < ?", (whole_from(db), first)).fetchone()
    return None if forgettable is None else first


def whole_from(db: Connection) -> int:
    """The first of the runs of which everything is kept."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (_FROM,)).fetchone()
    return int(row[0]) if row is not None else 0


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
    whole = {run for (run,) in db.execute(_WHOLE)} | {look.run for look in unchanged.newest(db)}
    whole.update(kept.values())
    db.execute(_MARK_CHANGED, (first,))
    before = db.execute("SELECT id, options FROM run WHERE id < ?", (first,)).fetchall()
    others = [
        (run, bool(options and json.loads(options).get("changed"))) for run, options in before if run not in whole
    ]
    db.executemany("DELETE FROM run WHERE id = ?", [(run,) for run, changed in others if not changed])
    db.execute(
        "DELETE FROM activation_run WHERE run < ? AND id NOT IN (SELECT value FROM json_each(?))",
        (first, json.dumps(list(kept))),
    )
    db.executemany(_THIN, [(_CHANGED, run) for run, changed in others if changed])
    db.execute(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (_FROM, str(first)),
    )


_WHOLE = "SELECT run FROM latest UNION SELECT run FROM receipt WHERE run IS NOT NULL"
"""Runs of which the run's own row is kept as it is."""

_MARK_CHANGED = """
    UPDATE run SET options = json_set(coalesce(options, '{}'), '$.changed', json('true'))
    WHERE id < ? AND coalesce(json_extract(options, '$.changed'), 0) = 0
        AND EXISTS (SELECT 1 FROM activation_run WHERE run = run.id AND added + removed > 0)
"""
"""A run that changed members says so itself, since its outcomes are not there for good."""

_THIN = """
    UPDATE run SET options = ?1, unchanged = NULL, user = iif(plan_id <> '', user, NULL),
        host = iif(plan_id <> '', host, NULL), ci_job = iif(plan_id <> '', ci_job, NULL),
        ci_url = iif(plan_id <> '', ci_url, NULL), commit_id = iif(plan_id <> '', commit_id, NULL),
        dirty = iif(plan_id <> '', dirty, NULL)
    WHERE id = ?2 AND (options IS NOT ?1 OR unchanged IS NOT NULL)
"""
"""What is left of a run that changed members; of one that followed a plan, who ran it and from which commit as well."""

_KEPT = """
    SELECT max(id), run FROM activation_run
    WHERE run < :first AND outcome IN ('done', 'unchanged') AND action NOT IN ('delete', 'import') GROUP BY activation
    UNION
    SELECT activation_run.id, activation_run.run FROM latest JOIN activation_run USING (run, activation)
    WHERE activation_run.run < :first
    UNION
    SELECT id, run FROM activation_run
    WHERE run < :first AND definition IS NOT NULL AND activation IN (
        SELECT activation FROM audience UNION ALL SELECT 'suppression ' || name FROM suppression
    )
    UNION
    SELECT id, run FROM activation_run WHERE run < :first AND run IN (SELECT run FROM receipt)
"""
"""The outcomes that are kept of runs before the first that is kept whole. With an aggregate of `max`, SQLite takes the
other columns from the row that has it."""
