"""Limits that the operating system holds a process to, whatever the SQL in it does.

DuckDB's own memory limit covers its buffers. A function that makes a long text, a parser's tree or a planner's copies
of a query are outside of it, so the process that runs segments may not get more from the system than a little over it.
macOS takes these limits and does not enforce them.
"""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress

_PR_SET_DUMPABLE = 4
"""From Linux's <sys/prctl.h>."""

_UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}

_BASE, _PER_THREAD = 320 << 20, 24 << 20
"""Bytes of memory beyond DuckDB's own: Python, libraries, stacks and what each thread allocates."""

_SPACE, _SPACE_PER_THREAD = 1 << 30, 96 << 20
"""Bytes of addresses beyond that: code, and what allocators reserve and do not use."""


def keep_memory_private() -> None:
    """Have a crash leave no copy of the memory on the disk: it holds people and secrets.

    Linux does not hold a program that it pipes core files to (`kernel.core_pattern`) to a limit of their size. What is
    not dumpable gives it none, and shows the user's other processes neither its memory nor its environment (prctl(2)).
    """
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def bound_memory(limit: str, threads: int) -> None:
    """Bound what this process may get from the system; `limit` is DuckDB's setting as it shows it."""
    memory = in_bytes(limit) * 5 // 4 + _BASE + threads * _PER_THREAD
    for kind, most in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_AS, memory + _SPACE + threads * _SPACE_PER_THREAD),
    ):
        with suppress(ValueError, OSError):  # a system that has no such limit, or a lower one
            resource.setrlimit(kind, (most, most))


def in_bytes(limit: str) -> int:
    """An amount of memory as DuckDB shows it ("1.8 GiB")."""
    number, _, unit = limit.partition(" ")
    return int(float(number) * _UNITS[unit])


def own_python(code: str) -> list[str]:
    """The command of a further process of this very Python, which runs `code`.

    Nothing is imported out of the current folder, which a branch wrote, unless this process does. It is given the
    places of modules, which `-S` saves Python from finding out.
    """
    places = [entry for entry in sys.path if entry]
    return [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:] = {places!r}; {code}"]


def clean_environment() -> dict[str, str]:
    """The environment for a process that runs what others wrote: nothing in it can be a secret."""
    kept = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ}
