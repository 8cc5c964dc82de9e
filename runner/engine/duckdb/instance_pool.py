"""DuckDB instances that are locked to some tables of the sources, kept for the next segment that reads the same ones.

What a segment may reach is a setting of a whole instance and is fixed before segment SQL is bound. Opening an instance,
and reading again what another one has cached, costs as much as many a segment; so a segment gets one that was locked
for exactly the tables it names, if there is one that nobody uses at the moment.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.file_patterns import pattern_of
from runner.core.project import Source, TableName
from runner.core.sql_quoting import folded, paths
from runner.engine.duckdb.attach_sources import Attachment, SharedTables, attach
from runner.engine.duckdb.file_identity import FileIdentity, require_same, same
from runner.engine.duckdb.object_files import let_read_objects, side_by_side
from runner.engine.duckdb.parsed_files import ParsedFiles
from runner.object_stores.addresses import is_object
from runner.object_stores.interface import RemoteObject, StoreFault
from runner.object_stores.reach import objects
from runner.quick_dataclass import dataclass, field
from runner.sources.attached_kinds import attached_kind_of, remote_patterns
from runner.sources.interface import Reachable

if TYPE_CHECKING:
    import duckdb

MAX_IDLE = 4
"""Instances that may lie idle: each may hold files in memory up to its limit."""

Wanted = tuple[tuple[Source, frozenset[str]], ...]
"""Sources with the tables wanted of each, in lower case."""

PoolKey = tuple[tuple[tuple[object, ...], frozenset[str], frozenset[str]], ...]
"""The same, each source by its identity, and which of the tables may be read from a copy."""

NO_TABLES: Mapping[TableName, int] = {}

_ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance that reads what is `reachable`, writes below `out`, and does nothing else outside itself.

    `seen` are the files of its sources as they were before it was opened, `listed` the objects that each pattern meant.
    """

    connection: duckdb.DuckDBPyConnection
    reachable: tuple[Reachable, ...]
    out: Path
    seen: Mapping[str, FileIdentity]
    listed: Mapping[str, tuple[RemoteObject, ...]] = field(default_factory=dict)

    def is_current(self, wanted: Wanted) -> bool:
        """Whether the files of the tables are those that it was opened for: what it knows of their columns is of these.

        A pattern may mean more files by now, and a link lead to another one.
        """
        opened = (file for one in self.reachable for file in one.files if not is_object(file))
        try:
            meant = (file for source, tables in wanted for file in attached_kind_of(source).files(source, tables))
            if not same(self.seen) or tuple(meant) != tuple(opened):
                return False
            return all(objects().listed(one) == found for one, found in self.listed.items())
        except (OSError, StoreFault):  # opening it again says what is wrong
            return False

    def require_unreplaced(self) -> None:
        """Raise SourceReplaced where a file is another one than before: what was read may be a bit of both."""
        require_same(self.seen)


