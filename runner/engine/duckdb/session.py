"""Opening DuckDB: how much it may use, and where it may spill to."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.errors import UsageError
from runner.core.sql_quoting import literal
from runner.interruption import undisturbed
from runner.quick_dataclass import dataclass

if TYPE_CHECKING:
    import duckdb


UNPACKED = (
    "(format parquet, compression uncompressed, dictionary_size_limit 8, row_group_size 40960, preserve_order false)"
)
"""How hashes are written: they do not compress, and looking for repeated ones costs as much as all the rest. Row groups
are small because each thread that writes or reads holds one in memory: that saves 30 MB, and is faster."""

_LONGEST = 86_400
"""Seconds that a segment may take at most."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one instance may use: `memory` as DuckDB writes it ("2GB"), `threads` (None: one per core), `seconds` per
    segment."""

    memory: str
    threads: int | None
    seconds: float

    @property
    def seconds_for_small(self) -> float:
        """The most for several small segments together: those that were not begun in half of it run alone."""
        return min(60.0, self.seconds)

    @property
    def seconds_to_check(self) -> float:
        """The most for a segment whose rows are not read, which takes some milliseconds."""
        return min(60.0, self.seconds)


def limits(memory: str | None, threads: int | None, seconds: float | None) -> Limits:
    """The limits asked for; what is None comes from HEADCOUNT_MEMORY_LIMIT and HEADCOUNT_TIME_LIMIT, 2GB and 600.

    Raises UsageError where the environment says what is none. Whether an amount of memory is one, DuckDB knows.
    """
    return Limits(
        memory=memory or _memory(os.environ.get("HEADCOUNT_MEMORY_LIMIT", "")),
        threads=threads,
        seconds=seconds if seconds is not None else _seconds(os.environ.get("HEADCOUNT_TIME_LIMIT", "")),
    )


@undisturbed()
def load() -> None:
    """Load DuckDB while a Ctrl-C waits: in the middle of it, one aborts the process or becomes an ImportError."""
    from runner.engine.duckdb.compiled import duckdb  # noqa: F401


@undisturbed()
def load_stream_readers() -> None:
    """Load the Python around DuckDB: it is what reads Arrow streams."""
    import duckdb  # noqa: F401


def open_session(limits: Limits, spill: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory instance that installs nothing, sees no Python variable and spills, encrypted, into `spill`.

    Its clock is in UTC, as `today` is. DuckDB encrypts what it writes with OpenSSL, which comes with an extension that
    may not be loaded here, or with its own AES when a setting says so: that one's random numbers are not made for
    cryptography.
    """
    load()
    from runner.engine.duckdb.compiled import duckdb

    _make(spill)
    config: dict[str, str | bool | int | float | list[str]] = {
        "allow_community_extensions": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "errors_as_json": "true",
        "force_mbedtls_unsafe": "true",
        "memory_limit": limits.memory,
        "python_enable_replacements": False,
        "temp_directory": str(spill),
        "temp_file_encryption": "true",
    }
    if limits.threads is not None:
        config["threads"] = limits.threads
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("set timezone = 'UTC'")
    connection.execute("set enable_progress_bar = true; set enable_progress_bar_print = false")
    return connection


def spill_into(connection: duckdb.DuckDBPyConnection, spill: Path) -> None:
    """Have an instance that has not spilled yet spill into that folder."""
    _make(spill)
    connection.execute(f"set temp_directory = {literal(str(spill))}")


def _make(spill: Path) -> None:
    spill.mkdir(mode=0o700, parents=True, exist_ok=True)


def give_back(connection: duckdb.DuckDBPyConnection, limits: Limits) -> None:
    """Have DuckDB return to the system what its allocator keeps of memory that was freed, in all instances.

    Setting the limit of one does that, also to what it is already (`BufferPool::SetLimit`).
    """
    connection.execute(f"set memory_limit = {literal(limits.memory)}")


def _memory(text: str) -> str:
    if text.strip().startswith("-"):  # what DuckDB takes for no limit
        raise UsageError(f"HEADCOUNT_MEMORY_LIMIT={text} is not an amount of memory", "write it as 2GB")
    return text or "2GB"


def _seconds(text: str) -> float:
    if not text.strip():
        return 600.0
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _LONGEST:
        raise UsageError(
            f"HEADCOUNT_TIME_LIMIT={text} is no time limit",
            f"write a number of seconds, such as 600; {_LONGEST:,} (a day) is the most",
        )
    return seconds
