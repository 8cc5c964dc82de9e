"""A whole state from one place to another: copied out, put in the place of another one, moved for good.

Each ends in one step that makes the new place whole; until then it is what it was, and the old one stays as it is.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from runner.core.errors import StateError, UsageError
from runner.disk.durable_files import flush
from runner.state.db import checksums
from runner.state.interface import State
from runner.state.inventory import file_of, files_of
from runner.state.local.state_folder import StateFolder
from runner.state.remote.object_store import Unanswered
from runner.state.state_errors import file_faults

_PULLED = "pulled"
"""Under this name a copy remembers what it is a copy of."""


def pull(state: State, folder: Path) -> None:
    """Write a copy of the state into a new folder, which is there whole or not at all. Raises UsageError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already", "name a folder that does not exist yet")
    require_used(state)
    draft = StateFolder(folder.absolute().with_name(f".{folder.name}.{uuid4().hex[:8]}.tmp"))
    try:
        draft.prepare()
        state.backing.copy_database(draft.database)
        for file in files_of(draft.database):
            shutil.copyfile(file_of(state, file), draft.make_room(file.path))
            draft.seal(file.path)
        _remember(draft.database, fingerprint(draft.database))
        with file_faults(folder):
            flush(draft.database)
            flush(draft.path)
            if folder.exists():
                folder.rmdir()
            draft.path.rename(folder.absolute())
            flush(folder.absolute().parent)
    finally:
        shutil.rmtree(draft.path, ignore_errors=True)


def push(source: State, target: State, *, force: bool) -> Path | None:
    """Make the state of a bucket what a folder holds; gives the folder in which what it was is kept, if anything.

    Unless forced, raises StateError when the state is not what it was when the folder was pulled from it. Raises
    UsageError when the target is a folder too.
    """
    replacing = target.backing.replacing("headcount state push", force=force)
    require_used(source)
    with source.lock("headcount state push"), replacing as become:
        kept = None
        if (not force or _is_readable(target)) and not is_unused(target):
            if not force and _remembered(source) != _fingerprint_of(target):
                here, there = source.backing.location, target.backing.location
                raise StateError(
                    f"the state at {there} is not the one that {here} is a copy of: it was changed since, or is "
                    "another project's",
                    "pull it again; --force puts the folder in its place all the same, and keeps a copy of what it was",
                )
            kept = Path(f"{source.backing.location}.replaced-{_stamp()}")
            pull(target, kept)
        become(source)
        return kept


def move(source: State, target: State) -> None:
    """Move a state for good: afterwards the old place says where it went. Taken up again after an interruption.

    Where all of it is done already, nothing is left to do.
    """
    if source.backing.location == target.backing.location:
        raise UsageError(f"the state is at {source.backing.location} already", "name another place")
    if source.backing.moved_to() == target.backing.location:
        if source.backing.is_folder:
            source.backing.leave(target.backing.location)
        return
    require_used(source)
    with source.lock("headcount state move"):
        if target.backing.moved_to() or is_unused(target):
            _give(source, target)
        elif _fingerprint_of(source) != _fingerprint_of(target):
            raise StateError(f"there is another state at {target.backing.location}", "name a place that holds none")
        source.backing.leave(target.backing.location)


def _give(source: State, target: State) -> None:
    if not target.backing.is_folder:
        with target.backing.replacing("headcount state move", force=bool(target.backing.moved_to())) as become:
            become(source)
        return
    folder = Path(target.backing.location)
    with file_faults(folder):
        if folder.exists() and any(folder.iterdir()):
            folder.rename(f"{folder}.before-{_stamp()}")
    pull(source, folder)


def _is_readable(state: State) -> bool:
    """Whether the state can be read. Raises StateError when its store does not answer."""
    try:
        state.audiences()
    except Unanswered:
        raise
    except StateError:
        return False
    return True


def is_unused(state: State) -> bool:
    """Whether no run has left anything there."""
    return not state.audiences() and not state.runs(limit=1)


def fingerprint(database: Path) -> str:
    """What a database says, in short: two of the same content have the same, whatever they are copies of."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT name, digest FROM checksum WHERE name <> 'meta'").fetchall()
    return checksums.of(rows).hex()


def _fingerprint_of(state: State) -> str:
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "state.db"
        state.backing.copy_database(copy)
        return fingerprint(copy)


def _remember(database: Path, origin: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        checksums.register(connection)
        connection.execute(
            "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (_PULLED, origin),
        )


def _remembered(state: State) -> str:
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "state.db"
        state.backing.copy_database(copy)
        with closing(sqlite3.connect(copy)) as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = ?", (_PULLED,)).fetchone()
    return str(row[0]) if row is not None else ""


def require_used(state: State) -> None:
    """Raise StateError where no run has left anything."""
    if is_unused(state):
        raise StateError(f"there is no state at {state.backing.location}", "HEADCOUNT_STATE names where it is")


def _stamp() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
