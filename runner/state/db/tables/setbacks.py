"""Since when activations have been going wrong, and when it was over, from all runs that are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from sqlite3 import Connection

from runner.core.records import FORGET, IMPORT, SUPPRESS, SUPPRESSION_LINE, Action, Outcome, Setback
from runner.quick_dataclass import dataclass
from runner.state.db import codec, key_ranges

_BAD = (Outcome.BLOCKED, Outcome.INTERRUPTED, Outcome.FAILED)
"""The outcomes that are wrong: of several of one activation in one run, the last of these is how it ended."""

_WRONG = json.dumps(_BAD)
_SHAKY = "SELECT DISTINCT activation FROM activation_run WHERE outcome IN (SELECT value FROM json_each(?))"
_THEIR_AUDIENCES = "SELECT key, activation FROM audience WHERE activation IN (SELECT value FROM json_each(?))"
_THEIR_OUTCOMES = """SELECT run, activation, max(CASE outcome WHEN ? THEN 0 WHEN ? THEN 1 WHEN ? THEN 2 ELSE -1 END)
    FROM activation_run
    WHERE activation IN (SELECT value FROM json_each(?)) AND action NOT IN (?, ?) AND outcome != ?
        AND NOT (action IN (?, ?) AND outcome = ?)
    GROUP BY run, activation"""


@dataclass(slots=True)
class _Row:
    """What has been seen so far, going back in time: the good run seen last; of the wrong ones how the first that was
    seen ended, when the last began that ended alike without a break, and the last one.
    """

    good: datetime | None = None
    newest: Outcome | None = None
    alike_since: datetime | None = None
    is_alike: bool = True
    wrong: tuple[datetime, Outcome] | None = None

    def went_wrong(self, at: datetime, outcome: Outcome) -> None:
        self.newest = self.newest or outcome
        self.is_alike = self.is_alike and outcome is self.newest
        if self.is_alike:
            self.alike_since = at
        self.wrong = at, outcome

    def setback(self) -> Setback | None:
        if self.wrong is None or self.alike_since is None:
            return None
        return Setback(*self.wrong, self.alike_since, self.good)


def setbacks(db: Connection) -> Mapping[str, Setback]:
    """Of each activation that has gone wrong in a run that is kept, the newest row of such runs."""
    waiting = {name: _Row() for (name,) in db.execute(_SHAKY, (_WRONG,)) if not name.startswith(SUPPRESSION_LINE)}
    ended: dict[str, _Row] = {}
    for name, at, wrong in _outcomes(db, tuple(waiting)):
        row = waiting.get(name)
        if row is None:
            continue
        if wrong is not None:
            row.went_wrong(at, wrong)
        elif row.wrong is None:
            row.good = at
        else:
            ended[name] = waiting.pop(name)
        if not waiting:
            break
    found = ((name, row.setback()) for name, row in (ended | waiting).items())
    return {name: setback for name, setback in found if setback is not None}


def _outcomes(db: Connection, names: tuple[str, ...]) -> Iterator[tuple[str, datetime, Outcome | None]]:
    """How these activations fared, the newest run first: when it began, and how it went wrong, None where it did not.

    Deletions of audiences are no runs of an activation, and neither is that people left whom a suppression names or who
    were erased.
    """
    if not names:
        return
    listed = json.dumps(names)
    keys = dict(db.execute(_THEIR_AUDIENCES, (listed,)).fetchall())
    told: dict[int, list[tuple[str, Outcome | None]]] = {}
    left_out = (Action.DELETE, IMPORT, Outcome.SKIPPED, SUPPRESS, FORGET, Outcome.DONE)
    for run, name, wrong in db.execute(_THEIR_OUTCOMES, (*_BAD, listed, *left_out)):
        told.setdefault(run, []).append((name, _BAD[wrong] if wrong >= 0 else None))
    for run, started_at, unchanged in db.execute("SELECT id, started_at, unchanged FROM run ORDER BY id DESC"):
        at = codec.to_time(started_at)
        for name, wrong in told.get(run, ()):
            yield name, at, wrong
        if unchanged is not None:
            for key in key_ranges.within(keys, json.loads(unchanged)):
                yield keys[key], at, None
