"""The files of an audience and the delta on its way; every function works within the caller's transaction."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from sqlite3 import Connection

from runner.core.fingerprints import FingerprintOrigin
from runner.core.membership import Batch, MembershipFiles, overtaken
from runner.state.db import codec
from runner.state.local.state_folder import StoredFile


def files(db: Connection, key: int) -> dict[str, StoredFile]:
    """The files of an audience by role: outbox, members, and previous, a whole membership that members changes."""
    rows = db.execute("SELECT role, path, size, sha256 FROM file WHERE audience = ?", (key,))
    return {role: StoredFile(path, size, sha256) for role, path, size, sha256 in rows}


def held(db: Connection, key: int, folder: Path) -> tuple[MembershipFiles, tuple[StoredFile, ...]]:
    """What an audience holds, with paths below the state's folder, and the files that must be whole for that."""
    found = files(db, key)
    paths = {role: folder / stored.path for role, stored in found.items()}
    [(members, unknown, doubt)] = db.execute("SELECT members, unknown, doubt_at FROM audience WHERE key = ?", (key,))
    of_those = codec.to_counts(unknown)
    unsure = _overtaken(db, key, doubt)
    made = {paths[role]: origin for role, origin in origins(db, key).items()}
    handles = MembershipFiles(
        members=paths.get("previous") or paths.get("members"),
        outbox=paths.get("outbox"),
        taken=numbers(db, key, "taken") - unsure,
        in_flight=numbers(db, key, "in flight") | unsure,
        changes=paths.get("members") if "previous" in paths else None,
        counts={kind: (count, of_those.get(kind, 0)) for kind, count in codec.to_counts(members).items()},
        fingerprints=made,
    )
    return handles, tuple(found.values())


def every_path(db: Connection) -> frozenset[str]:
    """The paths of all recorded files, those of suppressions too."""
    return frozenset(file.path for file in every_file(db))


def every_file(db: Connection) -> tuple[StoredFile, ...]:
    """All recorded files, in the order of their paths, those of suppressions too.

    A database that is not migrated yet has none of these.
    """
    columns = "SELECT path, size, sha256 FROM"
    has_suppressions = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'suppression_file'").fetchone()
    more = f" UNION ALL {columns} suppression_file" if has_suppressions else ""
    return tuple(StoredFile(*row) for row in db.execute(f"{columns} file{more} ORDER BY path"))


def serials(db: Connection) -> dict[str, int]:
    """The highest serial that was ever used, by folder."""
    return dict(db.execute("SELECT folder, last FROM serial").fetchall())


def origins(db: Connection, key: int) -> dict[str, FingerprintOrigin]:
    """What the fingerprints of an audience's files were made with, by role; none of a file that has none.

    A database that is not migrated yet, in which steps of before are taken again, has no place for it.
    """
    if not db.execute("SELECT 1 FROM pragma_table_info('file') WHERE name = 'fingerprints'").fetchone():
        return {}
    rows = db.execute("SELECT role, fingerprints FROM file WHERE audience = ? AND fingerprints IS NOT NULL", (key,))
    return {role: FingerprintOrigin(**json.loads(text)) for role, text in rows}


def add_file(
    db: Connection, key: int, role: str, file: StoredFile, fingerprints: FingerprintOrigin | None = None
) -> None:
    """Record a file of an audience, and what its fingerprints were made with."""
    db.execute(
        "INSERT INTO file (audience, role, path, size, sha256) VALUES (?, ?, ?, ?, ?)",
        (key, role, file.path, file.size, file.sha256),
    )
    if fingerprints is not None:
        set_origin(db, key, role, fingerprints)


def set_origin(db: Connection, key: int, role: str, fingerprints: FingerprintOrigin) -> None:
    """Record what the fingerprints of one of an audience's files were made with."""
    origin = json.dumps(asdict(fingerprints), sort_keys=True)
    db.execute("UPDATE file SET fingerprints = ? WHERE audience = ? AND role = ?", (origin, key, role))


def drop_fingerprints(db: Connection, key: int) -> None:
    """Fingerprints of the audience's files are not to be used any more."""
    db.execute("UPDATE file SET fingerprints = NULL WHERE audience = ?", (key,))


def retire_files(db: Connection, key: int) -> tuple[str, ...]:
    """Make room for a new membership; the paths that no record points to once this is committed."""
    gone = tuple(path for (path,) in db.execute("SELECT path FROM file WHERE audience = ?", (key,)))
    db.execute("DELETE FROM file WHERE audience = ?", (key,))
    return gone


