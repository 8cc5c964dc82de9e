"""The files of one commit, compared with those of the work tree, byte by byte and without git's filters."""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path

from runner.disk.regular_files import read_regular
from runner.git.safe_git import GitRefused, Repository
from runner.quick_dataclass import dataclass

_LINK, _FILE = "120000", ("100644", "100755")
_MOST_LINKS = 40
"""More links on the way to a file than these are a circle, as they are for the kernel."""

_MOST_TARGETS, _LONGEST_TARGET = 10_000, 4_096
"""So many links that lead to different places a commit may hold, and so many bytes a path (PATH_MAX of Linux)."""


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
            for name in self._names_below(below):
                entry = self._entries[name]
                if entry.mode == _LINK:
                    target = self._targets.get(entry.id)
                    waiting += [os.path.normpath(Path(name).parent / target)] if target is not None else []
                elif entry.mode in _FILE:
                    yield self.repository.top / name

    def _names_below(self, folder: str) -> Iterator[str]:
        """The names in a folder and below, and the name itself where it is no folder."""
        if folder == ".":
            yield from self._names
            return
        if folder in self._entries:
            yield folder
        start = f"{folder}/"
        for name in islice(self._names, bisect_left(self._names, start), None):
            if not name.startswith(start):
                return
            yield name

    @cached_property
    def _names(self) -> list[str]:
        return sorted(self._entries)

    @cached_property
    def _targets(self) -> Mapping[str, str]:
        """Where each link of the commit leads, by its id; what is too long for a link leads nowhere.

        Raises GitRefused, also where a partial clone lacks one, and where there are more than anybody has.
        """
        ids = {entry.id for entry in self._entries.values() if entry.mode == _LINK}
        if len(ids) > _MOST_TARGETS:
            raise GitRefused
        short = [one for one, size in self._sizes(ids) if size <= _LONGEST_TARGET]
        answer, targets = self.repository.ask("cat-file", "--batch", lines=short) if short else b"", {}
        for _ in short:
            head, _, answer = answer.partition(b"\n")
            object_id, _, size = head.decode("ascii").split(" ")
            targets[object_id], answer = os.fsdecode(answer[: int(size)]), answer[int(size) + 1 :]
        return targets

    def _sizes(self, ids: Collection[str]) -> Iterator[tuple[str, int]]:
        for line in self.repository.ask("cat-file", "--batch-check", lines=ids).decode("ascii").splitlines():
            object_id, kind, *size = line.split(" ")
            if kind != "blob":  # "missing"
                raise GitRefused
            yield object_id, int(size[0])

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
