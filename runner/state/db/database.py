"""The SQLite database of the state: opening it without harm, refusing what is damaged, transactions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from sqlite3 import Connection
from threading import RLock
from uuid import uuid4

from runner.core.errors import StateError
from runner.disk.durable_files import flush
from runner.state.db import checksums, schema
from runner.state.db.integrity import checked_version, give_up, has_content, log, require_file
from runner.state.local.state_folder import take_name
from runner.state.state_errors import damaged, database_faults, file_faults, is_full, primary_code, unread_log

_PATIENCE = 30.0
"""Seconds to wait for a reader or a checkpoint of another process; writers exclude each other by the lock."""


class Database:
    """One connection, shared by the threads of a process: a reader's, or a writer's while the lock is held."""

    def __init__(self, path: Path, check_folder: Callable[[], None]) -> None:
        """`check_folder` raises StateError when there is no database where one must be."""
        self.path = path
        self._check_folder = check_folder
        self._connection: Connection | None = None
        self._writable = False
        self._turn = RLock()
        self.migrated = False
        """Whether the database was of an older format when it was last opened for writing."""

    def begin(self) -> None:
        """Make the database if there is none and none must be. Needs no lock: of several runs, one makes it."""
        with self._turn, database_faults(self.path):
            self._check_folder()
            if not self._exists():
                try:
                    _create(self.path)
                except (StateError, sqlite3.Error):
                    # Another run was first, and swept the draft of this one away.
                    if not self._exists():
                        raise

    def open_for_writing(self) -> None:
        """Open the database, made or migrated first if need be. Only for the holder of the lock."""
        with self._turn, database_faults(self.path):
            self.close()
            self.begin()
            connection, self.migrated = _open_writer(self.path)
            self._connection, self._writable = connection, True

    def close(self) -> None:
        """Give back the connection; the next read opens one of its own."""
        with self._turn, database_faults(self.path):
            connection, self._connection, self._writable = self._connection, None, False
            if connection is not None:
                connection.close()

    @contextmanager
    def replaced(self) -> Iterator[None]:
        """Nobody reads or writes within; the connection is closed before and after."""
        with self._turn:
            self.close()
            try:
                yield
            finally:
                self.close()

    def copy_to(self, path: Path) -> None:
        """Write all that is committed into a file of its own, and nothing that was deleted."""
        with self._turn, database_faults(path), file_faults(path):
            path.unlink(missing_ok=True)
            _touch(path)
            with self.snapshot() as connection, closing(sqlite3.connect(path)) as copy:
                connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
                copy.execute("PRAGMA temp_store = MEMORY")  # there may be no other folder that can be written
                copy.execute("VACUUM")

    @property
    def connection(self) -> Connection | None:
        """The connection that is open, if one is."""
        return self._connection

    def _exists(self) -> bool:
        """Whether there is a database; one that may not be seen is not taken for none."""
        with file_faults(self.path):
            try:
                self.path.stat()
            except FileNotFoundError:
                return False
            return True

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Read one consistent moment. A state that does not exist yet reads as an empty one."""
        with self._turn, database_faults(self.path):
            if self._connection is None and not self._exists():
                self._check_folder()
                with closing(_empty()) as nothing:
                    yield nothing
                return
            if self._connection is None:
                self._connection = _open_reader(self.path)
            connection = self._connection
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                give_up(connection)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Change all or nothing; durable on return. Raises RuntimeError outside the lock."""
        with self._turn, database_faults(self.path):
            if self._connection is None or not self._writable:
                raise RuntimeError("the state is only changed while its lock is held")
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                give_up(connection)


def _connect(path: Path, options: str) -> Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?{options}", uri=True, isolation_level=None, check_same_thread=False, timeout=_PATIENCE
    )
    checksums.register(connection)
    return connection


def _in_memory() -> Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    checksums.register(connection)
    return connection


@cache
def _new(version: int) -> bytes:  # noqa: ARG001 - what is kept is kept for this format
    """The database of a state that holds nothing: to copy one is quicker than to lay out its tables and triggers."""
    with closing(_in_memory()) as connection:
        schema.create(connection)
        return connection.serialize()


def _empty() -> Connection:
    """A state that holds nothing, in memory."""
    connection = _in_memory()
    connection.deserialize(_new(schema.newest()))
    return connection


def _create(path: Path) -> None:
    """Make a database under a temporary name, then give it its own: it is there whole or not at all."""
    draft = path.with_name(f"{path.name}.{uuid4().hex}.tmp")
    with file_faults(path):
        _touch(draft)
        draft.write_bytes(_new(schema.newest()))
    with closing(_connect(draft, "mode=rw")) as connection:
        # Not before: the content would be in a log, and what cannot be carried on from there when the connection is
        # closed, without space, is no error to SQLite.
        connection.execute("PRAGMA journal_mode = WAL")
    with file_faults(path):
        flush(draft)
        take_name(draft, path)
        flush(path.parent)


def _touch(path: Path) -> None:
    """An empty file that only its owner may read; SQLite gives its other files the same rights."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _open_writer(path: Path) -> tuple[Connection, bool]:
    """A connection that may write, and whether the database had to be migrated."""
    connection = _connect(path, "mode=rw")
    try:
        version = checked_version(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        # Each commit goes on into the database at once: a copy of state.db without its log misses little.
        connection.execute("PRAGMA wal_autocheckpoint = 1")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
        if version < schema.newest():
            _back_up(connection, path, version)
            _migrate(connection, path, version)
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection, version < schema.newest()


def _open_reader(path: Path) -> Connection:
    connection = _reach(path)
    try:
        version = checked_version(connection, path)
        if version < schema.newest():
            connection = _copy(connection)
            _migrate(connection, path, version)
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _reach(path: Path) -> Connection:
    """A connection that can read, also where nothing may be written or there is no room for it.

    It is opened for writing all the same (and kept from it by `query_only`): SQLite then takes its -wal and -shm files
    away again when the last connection closes. Where it cannot make them, a database in WAL mode can only be read as
    it lies on the disk; that is all of it as long as no -wal file has content.
    """
    require_file(path)
    connection = _connect(path, "mode=rw")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        full = is_full(error)
        if not full and primary_code(error) not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            raise
        if has_content(log(path)):
            raise unread_log(path, full=full) from error
        return _copy(_connect(path, "mode=ro&immutable=1"))
    except BaseException:
        connection.close()
        raise
    return connection


def _copy(connection: Connection) -> Connection:
    """The whole database in memory, the connection to the file closed."""
    copy = _in_memory()
    try:
        with closing(connection):
            connection.backup(copy)
    except BaseException:
        copy.close()
        raise
    return copy


def _back_up(connection: Connection, path: Path, version: int) -> None:
    """Keep the database as it is beside itself, before it is migrated."""
    backup = path.with_name(f"{path.name}.backup-{version}")
    draft = backup.with_name(backup.name + ".tmp")
    with file_faults(backup):
        draft.unlink(missing_ok=True)
        _touch(draft)
        connection.execute("VACUUM INTO ?", (str(draft),))
        flush(draft)
        draft.replace(backup)
        flush(path.parent)


def _migrate(connection: Connection, path: Path, version: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        schema.migrate(connection, version)
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise damaged(path, "its records do not fit together")
        connection.execute("COMMIT")
    finally:
        give_up(connection)