def last_serial(db: Connection, folder: str) -> int:
    """The highest serial that was ever used in a folder, whatever became of its file."""
    row = db.execute("SELECT last FROM serial WHERE folder = ?", (folder,)).fetchone()
    return int(row[0]) if row is not None else 0


def use_serial(db: Connection, folder: str, serial: int) -> None:
    """Record that the serial was used in the folder."""
    db.execute(
        """
        INSERT INTO serial (folder, last) VALUES (?, ?)
        ON CONFLICT (folder) DO UPDATE SET last = max(last, excluded.last)
        """,
        (folder, serial),
    )


def insert_batches(db: Connection, key: int, batches: tuple[Batch, ...]) -> None:
    """Record the batches of a delta that is being opened."""
    db.executemany(
        "INSERT INTO batch (audience, number, operation, identifier_type, identifiers) VALUES (?, ?, ?, ?, ?)",
        [(key, batch.number, batch.operation, batch.identifier_type, batch.identifiers) for batch in batches],
    )


def set_in_flight(db: Connection, key: int, number: int) -> None:
    """From now on the destination may have the batch; sending it again does not change that."""
    cursor = db.execute(
        "UPDATE batch SET status = 'in flight' WHERE audience = ? AND number = ? AND status <> 'taken'", (key, number)
    )
    if cursor.rowcount != 1:
        raise RuntimeError(f"batch {number} of audience {key} is not there to be sent")


def set_sent(db: Connection, key: int, number: int, at: str, *, lost: bool) -> None:
    """The same, with when it leaves; `lost` when it left before, and no answer came to that."""
    set_in_flight(db, key, number)
    db.execute(
        """
        UPDATE batch SET lost_at = CASE WHEN ?3 THEN coalesce(sent_at, ?4) ELSE lost_at END, sent_at = ?4
        WHERE audience = ?1 AND number = ?2
        """,
        (key, number, lost, at),
    )


def set_refused(db: Connection, key: int, number: int) -> None:
    """The destination refused the batch as it was sent last: none of it is there, unless an attempt was lost."""
    db.execute(
        """
        UPDATE batch SET status = 'unsent'
        WHERE audience = ? AND number = ? AND status = 'in flight' AND lost_at IS NULL
        """,
        (key, number),
    )


def pass_on_doubt(db: Connection, key: int) -> None:
    """At the end of a delta, remember when the last call of it left whose answer never came."""
    db.execute(
        """
        UPDATE audience SET doubt_at = (
            SELECT max(at) FROM (
                SELECT doubt_at AS at FROM audience WHERE key = ?1
                UNION ALL SELECT lost_at FROM batch WHERE audience = ?1
                UNION ALL SELECT sent_at FROM batch WHERE audience = ?1 AND status = 'in flight'
            )
        )
        WHERE key = ?1
        """,
        (key,),
    )


def set_taken(db: Connection, key: int, number: int, invalid: int) -> None:
    """Record that the destination took the batch, and how many of it it called malformed."""
    cursor = db.execute(
        "UPDATE batch SET status = 'taken' WHERE audience = ? AND number = ? AND status = 'in flight'", (key, number)
    )
    if cursor.rowcount != 1:
        raise RuntimeError(f"batch {number} of audience {key} is not in flight")
    db.execute("UPDATE audience SET invalid = invalid + ? WHERE key = ?", (invalid, key))


def numbers(db: Connection, key: int, status: str) -> frozenset[int]:
    """The batches of the open delta that are in one condition."""
    rows = db.execute("SELECT number FROM batch WHERE audience = ? AND status = ?", (key, status))
    return frozenset(number for (number,) in rows)


def _overtaken(db: Connection, key: int, doubt: str | None) -> frozenset[int]:
    """The batches that were answered, though a call from before this delta may have come after them."""
    if doubt is None:
        return frozenset()
    rows = db.execute("SELECT number, sent_at FROM batch WHERE audience = ? AND status = 'taken'", (key,))
    since = codec.to_time(doubt)
    return frozenset(number for number, at in rows if at is not None and overtaken(codec.to_time(at), since))


def delete_batches(db: Connection, key: int) -> None:
    """Delete the batches of the audience."""
    db.execute("DELETE FROM batch WHERE audience = ?", (key,))


def all_taken(db: Connection, key: int) -> bool:
    """Whether every batch of the open delta was taken."""
    return db.execute("SELECT 1 FROM batch WHERE audience = ? AND status <> 'taken'", (key,)).fetchone() is None
