"""The folder for what evaluations write: wire forms of people, so it must not outlive the process for long.

A process that is killed cannot remove its folder; the next one does. Such a folder carries its process's id in its name
and is locked while it is in use, for an id may belong to another container, or be in use again.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from runner.core.errors import StateError
from runner.disk.durable_files import is_abandoned
from runner.engine.duckdb.os_errors import reason, temporary_folder
from runner.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Scratch:
    """A folder of this process's own (mode 0700); `handle` is the open file that locks it."""

    path: Path
    handle: int

    def remove(self) -> None:
        """Remove the folder with everything in it; once only."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.handle)


def open_scratch(below: Path | None) -> Scratch:
    """Make a folder below `below` (the system's folder for temporary files), after those left by dead processes went.

    Raises StateError when it cannot be made.
    """
    asked = os.environ.get("TMPDIR")
    if below is None and asked and not (Path(asked).is_dir() and os.access(asked, os.W_OK | os.X_OK)):
        # Python would take another folder, on a disk that nobody has chosen for wire forms of people.
        raise StateError(*temporary_folder(Path(asked), "it is no folder that this user may write to"))
    try:
        parent = Path(tempfile.gettempdir()) if below is None else below
        if below is not None:
            below.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(parent)
        path = Path(tempfile.mkdtemp(prefix=f"headcount-{os.getpid()}-", dir=parent))
        handle = os.open(path, os.O_RDONLY)
    except OSError as error:
        where = below or Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 (named in a message only)
        raise StateError(*temporary_folder(where, reason(error))) from None
    with suppress(OSError):  # a file system without locks: the folder is then never swept while its id is in use
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return Scratch(path, handle)


def _sweep(parent: Path) -> None:
    """Remove this user's folders whose process is gone."""
    with os.scandir(parent) as entries:
        named = [(entry, found) for entry in entries if (found := re.match(r"headcount-(\d+)-\w+$", entry.name))]
    for entry, found in named:
        with suppress(OSError):
            ours = entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.geteuid()
            if ours and not _alive(int(found[1])) and is_abandoned(Path(entry.path)):
                shutil.rmtree(entry.path, ignore_errors=True)


def _alive(process: int) -> bool:
    """Whether another process has the id. Our own says nothing: in a container each run may get the same one."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