class InstancePool:
    """The locked instances of one engine; may be used from several threads.

    `session` opens an instance that spills into a folder.
    """

    def __init__(self, folder: Path, session: Callable[[Path], duckdb.DuckDBPyConnection]) -> None:
        self._session = session
        self._folder = folder
        self._parsed = ParsedFiles(folder)
        self._idle: dict[PoolKey, Instance] = {}
        self._closing: list[threading.Thread] = []
        self._numbers = count()
        self._guard = threading.Lock()

    @contextmanager
    def lend(
        self,
        wanted: Wanted,
        deadline: float,
        readable: tuple[Path, ...] = (),
        shared: Mapping[TableName, int] = NO_TABLES,
    ) -> Iterator[Instance]:
        """An instance for these tables, nobody else's meanwhile. One in which something went wrong is not used again.

        With `readable` files, it may read these too, and no other segment gets it. Files of tables that several
        segments read, as `shared` says, may be read once for all instances. Raises SegmentError for a source that
        cannot be read, TimeLimitReached.
        """
        from runner.engine.duckdb.compiled import duckdb

        key = tuple(
            (attached_kind_of(source).identity(source, _ROOT), tables, _among(source, tables, shared))
            for source, tables in wanted
        )
        with self._guard:
            instance = None if readable else self._idle.pop(key, None)
        if instance is not None and not instance.is_current(wanted):
            instance.connection.close()
            instance = None
        if instance is None:
            instance = self._open(wanted, deadline, readable, shared)
        try:
            yield instance
        except BaseException:
            with suppress(duckdb.Error):  # a statement that was given up may still be under way
                instance.connection.close()
            raise
        surplus = instance if readable else self._keep(key, instance)
        if surplus is not None:
            self._let_go(surplus)

    def _let_go(self, instance: Instance) -> None:
        """Close an instance while whoever had it goes on: to give back the memory of ten million members takes 0.03 s.

        No other is opened meanwhile.
        """
        closing = threading.Thread(target=instance.connection.close, name="closing", daemon=True)
        # Near the bounds that the system holds the process to, there may be no room for a thread.
        with suppress(RuntimeError), self._guard:
            closing.start()
            self._closing.append(closing)
            return
        instance.connection.close()

    def _await_closed(self) -> None:
        with self._guard:
            closing, self._closing = self._closing, []
        for one in closing:
            one.join()

    def _keep(self, key: PoolKey, instance: Instance) -> Instance | None:
        """Let an instance lie idle; the one that is then one too many."""
        with self._guard:
            surplus = self._idle.pop(key, None)
            self._idle[key] = instance
            if surplus is None and len(self._idle) > MAX_IDLE:
                surplus = self._idle.pop(next(iter(self._idle)))
        return surplus

    @property
    def idle(self) -> tuple[Instance, ...]:
        """Those that lie idle, the one used last at the end."""
        return tuple(self._idle.values())

    def close(self) -> None:
        """Close those that lie idle; the folder is the caller's to remove."""
        with self._guard:
            idle = list(self._idle.values())
            self._idle.clear()
        for instance in idle:
            instance.connection.close()
        self._await_closed()

    def _open(
        self, wanted: Wanted, deadline: float, readable: tuple[Path, ...], shared: Mapping[TableName, int]
    ) -> Instance:
        self._await_closed()
        folder = self._folder / f"instance-{next(self._numbers)}"
        folder.mkdir(mode=0o700)
        connection = self._session(folder / "spill")
        try:
            remote = remote_patterns(source for source, _ in wanted)
            let_read_objects(connection, remote)
            found, parsing = Attachment(), SharedTables(shared, self._parsed)
            with side_by_side(connection, remote):
                reachable = tuple(
                    attach(connection, source, tables, deadline, found, parsing) for source, tables in wanted
                )
            lock(connection, reachable, folder / "out", (*readable, *found.copies))
        except BaseException:
            connection.close()
            raise
        listed = {pattern: found for one in reachable for pattern, found in one.listed.items()}
        return Instance(connection, reachable, folder / "out", found.seen, listed)


def _among(source: Source, tables: frozenset[str], shared: Mapping[TableName, int]) -> frozenset[str]:
    """Which of a source's tables, in lower case, are shared."""
    return frozenset(table for table in tables if (folded(source.name), table) in shared)


def lock(
    connection: duckdb.DuckDBPyConnection, reachable: tuple[Reachable, ...], out: Path, readable: tuple[Path, ...] = ()
) -> None:
    """From here on the instance reads the sources' files, writes below `out`, and does nothing else outside itself.

    `readable` files are for the engine's own part of a statement; the check of segment SQL keeps it from naming them.
    """
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = [*(file for source in reachable for file in source.files), *map(str, readable)]
    as_read = [pattern_of(file) for file in files]  # DuckDB asks for the pattern first, then for the file it means
    connection.execute(f"set allowed_paths = {paths(tuple(dict.fromkeys((*files, *as_read))))}")
    connection.execute(f"set allowed_directories = {paths((f'{out}/',))}")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
