"""A second name of the database, by which a state that was replaced or removed is noticed and brought back.

A branch of git's that tracks `.headcount/state.db` replaces the ignored file of that name at checkout, without a word,
and deletes it at the way back. It cannot know the second name, which holds the state's random id: a link to the same
file, which stays. Both names are one file while all is well; after a copy of the folder they are two of one content.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from sqlite3 import Connection
from uuid import uuid4

from runner.core.errors import StateError
from runner.disk.durable_files import flush
from runner.quick_dataclass import dataclass

_PREFIX = ".second-"


@dataclass(frozen=True, slots=True)
class Identity:
    """Which state a database is of, and how often that was opened for writing when it was written last."""

    id: str
    session: int


def second_names(database: Path) -> Iterator[Path]:
    """The second names that lie beside a database, whatever it is."""
    return iter(sorted(database.parent.glob(f"{database.name}{_PREFIX}*.db")))


def identity(db: Connection) -> Identity:
    """The identity in a database; one that no run of this version has written yet has none."""
    rows = dict(db.execute("SELECT name, value FROM meta WHERE name IN ('state_id', 'session')"))
    return Identity(str(rows.get("state_id", "")), int(rows.get("session", 0)))


def begin_session(db: Connection) -> Identity:
    """Count one more opening, within the caller's transaction; a state without an id gets one."""
    before = identity(db)
    now = Identity(before.id or uuid4().hex, before.session + 1)
    for name, value in (("state_id", now.id), ("session", str(now.session))):
        db.execute(
            "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )
    return now


def require_last_used(database: Path, found: Identity) -> None:
    """Raise StateError where the database is another one than was used last, or an older copy of it."""
    for second in second_names(database):
        if second.samefile(database):
            continue
        last = _identity_of(second)
        if last is not None and not (last.id == found.id and last.session <= found.session):
            raise replaced(database, second)


def replaced(database: Path, second: Path) -> StateError:
    """The error for a database that is gone, or is not the one that was used last, though that is still there."""
    what = "is not the state that was used last" if database.exists() else "is missing"
    return StateError(
        f"{database} {what}: that is still there as {second.name}. A checkout of git's may have replaced or removed it",
        f"mv {second} {database}   (or, if a backup was restored on purpose: `headcount state accept`, then "
        "`headcount sync --rebuild ID` for each audience)",
    )


def keep(database: Path, of: Identity) -> None:
    """Give the database its second name, and take away older ones. Where links cannot be made there is none."""
    name = database.with_name(f"{database.name}{_PREFIX}{of.id}.db")
    with suppress(FileNotFoundError):
        if name.samefile(database):
            return
    draft = name.with_name(f"{name.name}.tmp")
    try:
        draft.unlink(missing_ok=True)
        draft.hardlink_to(database)
        draft.replace(name)
        flush(database.parent)
    except OSError:
        return  # a file system without links
    for other in second_names(database):
        if other != name:
            other.unlink(missing_ok=True)


def set_aside(database: Path) -> None:
    """Take a database for the one that was used last; that gets a name that nobody looks for. Raises OSError."""
    if not database.exists():
        return
    for second in second_names(database):
        if not second.samefile(database):
            free = (database.with_name(f"{database.name}.replaced-{number}") for number in count(1))
            second.rename(next(name for name in free if not name.exists()))


def forget(database: Path) -> None:
    """Take the second names away, for the state is somewhere else now."""
    for second in second_names(database):
        second.unlink(missing_ok=True)


def _identity_of(path: Path) -> Identity | None:
    """The identity in a file that nobody writes; None where it is no database of ours."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            return identity(db)
    except (sqlite3.Error, ValueError):
        return None
