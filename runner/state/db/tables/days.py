"""The past by day: what runs that are forgotten came to, and how segments and audiences stood; within a transaction.

A row is written for a day on which something was new. Its `counts` is JSON: under `way` the way down as a list, under
`counted` what the destination counted; `members` is -1 where it is not known.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from sqlite3 import Connection
from typing import Any

from runner.core.day import Counted, Note, PastDay, WayDown
from runner.core.identifiers import IdentifierType
from runner.core.membership import Rejected
from runner.core.records import Outcome
from runner.quick_dataclass import dataclass, field, replace
from runner.state.db import checksums, codec

KEPT_FOR = timedelta(days=3 * 366)
"""How long days are kept: this year can be compared with the last, and with the one before."""

_FROM = "days_until"
"""Under this name the state remembers up to which run, itself left out, runs are in the sums of days."""

_NOT_KNOWN = -1


def note_data(note: Note) -> dict[str, Any]:
    """A note in JSON's types, without what it does not say."""
    data: dict[str, Any] = {"members": note.members}
    if note.way is not None:
        data["way"] = _way_data(note.way)
    if note.counted is not None:
        counted = note.counted
        data["counted"] = [codec.from_time(counted.at), counted.identifiers, counted.matches]
    return data


def news(now: Note, before: Note) -> Note | None:
    """What of a note was not written down before; None where nothing is new."""
    way = None if now.way == before.way else now.way
    counted = None if now.counted == before.counted else now.counted
    if way is None and counted is None and now.members == before.members:
        return None
    return replace(now, way=way, counted=counted)


def note(db: Connection, day: str, notes: Mapping[str, Mapping[str, Any]]) -> None:
    """Write down what is new of some activations on a day; what was said of them on it before stays, or is replaced."""
    for activation, known in notes.items():
        said = {name: value for name, value in known.items() if name != "members"}
        row = db.execute("SELECT counts FROM day WHERE activation = ? AND day = ?", (activation, day)).fetchone()
        before = json.loads(row[0]) if row is not None and row[0] else {}
        _put(db, activation, day, known["members"], {**before, **said})


def _put(db: Connection, activation: str, day: str, members: int, counts: Mapping[str, Any]) -> None:
    db.execute(
        """
        INSERT INTO day (activation, day, runs, outcomes, added, removed, rejected, invalid, suppressed, held_out,
            members, seconds, counts)
        VALUES (?, ?, 0, '{}', 0, 0, 0, 0, 0, 0, ?, 0, ?)
        ON CONFLICT (activation, day) DO UPDATE SET members = excluded.members, counts = excluded.counts
        """,
        (activation, day, members, _json(counts) if counts else None),
    )


