"""One run at a time: a lock of the operating system, which opens by itself when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from runner.core.errors import Locked, LockLost, StateError
from runner.core.local_time import local_time
from runner.state.state_errors import file_faults


class HeldLock:
    """A lock that is held."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor, self._path = descriptor, path

    def confirm(self) -> None:
        """Raise LockLost when the file that is locked is no longer the one at its path, which another run may lock."""
        try:
            there = os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except OSError:
            there = False
        if not there:
            raise LockLost(
                f"{self._path} was removed or replaced while this run held it, and another run may hold the state now",
                "this run sends nothing more; leave the state's folder alone while a run goes on",
            )


@contextmanager
def held_lock(path: Path, command: str, now: datetime) -> Iterator[HeldLock]:
    """Hold the lock at `path`; raises Locked at once, naming the holder, when someone else has it.

    The lock belongs to the open file, not to the process: a second attempt in the same process is refused as well. What
    is written in the file only serves the message; it may outlive its holder without harm.
    """
    with file_faults(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, path, now)
        with file_faults(path):
            _write(descriptor, _holder(command, now))
        try:
            yield HeldLock(descriptor, path)
        finally:
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder_of(path: Path, now: datetime) -> str:
    """Who holds the lock at `path`, in words; empty when nobody does. Creates nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _describe(os.pread(descriptor, 4096, 0), now).partition(": ")[2] or "another run"
    else:
        return ""
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, now: datetime) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        content = os.pread(descriptor, 4096, 0)
        raise Locked(
            _describe(content, now),
            "wait until it has ended; if it hangs, stop that process, and the lock opens by itself",
            _since(content),
        ) from None
    except OSError as error:
        raise StateError(
            f"{path} cannot be locked: {error.strerror}", "keep the state on a local disk whose file system has locks"
        ) from error


def _holder(command: str, now: datetime) -> bytes:
    holder = {"command": command, "pid": os.getpid(), "host": socket.gethostname(), "since": now.isoformat()}
    return json.dumps(holder).encode()


def _write(descriptor: int, content: bytes) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, content, 0)


def _describe(content: bytes, now: datetime) -> str:
    try:
        holder = json.loads(content)
        since = datetime.fromisoformat(holder["since"])
        who = described(holder["command"], holder["pid"], holder["host"], since, now)
        return f"another run holds the state: {who}"
    except (ValueError, KeyError, TypeError):
        # The holder took the lock an instant ago and has not written its name yet.
        return "another run holds the state"


def _since(content: bytes) -> datetime | None:
    try:
        since = datetime.fromisoformat(json.loads(content)["since"])
    except (ValueError, KeyError, TypeError):
        return None
    return since if since.tzinfo is not None else None


def described(command: str, pid: int, host: str, since: datetime, now: datetime) -> str:
    """A holder in words."""
    return f"{command}, process {pid} on host {host}, since {local_time(since, seconds=True)} ({_ago(now - since)})"


def _ago(passed: timedelta) -> str:
    seconds = max(0, int(passed.total_seconds()))
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'s' if count != 1 else ''} ago"
    return f"{seconds} second{'s' if seconds != 1 else ''} ago"
