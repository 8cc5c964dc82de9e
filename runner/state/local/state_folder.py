"""The folder of the state and the immutable Parquet files in it: names, checksums, removal."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from time import time_ns

from runner.core.errors import StateError
from runner.disk.durable_files import checksum, flush, write_atomically
from runner.disk.regular_files import read_regular
from runner.git.tracked import tracked_below
from runner.quick_dataclass import dataclass
from runner.state.local.second_name import forget, replaced, second_names
from runner.state.local.whole_files import FileIdentity, Look, WholeFiles
from runner.state.state_errors import RESTORE, file_faults, moved_away

KINDS = ("members", "outbox", "suppressions")
"""The folders of Parquet files; below each is one folder per activation, or per suppression."""

_MOVED = "moved-to"
"""A file that says where the state went."""

_LONGEST_LOCATION = 65_536
"""Bytes of that file, at most."""

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_LONGEST = 128


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that a record points to: `path` below the state's folder, and what it must contain."""

    path: str
    size: int
    sha256: str


class StateFolder:
    """The folder on disk. Reading it creates nothing."""

    def __init__(self, folder: Path, whole: WholeFiles | None = None) -> None:
        """`whole` is the note of files that were looked at by earlier runs; None where there is none."""
        self.path = folder.absolute()
        self._whole = whole
        self._verified: dict[StoredFile, Look] = {}

    @property
    def database(self) -> Path:
        return self.path / "state.db"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    def require_plausible(self) -> None:
        """Raise StateError for a folder that has lost its database, or that is not a state's at all."""
        with file_faults(self.path):
            names = _names(self.path)
            if _MOVED in names:  # also beside a database: the move was cut off in its last step
                raise moved_away(self.path, self.moved_to())
            if self.database.name in names:
                return
            second = next(second_names(self.database), None)
            copies = (self.path / name for name in sorted(names, reverse=True) if _tells_of_database(name))
            orphan = next(iter((*self._parquet_files(), *copies)), None)
            if (second or orphan) and self.database.exists():
                return  # another run has just begun the state, after the names were read
            if second:
                raise replaced(self.database, second)
            if orphan:
                raise StateError(f"{self.database} is missing, though {orphan} is there", RESTORE)
        foreign = sorted(name for name in names if not _ours(name))
        if foreign:
            raise StateError(
                f"{self.path} is not a state of Headcount's: it holds {foreign[0]}",
                "name a folder of its own with HEADCOUNT_STATE; it is created when it does not exist",
            )

    def require_untracked(self) -> None:
        """Raise StateError where git tracks the folder or a file of it, which a checkout would replace or delete."""
        tracked = tracked_below(self.path)
        if tracked:
            raise StateError(
                f"git tracks {tracked}: the state must not be in git, where a checkout replaces or deletes it, and "
                "where everybody can read who is a customer",
                f"run `git rm -r --cached {self.path.name}` in {self.path.parent} and commit that; or check out a "
                "branch that does not have it",
            )

    def moved_to(self) -> str:
        """Where the state of this folder went, empty when it is here."""
        with file_faults(self.path):
            try:
                return read_regular(self.path / _MOVED, _LONGEST_LOCATION).decode("utf-8", "replace").strip()
            except FileNotFoundError:
                return ""

    def leave(self, location: str) -> None:
        """Say where the state went, and take the database out of the way; its content stays as a copy.

        May be said again, should it have been cut off."""
        with file_faults(self.path):
            write_atomically(self.path / _MOVED, location + "\n", 0o600)
            forget(self.database)
            if self.database.exists():
                self.database.rename(self.path / f"{self.database.name}.moved")
            flush(self.path)

    def prepare(self) -> None:
        """Create the folder, closed to other users and ignored by git, if it is not there yet."""
        self.require_plausible()
        with file_faults(self.path):
            if not self.path.exists():
                self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
                flush(self.path.parent)
            elif stat.S_IMODE(self.path.stat().st_mode) != 0o700:
                self.path.chmod(0o700)
            ignore = self.path / ".gitignore"
            if not ignore.exists() or ignore.stat().st_size == 0:  # a run may have died while it wrote the file
                descriptor = os.open(ignore, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    file.write("*\n")

    def make_room(self, path: str) -> Path:
        """The absolute path of a new file, the folders above it made."""
        target = self.path / path
        with file_faults(target):
            for folder in (target.parent.parent, target.parent):
                if not folder.exists():
                    folder.mkdir(mode=0o700)
                    flush(folder.parent)
        return target

    def seal(self, path: str) -> StoredFile:
        """Flush a file that was just written and take its checksum. Raises StateError when it is not there."""
        target = self.path / path
        with file_faults(target):
            target.chmod(0o600)
            flush(target)
            flush(target.parent)
            look = Look(FileIdentity.of(target), time_ns())
            stored = StoredFile(path, look.identity.size, checksum(target))
            self._verified[stored] = look
        return stored

    def verify(self, stored: StoredFile, hint: str) -> Path:
        """The absolute path of a file whose content is what it was; each file is read once, or not at all where a note
        that is trusted has it. Raises StateError."""
        target = self.path / stored.path
        with file_faults(target):
            try:
                look = Look(FileIdentity.of(target), time_ns())
                before = self._verified.get(stored)
                if before is not None and look.identity.same_content(before.identity):
                    return target
                if self._whole is not None and self._whole.has(stored, look.identity):
                    return target
                sha256 = checksum(target)
            except FileNotFoundError:
                raise StateError(f"{target} is missing", hint) from None
        if look.identity.size != stored.size:
            raise StateError(f"{target} is damaged: it has {look.identity.size} bytes instead of {stored.size}", hint)
        if sha256 != stored.sha256:
            raise StateError(f"{target} is damaged: its content is not what was written", hint)
        self._verified[stored] = look
        return target

    def note_whole(self) -> None:
        """Note on this machine which files were read to their ends and found to be what they must be."""
        if self._whole is not None:
            self._whole.add(self.path, self._verified)

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files that no record points to any more. What cannot be removed now is garbage for a later run."""
        for path in paths:
            _unlink(self.path / path)

    def sweep(self, referenced: Collection[str]) -> None:
        """Remove what dead runs left: files that no record points to, and temporary ones. Needs the lock."""
        # A file system that ignores case may spell a folder otherwise than the record does.
        kept = {path.casefold() for path in referenced}
        with file_faults(self.path):
            for file in self._parquet_files():
                if file.relative_to(self.path).as_posix().casefold() not in kept:
                    _unlink(file)
            for kind in KINDS:
                for folder in _entries(self.path / kind):
                    _rmdir(folder)
            for entry in _entries(self.path):
                if ".tmp" in entry.name and entry.is_file():
                    _unlink(entry)

    def _parquet_files(self) -> Iterator[Path]:
        for kind in KINDS:
            for folder in _entries(self.path / kind):
                yield from (entry for entry in _entries(folder) if not entry.is_dir())


def folder_name(activation: str) -> str:
    """The folder of an activation's files: its id where that is a safe name, else one unlike any other's."""
    name = "".join(char if char in _SAFE else "".join(f"%{byte:02X}" for byte in char.encode()) for char in activation)
    if name.startswith("."):
        name = "%2E" + name[1:]
    if not name or len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}%{hashlib.sha256(activation.encode()).hexdigest()[:16]}"
    return name


def file_path(kind: str, activation: str, serial: int) -> str:
    """Where the file of a serial is, below the state's folder."""
    return f"{kind}/{folder_name(activation)}/{serial:06d}.parquet"


def take_name(draft: Path, path: Path) -> None:
    """Give a file its name, unless there is one of that name, which stays."""
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not path.exists():
            draft.rename(path)
    draft.unlink(missing_ok=True)


def _ours(name: str) -> bool:
    return name in (*KINDS, "lock", _MOVED, ".gitignore", ".DS_Store", "lost+found") or name.startswith("state.db")


def _tells_of_database(name: str) -> bool:
    """Whether a database was there when this file was made: the lock is only taken where there is one."""
    return name == "lock" or (name.startswith("state.db") and ".tmp" not in name)


def _names(folder: Path) -> frozenset[str]:
    """What is in a folder, nothing where there is none. A folder that may not be read raises OSError."""
    try:
        return frozenset(entry.name for entry in folder.iterdir())
    except FileNotFoundError:
        return frozenset()


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _unlink(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        return


def _rmdir(path: Path) -> None:
    try:
        path.rmdir()
    except OSError:
        return  # not empty, or already gone
