"""Audiences as rows; every function works within the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from sqlite3 import Connection

from runner.core.identifiers import IdentifierType
from runner.core.records import AppliedAudience, Definition, Unfinished
from runner.state.db import codec

FORGOTTEN = timedelta(days=30)
"""How long a create that was given up is remembered: longer than anything can come of it."""


def every(db: Connection) -> tuple[AppliedAudience, ...]:
    """Every audience, in the order of activation ids, then accounts."""
    return tuple(one for one in _chosen(db, None) if one.given_up_at is None)


def given_up(db: Connection) -> tuple[AppliedAudience, ...]:
    """The creates without an answer that were given up."""
    return tuple(one for one in _chosen(db, None) if one.given_up_at is not None)


def one(db: Connection, key: int) -> AppliedAudience | None:
    """The audience of a key, None when the state does not know it."""
    return next(iter(_chosen(db, key)), None)


def _chosen(db: Connection, key: int | None) -> tuple[AppliedAudience, ...]:
    cursor = db.cursor()
    cursor.row_factory = sqlite3.Row
    rows = cursor.execute(
        """
        SELECT *,
            EXISTS (SELECT 1 FROM file WHERE audience = key AND role = 'outbox') AS unfinished,
            (SELECT count(*) FROM batch WHERE audience = key) AS batches,
            (SELECT count(*) FROM batch WHERE audience = key AND status = 'taken') AS taken,
            (SELECT count(*) FROM batch WHERE audience = key AND status = 'in flight') AS in_flight
        FROM audience WHERE ?1 IS NULL OR key = ?1 ORDER BY activation, kind, account_id, key
        """,
        (key,),
    )
    return tuple(map(_audience, rows))


def _audience(row: sqlite3.Row) -> AppliedAudience:
    return AppliedAudience(
        record_id=row["key"],
        activation=row["activation"],
        destination=row["destination"],
        kind=row["kind"],
        account_id=row["account_id"],
        audience_id=row["audience_id"],
        definition=None if row["definition"] is None else codec.to_definition(row["definition"]),
        intended_at=codec.to_time(row["intended_at"]),
        applied_at=None if row["applied_at"] is None else codec.to_time(row["applied_at"]),
        serial=row["serial"],
        members=codec.to_counts(row["members"]),
        unknown=codec.to_counts(row["unknown"]),
        refill=bool(row["refill"]),
        filling=bool(row["filling"]),
        invalid=row["invalid"],
        given_up_at=None if row["given_up_at"] is None else codec.to_time(row["given_up_at"]),
        doubt_at=None if row["doubt_at"] is None else codec.to_time(row["doubt_at"]),
        unfinished=Unfinished(row["batches"], row["taken"], row["in_flight"]) if row["unfinished"] else None,
    )


def activation_of(db: Connection, key: int) -> str | None:
    """The activation of an audience, None when the state does not know it."""
    row = db.execute("SELECT activation FROM audience WHERE key = ?", (key,)).fetchone()
    return str(row[0]) if row is not None else None


def insert(
    db: Connection,
    activation: str,
    destination: str,
    kind: str,
    account_id: str,
    at: datetime,
    *,
    definition: Definition | None = None,
    audience_id: str | None = None,
) -> int:
    """A new audience: an intended one, or, with `audience_id`, one taken over whose content is not known."""
    try:
        cursor = db.execute(
            """
            INSERT INTO audience
                (activation, destination, kind, account_id, audience_id, definition, intended_at, refill)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            (
                activation,
                destination,
                kind,
                account_id,
                audience_id,
                None if definition is None else codec.from_definition(definition),
                codec.from_time(at),
                audience_id is not None,
            ),
        )
    except sqlite3.IntegrityError as error:
        raise RuntimeError(f"activation {activation} already has an audience in account {account_id}") from error
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def set_audience_id(db: Connection, key: int, audience_id: str) -> None:
    """What the destination calls the audience; it is reported once."""
    cursor = db.execute(
        "UPDATE audience SET audience_id = ?1 WHERE key = ?2 AND (audience_id IS NULL OR audience_id = ?1)",
        (audience_id, key),
    )
    _require_one(cursor.rowcount, key)


def give_up(db: Connection, key: int, at: datetime) -> None:
    """Expect the answer of a create no more. Those that were given up so long ago that nothing can come of them go."""
    db.execute("DELETE FROM audience WHERE given_up_at < ?", (codec.from_time(at - FORGOTTEN),))
    cursor = db.execute(
        "UPDATE audience SET given_up_at = ? WHERE key = ? AND audience_id IS NULL AND given_up_at IS NULL",
        (codec.from_time(at), key),
    )
    _require_one(cursor.rowcount, key)


def set_definition(db: Connection, key: int, definition: Definition, destination: str, at: datetime) -> None:
    """Record what was applied, and when."""
    cursor = db.execute(
        "UPDATE audience SET definition = ?, destination = ?, applied_at = ? WHERE key = ?",
        (codec.from_definition(definition), destination, codec.from_time(at), key),
    )
    _require_one(cursor.rowcount, key)


def set_refill(db: Connection, key: int) -> None:
    """Require that the next run clears the audience and fills it again."""
    _require_one(db.execute("UPDATE audience SET refill = 1 WHERE key = ?", (key,)).rowcount, key)


def set_membership(
    db: Connection,
    key: int,
    serial: int,
    members: Mapping[IdentifierType, int],
    unknown: Mapping[IdentifierType, int],
    *,
    whole: bool,
) -> None:
    """The membership from now on; `whole` when it is all that the delta was meant to make of it."""
    cursor = db.execute(
        "UPDATE audience SET serial = ?, members = ?, unknown = ?, filling = filling AND NOT ? WHERE key = ?",
        (serial, codec.from_counts(members), codec.from_counts(unknown), whole, key),
    )
    _require_one(cursor.rowcount, key)


def set_serial(db: Connection, key: int, serial: int) -> None:
    """The membership is in another file from now on, and the same."""
    _require_one(db.execute("UPDATE audience SET serial = ? WHERE key = ?", (serial, key)).rowcount, key)


def set_clearing(db: Connection, key: int, at: str, *, lost: bool) -> None:
    """A clear is about to leave; `lost` when one that left before, if one did, may come after what is sent now."""
    cursor = db.execute(
        """
        UPDATE audience
        SET clearing_at = ?1, doubt_at = CASE WHEN ?2 THEN coalesce(clearing_at, doubt_at) ELSE doubt_at END
        WHERE key = ?3
        """,
        (at, lost, key),
    )
    _require_one(cursor.rowcount, key)


def set_empty(db: Connection, key: int, serial: int) -> None:
    """The audience holds nothing, and that is certain."""
    set_membership(db, key, serial, {}, {}, whole=False)
    db.execute("UPDATE audience SET refill = 0, filling = 1, invalid = 0, clearing_at = NULL WHERE key = ?", (key,))


def delete(db: Connection, key: int) -> None:
    """Delete the record."""
    _require_one(db.execute("DELETE FROM audience WHERE key = ?", (key,)).rowcount, key)


def must_refill(db: Connection, key: int) -> bool:
    """Whether the content is not known and must be cleared and refilled."""
    return db.execute("SELECT 1 FROM audience WHERE key = ? AND refill = 1", (key,)).fetchone() is not None


def _require_one(changed: int, key: int) -> None:
    if changed != 1:
        raise RuntimeError(f"the state has no audience {key} to which this could happen")
