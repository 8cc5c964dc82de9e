"""What the embedded evaluator and membership store share: limits, a scratch folder, and an instance of their own."""

from __future__ import annotations

import threading
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from runner.engine.duckdb.scratch_folder import Scratch, open_scratch
from runner.engine.duckdb.session import Limits, open_session

if TYPE_CHECKING:
    import duckdb


class Workspace:
    """Scratch space for one process, and the DuckDB instance that runs no segment. May be used from several threads.

    `below` is the folder for what lives until `close` (None: the system's folder for temporary files); `limits` bound
    each DuckDB instance. Raises StateError when a folder cannot be made.
    """

    def __init__(self, below: Path | None, limits: Limits) -> None:
        self._scratch: Scratch | None = open_scratch(below)
        self.folder = self._scratch.path
        self.limits = limits
        self._numbers = count()
        self._own: duckdb.DuckDBPyConnection | None = None
        self._guard = threading.Lock()

    def connection(self) -> duckdb.DuckDBPyConnection:
        """A connection of this call's own to the instance that runs no segment."""
        with self._guard:
            if self._own is None:
                self._own = open_session(self.limits, self.folder / "spill")
                # Memberships are sets. A segment keeps its order: `limit` without `order by` must mean the same people.
                self._own.execute("set preserve_insertion_order = false")
            return self._own.cursor()

    def next_folder(self) -> Path:
        """A folder that is not there yet."""
        return self.folder / str(next(self._numbers))

    def close(self) -> None:
        """Remove every file."""
        with self._guard:
            own, self._own = self._own, None
            scratch, self._scratch = self._scratch, None
        with suppress(Exception):  # of a statement that an interrupt left under way: it ends with the process
            if own is not None:
                own.close()
        if scratch is not None:
            scratch.remove()
