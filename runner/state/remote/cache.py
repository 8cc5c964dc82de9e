"""What this machine keeps of a state in a bucket: objects by their content, and a working copy per process at work.

Nothing here is the truth: every file can be thrown away at any time and is fetched again. A working copy belongs to one
process; those of dead ones are removed by the next.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from runner.core.errors import StateError
from runner.disk.durable_files import is_abandoned
from runner.state.state_errors import file_faults

CACHE_VARIABLE = "HEADCOUNT_CACHE"


def cache_folder(location: str, environ: Mapping[str, str]) -> Path:
    """Where this machine keeps what it knows of a location: below HEADCOUNT_CACHE, or the user's cache folder."""
    if environ.get(CACHE_VARIABLE):
        base = Path(environ[CACHE_VARIABLE]).expanduser()
    else:
        base = Path(environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "headcount"
    return base.absolute() / hashlib.sha256(location.encode()).hexdigest()[:16]


class Cache:
    """A folder for one location. Made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._objects = folder / "objects"
        self._work = folder / "work"
        self.copy = self._work / uuid4().hex / "state"
        """The working copy of this process."""
        self._mark: int | None = None

    def open(self) -> None:
        """Make room for the working copy, and remove those of processes that are no more."""
        if self._mark is not None:
            return
        with file_faults(self._work):
            for folder in (self._objects, self._work):
                _make_private(folder)
            turn = os.open(self._work.parent / "turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(turn, fcntl.LOCK_EX)  # nobody takes a folder that is just being made for a dead one's
                self._begin_copy()
            finally:
                os.close(turn)

    def _begin_copy(self) -> None:
        self.copy.parent.mkdir(mode=0o700)
        self._mark = os.open(self.copy.parent / "in-use", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._mark, fcntl.LOCK_EX)
        for other in self._work.iterdir():
            if other != self.copy.parent and is_abandoned(other / "in-use"):
                shutil.rmtree(other, ignore_errors=True)

    def close(self) -> None:
        """Remove the working copy."""
        if self._mark is not None:
            shutil.rmtree(self.copy.parent, ignore_errors=True)
            os.close(self._mark)
            self._mark = None

    def find(self, sha256: str, size: int) -> Path | None:
        """The file of a content, None when this machine does not have it."""
        path = self._objects / sha256
        with suppress(OSError):
            if path.stat().st_size == size:
                return path
        return None

    def add(self, path: Path, sha256: str) -> None:
        """Keep a file that was just written."""
        with file_faults(path):
            _link(path, self._objects / sha256)

    def fetch(self, parts: Iterable[bytes], sha256: str, size: int, name: str, hint: str) -> Path:
        """Keep what is downloaded. Raises StateError, with the hint, when it is not the content it must be."""
        draft = self.copy.parent / f"{uuid4().hex}.tmp"
        digest, found = hashlib.sha256(), 0
        with file_faults(draft):
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    for part in parts:
                        digest.update(part)
                        found += len(part)
                        file.write(part)
                if found != size:
                    raise StateError(f"{name} is damaged: it has {found} bytes instead of {size}", hint)
                if digest.hexdigest() != sha256:
                    raise StateError(f"{name} is damaged: its content is not what was written", hint)
                return draft.replace(self._objects / sha256)
            finally:
                draft.unlink(missing_ok=True)

    def place(self, source: Path, target: Path) -> None:
        """Give the working copy a file of the cache, which stays there when the cache is pruned."""
        with file_faults(target):
            _link(source, target)

    def drop(self, sha256: str) -> None:
        """Forget a content that turned out to be damaged."""
        with suppress(OSError):
            (self._objects / sha256).unlink()

    def prune(self, kept: Collection[str]) -> None:
        """Forget every content but these."""
        with suppress(OSError):
            for path in self._objects.iterdir():
                if path.name not in kept:
                    path.unlink(missing_ok=True)


def _make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for nobody but this user; what is there stays as it is."""
    if not folder.is_dir():
        _make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _link(source: Path, target: Path) -> None:
    """Two names for one file, which is never written again; a copy where the file system has no links."""
    draft = target.with_name(f"{target.name}.{uuid4().hex}.tmp")
    try:
        os.link(source, draft)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, draft)
        draft.chmod(0o600)
    draft.replace(target)
    draft.unlink(missing_ok=True)  # a rename between two names of one file leaves both
