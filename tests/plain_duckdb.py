"""DuckDB as it comes, to write and read the tests' own files with: one instance per process, for each takes 20 ms."""

from __future__ import annotations

from functools import cache

import duckdb


def plain() -> duckdb.DuckDBPyConnection:
    """A connection of its own to the shared instance: temporary tables of others are not in it."""
    return _instance().cursor()


@cache
def _instance() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()
