"""DuckDB's compiled module, without the Python around it.

The package `duckdb` adds relations, expressions and adapters for data frames: nothing that is used where SQL is run and
rows are fetched. To import them takes three times as long as DuckDB itself, in each of a command's two processes.
What reads Arrow streams imports `duckdb`, which sets that up; the classes of both are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
else:
    try:
        import _duckdb as duckdb
    except ImportError:  # a release that names it otherwise
        import duckdb

__all__ = ["duckdb"]
