"""The files of one commit, compared with those of the work tree, byte by byte and without git's filters."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.disk.regular_files import read_regular
from runner.git.safe_git import GitRefused, Repository

_LINK, _FILE = "120000", ("100644", "100755")
_MOST_LINKS = 40
"""More links on the way to a file than these are a circle, as they are for the kernel."""


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: str
    id: str


class CommittedTree:
    """The files and links of a commit, by their path from the top of the work tree."""

    def __init__(self, repository: Repository, commit: str, longest: int) -> None:
        """`commit` is a full id; a longer file of the work tree than `longest` bytes is taken for a changed one.

        Raises GitRefused, also where a partial clone lacks a folder of the commit.
        """
        self.repository = repository
        self._longest = longest
        listed = repository.ask("ls-tree", "-r", "-z", "--full-tree", commit)
        self._entries = dict(_entry(line) for line in listed.decode("utf-8", "surrogateescape").split("\0") if line)

    def holds(self, path: Path) -> bool:
        """Whether a file of the work tree, and every link in it on the way there, is as it was in the commit.

        In doubt it is not: bytes that only a filter of git's would make the same, a file outside of the work tree or in
        a submodule, one that cannot be read.
        """
        links = 0
        try:
            here, rest = Path("/"), list((Path.cwd() / path).parts[1:])
            while rest:
                here = here.parent if rest[0] == ".." else here / rest[0]
                del rest[0]
                if not here.is_symlink():
                    continue
                target, links = here.readlink(), links + 1
                if links > _MOST_LINKS or (self._covers(here) and not self._is(here, (_LINK,), os.fsencode(target))):
                    return False
                here, rest = Path("/") if target.is_absolute() else here.parent, [*_steps(target), *rest]
            return self._covers(here) and self._is(here, _FILE, read_regular(here, self._longest))
        except OSError:
            return False

    def paths_below(self, folder: Path) -> Iterator[Path]:
        """The files of the commit below a folder, and below what links in it led to then; absolute paths."""
        places = (Path(os.path.abspath(folder)), folder.resolve())  # noqa: PTH100 - as it is written, and where it leads
        waiting = [self._name(place) for place in dict.fromkeys(places) if self._covers(place)]
        seen: set[str] = set()
        while waiting:
            below = waiting.pop()
            if below in seen:
                continue
            seen.add(below)
            for name, entry in self._entries.items():
                if below != "." and name != below and not name.startswith(f"{below}/"):
                    continue
                if entry.mode == _LINK:
                    target = os.fsdecode(self.repository.ask("cat-file", "blob", entry.id))
                    waiting.append(os.path.normpath(Path(name).parent / target))
                elif entry.mode in _FILE:
                    yield self.repository.top / name

    def content(self, path: Path) -> bytes:
        """What a file of the commit held. Raises GitRefused, also where a partial clone lacks it."""
        entry = self._entries.get(self._name(path))
        if entry is None or entry.mode not in _FILE:
            raise GitRefused
        return self.repository.ask("cat-file", "blob", entry.id)

    def _covers(self, path: Path) -> bool:
        return path.is_relative_to(self.repository.top)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.repository.top).as_posix()

    def _is(self, path: Path, modes: tuple[str, ...], content: bytes) -> bool:
        entry = self._entries.get(self._name(path))
        return entry is not None and entry.mode in modes and entry.id == _object_id(content, len(entry.id))


def _steps(target: Path) -> tuple[str, ...]:
    return target.parts[1:] if target.is_absolute() else target.parts


def _entry(line: str) -> tuple[str, _Entry]:
    entry, name = line.split("\t", 1)
    mode, _, object_id = entry.split(" ")
    return name, _Entry(mode, object_id)


def _object_id(content: bytes, digits: int) -> str:
    """What git calls a file of this content; a repository's ids are SHA-1, or SHA-256 where they are longer."""
    algorithm = "sha1" if digits == 40 else "sha256"
    return hashlib.new(algorithm, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
