"""Loading DuckDB, while a Ctrl-C waits: in the middle of it, one aborts the process or becomes an ImportError."""

from __future__ import annotations

from runner.interruption import undisturbed


@undisturbed()
def load() -> None:
    """Load it unless it is loaded: for those that import it before there is a connection."""
    import duckdb  # noqa: F401
