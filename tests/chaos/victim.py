"""`headcount` in a process that can be made to die, or to meet a full or a read-only disk, at a named point.

Run as `python -m tests.chaos.victim ARGUMENTS`; the variable CHAOS holds a JSON object:

    points         a list of {at, when, nth, deed}: at the nth call of `at` ("StateStore.mark_taken", see POINTS),
                   before or after it takes effect, the deed is done (see DEEDS)
    alarm          seconds after the state was locked at which the process is killed
    largest_file   bytes that no file may exceed
    read_only      nothing below this folder can be written, from the beginning
    patience       seconds until an answer that does not come is given up
    terms          [seconds that the lease on a bucket lasts, is renewed after, is given up before its end]
    clock          {before, after, nth}: seconds by which the machine's clock is off, and from its nth reading on
    log            a file that gets a line for each point that was reached

With the variable of the name GREAT, memberships of a few people are treated as great ones: compared "beside" the
segment, "in portions", or "by fingerprints".
"""

from __future__ import annotations

import errno
import functools
import importlib
import json
import os
import resource
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from itertools import count
from pathlib import Path
from typing import Any

POINTS = {
    "StateStore": "runner.state.store",
    "DuckDBSegmentEvaluator": "runner.engine.segments.evaluator",
    "DuckDBMembershipStore": "runner.engine.memberships.membership_store",
    "AccountClient": "runner.destinations.criteo.account_client",
    "MarketingSolutions": "runner.destinations.criteo.marketing_solutions",
    "RetailMedia": "runner.destinations.criteo.retail_media",
    "Http": "runner.destinations.criteo.http",
}
"""Class of a point that is a method -> where it is."""

FUNCTIONS = {
    "state.flush": ("runner.state.local.state_folder", "flush"),
}
"""Points that are functions; each is called while a file of the state is between written and pointed to."""

CLOCKS = ("runner.cli.options", "runner.destinations.criteo.clock", "runner.state")
"""Every module that asks for the time of day."""

GREAT = "CHAOS_GREAT"

GREAT_BY = {0: "by fingerprints", 1: "beside", 3: "in portions"}
"""How memberships are great, by the remainder of a history's seed; where it is none of these, they are small."""

_calls: Counter[tuple[str, str]] = Counter()
_state: Any = None


