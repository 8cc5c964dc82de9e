"""Since when activations have been going wrong, and when it was over, from all runs that are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import Connection

from runner.core.records import IMPORT, SUPPRESS, SUPPRESSION_LINE, Action, Outcome, Setback
from runner.state.db import codec, key_ranges

_WRONG = json.dumps([outcome for outcome in Outcome if outcome.is_wrong])
_SHAKY = "SELECT DISTINCT activation FROM activation_run WHERE outcome IN (SELECT value FROM json_each(?))"
_THEIR_AUDIENCES = "SELECT key, activation FROM audience WHERE activation IN (SELECT value FROM json_each(?))"
_THEIR_OUTCOMES = """SELECT run, activation, max(outcome IN (SELECT value FROM json_each(?))) FROM activation_run
    WHERE activation IN (SELECT value FROM json_each(?)) AND action NOT IN (?, ?) AND outcome != ?
        AND NOT (action = ? AND outcome = ?)
    GROUP BY run, activation"""


@dataclass(slots=True)
class _Row:
    """What has been seen so far, going back in time: the good run seen last, and the wrong one seen last."""

    good: datetime | None = None
    wrong: datetime | None = None


def setbacks(db: Connection) -> Mapping[str, Setback]:
    """Of each activation that has gone wrong in a run that is kept, the newest row of such runs."""
    waiting = {name: _Row() for (name,) in db.execute(_SHAKY, (_WRONG,)) if not name.startswith(SUPPRESSION_LINE)}
    ended: dict[str, _Row] = {}
    for name, at, wrong in _outcomes(db, tuple(waiting)):
        row = waiting.get(name)
        if row is None:
            continue
        if wrong:
            row.wrong = at
        elif row.wrong is None:
            row.good = at
        else:
            ended[name] = waiting.pop(name)
        if not waiting:
            break
    return {name: Setback(row.wrong, row.good) for name, row in (ended | waiting).items() if row.wrong is not None}


def _outcomes(db: Connection, names: tuple[str, ...]) -> Iterator[tuple[str, datetime, bool]]:
    """How these activations fared, the newest run first: when it began, and whether it went wrong.

    Deletions of audiences are no runs of an activation, and neither is that people left whom a suppression names.
    """
    if not names:
        return
    listed = json.dumps(names)
    keys = dict(db.execute(_THEIR_AUDIENCES, (listed,)).fetchall())
    told: dict[int, list[tuple[str, bool]]] = {}
    left_out = (Action.DELETE, IMPORT, Outcome.SKIPPED, SUPPRESS, Outcome.DONE)
    for run, name, wrong in db.execute(_THEIR_OUTCOMES, (_WRONG, listed, *left_out)):
        told.setdefault(run, []).append((name, bool(wrong)))
    for run, started_at, unchanged in db.execute("SELECT id, started_at, unchanged FROM run ORDER BY id DESC"):
        at = codec.to_time(started_at)
        for name, wrong in told.get(run, ()):
            yield name, at, wrong
        if unchanged is not None:
            for key in key_ranges.within(keys, json.loads(unchanged)):
                yield keys[key], at, False
