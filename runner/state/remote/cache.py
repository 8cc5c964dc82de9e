"""What this machine keeps of a state in a bucket: objects by their content, and a working copy per process at work.

Nothing here is the truth: every file can be thrown away at any time and is fetched again. A working copy belongs to one
process; those of dead ones are removed by the next. Where the bucket is encrypted, what outlives the process is, too,
under the same key; what a process has opened lies beside its working copy and goes with it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from runner.core.errors import StateError
from runner.disk.durable_files import is_abandoned
from runner.state.remote.encryption import CHUNK, Plain, Sealing
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

    def __init__(self, folder: Path, sealing: Sealing) -> None:
        """Touches nothing; `sealing` is the bucket's."""
        self._work = folder / "work"
        self.copy = self._work / uuid4().hex / "state"
        """The working copy of this process."""
        self._kept = folder / "objects"
        self._sealing = sealing
        self._is_sealed = not isinstance(sealing, Plain)
        self._objects = self.copy.parent / "objects" if self._is_sealed else self._kept
        """Contents as they are."""
        self._mark: int | None = None

    def open(self) -> None:
        """Make room for the working copy, and remove those of processes that are no more."""
        if self._mark is not None:
            return
        with file_faults(self._work):
            for folder in (self._kept, self._work):
                _make_private(folder)
            turn = os.open(self._work.parent / "turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(turn, fcntl.LOCK_EX)  # nobody takes a folder that is just being made for a dead one's
                self._begin_copy()
            finally:
                os.close(turn)

    def _begin_copy(self) -> None:
        self.copy.parent.mkdir(mode=0o700)
        _make_private(self._objects)
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
            if path.exists() or not self._is_sealed or self._opened(sha256):
                return path if path.stat().st_size == size else None
        return None

    def add(self, path: Path, sha256: str) -> None:
        """Keep a file that was just written."""
        with file_faults(path):
            _link(path, self._objects / sha256)
            self._seal(sha256)

    def fetch(self, parts: Iterable[bytes], sha256: str, size: int, name: str, hint: str) -> Path:
        """Keep what is downloaded. Raises StateError, with the hint, when it is not the content it must be."""
        draft = self._draft()
        digest, found = hashlib.sha256(), 0
        with file_faults(draft):
            try:
                with _written(draft) as file:
                    for part in parts:
                        digest.update(part)
                        found += len(part)
                        file.write(part)
                if found != size:
                    raise StateError(f"{name} is damaged: it has {found} bytes instead of {size}", hint)
                if digest.hexdigest() != sha256:
                    raise StateError(f"{name} is damaged: its content is not what was written", hint)
                path = draft.replace(self._objects / sha256)
            finally:
                draft.unlink(missing_ok=True)
            self._seal(sha256)
            return path

    def place(self, source: Path, target: Path) -> None:
        """Give the working copy a file of the cache, which stays there when the cache is pruned."""
        with file_faults(target):
            _link(source, target)

    def drop(self, sha256: str) -> None:
        """Forget a content that turned out to be damaged."""
        with suppress(OSError):
            (self._objects / sha256).unlink(missing_ok=True)
            (self._kept / self._name(sha256)).unlink(missing_ok=True)

    def prune(self, kept: Collection[str]) -> None:
        """Forget every content but these."""
        names = {self._name(sha256) for sha256 in kept}
        with suppress(OSError):
            for path in self._kept.iterdir():
                if path.name not in names:
                    path.unlink(missing_ok=True)

    def _name(self, sha256: str) -> str:
        """What the file of a content is called that outlives the process."""
        return self._sealing.tag(sha256) if self._is_sealed else sha256

    def _draft(self) -> Path:
        return self.copy.parent / f"{uuid4().hex}.tmp"

    def _seal(self, sha256: str) -> None:
        """Keep a content of this process for the next one, encrypted. Raises OSError."""
        if not self._is_sealed:
            return
        name, draft = self._name(sha256), self._draft()
        try:
            with (self._objects / sha256).open("rb") as content, _written(draft) as file:
                file.writelines(self._sealing.seal(name, _parts(content)))
            draft.replace(self._kept / name)
        finally:
            draft.unlink(missing_ok=True)

    def _opened(self, sha256: str) -> bool:
        """Decrypt for this process what an earlier one kept; whether there is such a content. Raises OSError."""
        name, draft = self._name(sha256), self._draft()
        try:
            with (self._kept / name).open("rb") as sealed, _written(draft) as file:
                file.writelines(self._sealing.open(name, _parts(sealed)))
            draft.replace(self._objects / sha256)
        except StateError:
            return False  # damaged: it is fetched again
        finally:
            draft.unlink(missing_ok=True)
        return True


def _written(path: Path) -> BinaryIO:
    """A new file, for nobody but this user."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _parts(file: BinaryIO) -> Iterator[bytes]:
    return iter(partial(file.read, CHUNK), b"")


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