@dataclass(slots=True)
class _Sums:
    """What runs of one activation on one day came to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    sums: list[int] = field(default_factory=lambda: [0, 0, 0, 0, 0])
    seconds: float = 0.0
    members: int = _NOT_KNOWN


def add_up(db: Connection, first: int) -> None:
    """Add to the days what runs before `first` came to, those that are not in them yet; and forget very old days."""
    done = added_up_to(db)
    sums: dict[tuple[str, str], _Sums] = {}
    rows = db.execute(
        """
        SELECT activation, substr(started_at, 1, 10), outcome, members, seconds, added, removed, rejected, invalid,
            coalesce(held_out, 0)
        FROM activation_run JOIN run ON run.id = activation_run.run
        WHERE run >= ? AND run < ? ORDER BY activation_run.id
        """,
        (done, first),
    )
    for activation, day, outcome, members, seconds, *counts in rows:
        one = sums.setdefault((activation, day), _Sums())
        one.outcomes[outcome] += 1
        one.sums = [total + count for total, count in zip(one.sums, counts, strict=True)]
        one.seconds += seconds
        if outcome == Outcome.DONE:
            one.members = members
    for (activation, day), one in sums.items():
        _add(db, activation, day, one)
    db.execute(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (_FROM, str(max(first, done))),
    )
    newest = max((day for _, day in sums), default=None)
    if newest is not None:
        oldest = date.fromisoformat(newest) - KEPT_FOR
        db.execute("DELETE FROM day WHERE day < ?", (oldest.isoformat(),))


def _add(db: Connection, activation: str, day: str, one: _Sums) -> None:
    row = db.execute("SELECT outcomes FROM day WHERE activation = ? AND day = ?", (activation, day)).fetchone()
    outcomes = one.outcomes + Counter(json.loads(row[0]) if row is not None else {})
    added, removed, rejected, invalid, held_out = one.sums
    db.execute(
        """
        INSERT INTO day (activation, day, runs, outcomes, added, removed, rejected, invalid, suppressed, held_out,
            members, seconds)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)
        ON CONFLICT (activation, day) DO UPDATE SET
            runs = runs + excluded.runs, outcomes = excluded.outcomes, added = added + excluded.added,
            removed = removed + excluded.removed, rejected = rejected + excluded.rejected,
            invalid = invalid + excluded.invalid, held_out = held_out + excluded.held_out,
            members = CASE WHEN members = -1 THEN excluded.members ELSE members END,
            seconds = round(seconds + excluded.seconds, 3)
        """,
        (
            *(activation, day, one.outcomes.total(), _json(outcomes), added, removed, rejected, invalid, held_out),
            *(one.members, round(one.seconds, 3)),
        ),
    )


def added_up_to(db: Connection) -> int:
    """The first run that is in no sum of a day."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (_FROM,)).fetchone()
    return int(row[0]) if row is not None else 0


def every(db: Connection) -> Iterator[PastDay]:
    """Every day of every activation, those of one activation in their order. Raises Mismatch for damage."""
    checksums.compare_table(db, "day")
    rows = db.execute(
        "SELECT activation, day, runs, added, removed, rejected, invalid, members, counts FROM day "
        "ORDER BY activation, day"
    )
    for activation, day, runs, added, removed, rejected, invalid, members, counts in rows:
        said = json.loads(counts) if counts else {}
        known = None if members == _NOT_KNOWN else members
        way, counted = _way(said.get("way")), _counted(said.get("counted"))
        sums = (runs, added, removed, rejected, invalid)
        yield PastDay(activation, date.fromisoformat(day), *sums, known, way, counted)


def newest_notes(db: Connection, activations: Iterable[str]) -> Mapping[str, Note]:
    """The last way down and the last count of each of some activations; the members are those of its newest day."""
    found: dict[str, Note] = {}
    for activation in activations:
        way = counted = None
        members = _NOT_KNOWN
        rows = db.execute("SELECT members, counts FROM day WHERE activation = ? ORDER BY day DESC", (activation,))
        while (row := rows.fetchone()) is not None and (way is None or counted is None):
            members = row[0] if members == _NOT_KNOWN else members
            said = json.loads(row[1]) if row[1] else {}
            way = way or _way(said.get("way"))
            counted = counted or _counted(said.get("counted"))
        found[activation] = Note(members, way, counted)
    return found


def _way_data(way: WayDown) -> list[Any]:
    rejected = [[str(one.identifier_type), one.reason, one.count] for one in way.rejected]
    counts = [way.rows, way.held_out, way.without_key, way.suppressed, way.people]
    return [*counts, dict(way.identifiers), rejected]


def _way(data: list[Any] | None) -> WayDown | None:
    if data is None:
        return None
    rows, held_out, without_key, suppressed, people, identifiers, rejected = data
    parts = tuple(Rejected(IdentifierType(kind), reason, count) for kind, reason, count in rejected)
    return WayDown(rows, held_out, without_key, suppressed, people, identifiers, parts)


def _counted(data: list[Any] | None) -> Counted | None:
    if data is None:
        return None
    at, identifiers, matches = data
    return Counted(datetime.fromisoformat(at), identifiers, matches)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
