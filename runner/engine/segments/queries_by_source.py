"""Having each segment run where it says: in the embedded engine, or in a warehouse.

What knows the secrets of warehouses and what runs embedded SQL meet here and nowhere else: to the process that runs it,
no warehouse is handed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.errors import SegmentError
from runner.core.findings import Finding
from runner.core.project import Source
from runner.engine.duckdb.workspace import Workspace
from runner.engine.interface import Reached
from runner.engine.segments.segment_query import SegmentQueries, SegmentQuery, SmallQueries, WrittenSmall
from runner.quick_dataclass import replace
from runner.sources.interface import UNREACHABLE
from runner.sources.registry import WAREHOUSE_KINDS, is_warehouse, warehouse_names
from runner.sources.warehouse import WarehouseSource

if TYPE_CHECKING:
    from runner.engine.segments.warehouse.warehouse_queries import WarehouseQueries


class QueriesBySource:
    """Implements SegmentQueries: by `embedded`, and by warehouses, whose rows stream through `workspace`.

    SQL for a warehouse is taken apart where embedded SQL runs.
    """

    def __init__(self, embedded: SegmentQueries, workspace: Workspace) -> None:
        self._embedded = embedded
        self._workspace = workspace
        self._opened: WarehouseQueries | None = None
        self._guard = threading.Lock()

    def check(self, query: SegmentQuery, sources: tuple[Source, ...]) -> tuple[Finding, ...]:
        warehouse = _warehouse(query, sources)
        if warehouse is None:
            return self._embedded.check(_within(query, sources), _attached(sources))
        try:
            judged = self._judged(query, warehouse)
        except SegmentError as error:
            return _found(error)
        if any(not one.is_warning for one in judged):
            return judged
        try:
            return (*self._warehouses().check(query, warehouse), *judged)
        except SegmentError as error:
            return (*_found(error), *judged)

    def prepare(self, sources: tuple[Source, ...]) -> None:
        self._embedded.prepare(_attached(sources))

    def advise(self, query: SegmentQuery) -> tuple[Finding, ...]:
        return () if query.source else self._embedded.advise(query)

    def write(
        self,
        query: SegmentQuery,
        sources: tuple[Source, ...],
        rows: str,
        target: Path,
        readable: tuple[Path, ...] = (),
        on_progress: Callable[[float], None] | None = None,
    ) -> tuple[Finding, ...]:
        warehouse = _warehouse(query, sources)
        if warehouse is None:
            within = _within(query, sources)
            return self._embedded.write(within, _attached(sources), rows, target, readable, on_progress)
        judged = self._judged(query, warehouse)
        for finding in (one for one in judged if not one.is_warning):
            raise SegmentError(finding.message, finding.hint, finding)
        self._warehouses().write(query, warehouse, rows, target)
        return judged

    def write_small(self, small: SmallQueries, sources: tuple[Source, ...], folder: Path) -> Mapping[int, WrittenSmall]:
        """Of segments that the embedded engine runs, all of them."""
        within = replace(small, queries=tuple(_within(query, sources) for query in small.queries))
        return self._embedded.write_small(within, _attached(sources), folder)

    def reach(self, source: WarehouseSource) -> Reached:
        """Ask a warehouse what its sessions may do. Raises SegmentError."""
        return self._warehouses().reach(source)

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
        self._embedded.close()

    def _warehouses(self) -> WarehouseQueries:
        """What asks warehouses, loaded for the first segment that runs in one."""
        from runner.engine.segments.warehouse.warehouse_queries import WarehouseQueries

        with self._guard:
            if self._opened is None:
                self._opened = WarehouseQueries(self._workspace)
            return self._opened

    def _judged(self, query: SegmentQuery, warehouse: WarehouseSource) -> tuple[Finding, ...]:
        """What a segment may not do, seen in its SQL alone; where there is none of that, warnings about it."""
        self._warehouses().require_installed(warehouse)
        dialect = WAREHOUSE_KINDS[warehouse.type].driver.dialect
        return self._embedded.check(replace(query, dialect=dialect), ())


def _found(error: SegmentError) -> tuple[Finding, ...]:
    """What a check says of an error: a source that is out of reach is a warning there."""
    if error.finding is None:
        return ()
    return (replace(error.finding, is_warning=error.finding.code == UNREACHABLE),)


def _warehouse(query: SegmentQuery, sources: tuple[Source, ...]) -> WarehouseSource | None:
    named = (one for one in sources if isinstance(one, WarehouseSource) and one.name == query.source)
    return next(named, None)


def _attached(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    return tuple(source for source in sources if not is_warehouse(source))


def _within(query: SegmentQuery, sources: tuple[Source, ...]) -> SegmentQuery:
    """The query, with the names that it may not read."""
    return replace(query, elsewhere=warehouse_names(sources))
