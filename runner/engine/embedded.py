"""The embedded engine: an evaluator and a membership store over one workspace, made and closed together."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from runner.engine.duckdb.session import Limits, limits
from runner.engine.duckdb.workspace import Workspace
from runner.engine.interface import Reached
from runner.engine.memberships.membership_store import DuckDBMembershipStore
from runner.engine.segments.evaluator import DuckDBSegmentEvaluator
from runner.engine.segments.queries_by_source import QueriesBySource
from runner.engine.segments.query_process import QueryProcess
from runner.engine.segments.segment_query import SegmentQueries
from runner.sources.warehouse import WarehouseSource

if TYPE_CHECKING:
    from runner.engine.given.given_evaluator import GivenEvaluator


class EmbeddedEngine:
    """DuckDB, with files in a folder below `scratch` (see Workspace) until it is closed.

    Memberships are compared in this process; segments run where `queries` runs them: in a process of their own, by
    default, that the system holds to its limits. `memory_limit` ("2GB") and `threads` bound each instance, `time_limit`
    (seconds) each segment; see DuckDBSegmentEvaluator for `on_progress`. Raises StateError when the folder cannot be
    made.
    """

    def __init__(
        self,
        scratch: Path | None = None,
        *,
        threads: int | None = None,
        memory_limit: str | None = None,
        time_limit: float | None = None,
        on_progress: Callable[[str, float], None] | None = None,
        queries: Callable[[Limits, Path], SegmentQueries] | None = None,
    ) -> None:
        self.workspace = Workspace(scratch, limits(memory_limit, threads, time_limit))
        run_by = queries or QueryProcess
        self.queries = run_by(self.workspace.limits, self.workspace.folder)
        self._by_source = QueriesBySource(self.queries, self.workspace)
        self.evaluator = DuckDBSegmentEvaluator(self.workspace, self._by_source, on_progress)
        self.memberships = DuckDBMembershipStore(self.workspace)

    @cached_property
    def given(self) -> GivenEvaluator:
        """What runs tests of segments."""
        from runner.engine.given.given_evaluator import GivenEvaluator

        return GivenEvaluator(self.workspace, self.queries)

    def reach(self, source: WarehouseSource) -> Reached:
        """Ask a warehouse what its sessions may do. Raises SegmentError."""
        return self._by_source.reach(source)

    def close(self) -> None:
        """Remove every file that evaluations and comparisons left."""
        self.evaluator.close()
        self.workspace.close()