def _kill(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _tear(path: Path | None = None, *_: Any) -> None:
    """Die with only half of a file on the disk."""
    if isinstance(path, Path) and path.is_file():
        os.truncate(path, path.stat().st_size // 2)
    _kill()


def _interrupt(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def _terminate(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _interrupt_twice(*_: Any) -> None:
    _interrupt()
    _interrupt()


def _freeze(*_: Any) -> None:
    """Stand still, the renewing of the lease included, until somebody says go on."""
    os.kill(os.getpid(), signal.SIGSTOP)


def _no_space(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _write_no_bytecode() -> None:
    """Python would keep what it compiled as far as the file may grow, and take that half for the whole ever after."""
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


def _fill_disk(*_: Any) -> None:
    """From now on no file grows; SQLite runs out of pages."""
    _write_no_bytecode()
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    _pragma("max_page_count = 1")


def _remount(*_: Any) -> None:
    """From now on the file system is read-only, as Linux makes it after an error."""
    _pragma("query_only = ON")
    for module, name in FUNCTIONS.values():
        setattr(importlib.import_module(module), name, _read_only)


def _read_only(*_: Any) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def _pragma(text: str) -> None:
    connection = _state.backing.database.connection if _state is not None else None
    if connection is not None:
        connection.execute(f"PRAGMA {text}")


DEEDS: dict[str, Callable[..., None]] = {
    "kill": _kill,
    "tear": _tear,
    "interrupt": _interrupt,
    "terminate": _terminate,
    "interrupt twice": _interrupt_twice,
    "no space": _no_space,
    "full": _fill_disk,
    "read-only": _remount,
    "freeze": _freeze,
}


def main() -> None:
    orders = json.loads(os.environ.pop("CHAOS", "{}"))
    if how := os.environ.pop(GREAT, ""):
        _make_memberships_great(how)
    _shorten_waits(orders.get("patience", 1.0))
    _watch_state(orders.get("alarm"))
    for point in orders.get("points", ()):
        _arm(point, orders["log"])
    if "largest_file" in orders:
        _write_no_bytecode()
        resource.setrlimit(resource.RLIMIT_FSIZE, (orders["largest_file"], resource.RLIM_INFINITY))
    if "read_only" in orders:
        _protect(orders["read_only"])
    if "terms" in orders:
        _set_terms(*orders["terms"])
    if "clock" in orders:
        _set_clock(**orders["clock"])
    from runner.__main__ import main as headcount

    headcount()


def _shorten_waits(patience: float) -> None:
    from runner.destinations.criteo import connect, http
    from runner.destinations.criteo.retries import Retries

    http.READ_TIMEOUT = patience
    connect.Retries = lambda seconds: Retries(tries=5, seconds=min(seconds, 6.0), first=0.02, longest=0.1)


def _make_memberships_great(how: str) -> None:
    """Compare them while the segment runs, in portions, or by fingerprints, and settle most changes into a file of
    their own."""
    from runner.engine import fingerprinted_pass, joined_pass
    from runner.engine.memberships import compaction, differences
    from runner.workflows import small_ones

    small_ones.MOST_OF_ONE = -1
    differences.PORTION = 5
    if how == "beside":
        joined_pass.JOIN_FROM = 0
    if how == "by fingerprints":
        fingerprinted_pass.LEAST = differences.LEAST = 1
    compaction.WHOLE_BELOW = 0
    compaction.LEAST_TIMES = 0.4


def _watch_state(alarm: float | None) -> None:
    """Remember the state of this process; the alarm, which nobody handles, kills like SIGKILL."""
    from runner.state.store import StateStore

    lock = StateStore.lock

    def watched(self: StateStore, command: str) -> Any:
        global _state
        _state = self
        if alarm is not None:
            signal.setitimer(signal.ITIMER_REAL, max(alarm, 0.001))
        return lock(self, command)

    StateStore.lock = watched  # type: ignore[method-assign]


def place(at: str) -> tuple[Any, str]:
    """The class or module of a point, and the name it has there."""
    if at in FUNCTIONS:
        module, name = FUNCTIONS[at]
        return importlib.import_module(module), name
    owner, name = at.split(".")
    return getattr(importlib.import_module(POINTS[owner]), owner), name


def _arm(point: dict[str, Any], log: str) -> None:
    at, when, nth, deed = point["at"], point["when"], point["nth"], point["deed"]
    holder, name = place(at)
    inner = getattr(holder, name)

    @functools.wraps(inner)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        _calls[at, when] += 1
        due = _calls[at, when] == nth
        if due and when == "before":
            _do(deed, at, when, log, *arguments)
        result = inner(*arguments, **options)
        if due and when == "after":
            _do(deed, at, when, log, *arguments)
        return result

    setattr(holder, name, wrapped)


def _do(deed: str, at: str, when: str, log: str, *arguments: Any) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with suppress(OSError):  # an earlier deed may have filled the disk
        os.write(descriptor, f"{deed} {when} {at}\n".encode())
    os.close(descriptor)
    DEEDS[deed](*arguments)


def _protect(folder: str) -> None:
    """A folder that is read-only from the beginning, for root as well."""
    opens, mkdir, connect = os.open, os.mkdir, sqlite3.connect

    def open_(path: Any, flags: int, *more: Any, **options: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and str(path).startswith(folder):
            _read_only()
        return opens(path, flags, *more, **options)

    def mkdir_(path: Any, *more: Any, **options: Any) -> None:
        if str(path).startswith(folder):
            _read_only()
        mkdir(path, *more, **options)

    def connect_(database: Any, *more: Any, **options: Any) -> sqlite3.Connection:
        return connect(str(database).replace("mode=rw", "mode=ro"), *more, **options)

    os.open, os.mkdir, sqlite3.connect = open_, mkdir_, connect_  # type: ignore[assignment]


def _set_terms(lasts: float, beat: float, margin: float) -> None:
    from runner.state.remote import bucket_backing, lease

    made = bucket_backing.backing_at
    made.__defaults__ = tuple(
        lease.LeaseTimings(lasts, beat, margin) if isinstance(value, lease.LeaseTimings) else value
        for value in made.__defaults__ or ()
    )


def _set_clock(before: float, after: float, nth: int) -> None:
    readings = count(1)

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=before if next(readings) < nth else after)

    for module in CLOCKS:
        holder = importlib.import_module(module)
        assert holder.datetime is datetime  # type: ignore[attr-defined]
        holder.datetime = Wrong  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
