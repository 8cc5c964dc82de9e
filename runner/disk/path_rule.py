"""The one rule for the paths that files of a project name: where they lead, links followed, is inside of what was
declared, and no part of them is hidden.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection
from pathlib import Path

from runner.disk.regular_files import open_regular, read_at_most

_KERNEL = ("/proc", "/sys", "/dev")
_MEMORY = "/dev/shm"  # noqa: S108 - an ordinary file system, in spite of its place


class NotAllowed(OSError):
    """The rule forbids the path; `strerror` is a predicate that says why: "leads out of ..."."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(errno.EACCES, why, str(path))


def hidden_part(path: str) -> str:
    """The first part of a path that is hidden, such as `.git` or `.env`; empty when none is.

    Names with two dots are not: Kubernetes keeps the files of a mounted volume behind a link called `..data`.
    """
    if not path.startswith(".") and f"{os.sep}." not in path:
        return ""
    return next((part for part in Path(path).parts if part.startswith(".") and not part.startswith("..")), "")


def allowed(path: Path, within: Path, suffixes: Collection[str] = ()) -> Path:
    """Where a path leads, every link followed. Raises NotAllowed, and OSError for what is not there.

    `within` is a folder, its links followed already; `suffixes` are those that the file must have, in lower case.
    """
    return Path(_allowed(path, within, suffixes))


def _allowed(path: Path, within: Path, suffixes: Collection[str]) -> str:
    """The same as text: a project may have thousands of files, and taking paths apart is what takes long."""
    try:
        real = os.path.realpath(path, strict=True)
    except OSError as error:
        raise _circle(path) if error.errno == errno.ELOOP else error from None
    folder = str(within)
    if not _is_below(real, folder):
        raise NotAllowed(path, f"is or goes through a link that leads out of the folder {within.name}")
    hidden = hidden_part(real[len(folder) :].lstrip(os.sep))
    if hidden:
        raise NotAllowed(path, f"leads to {hidden}, which is hidden")
    if any(_is_below(real, kernel) for kernel in _KERNEL) and not _is_below(real, _MEMORY):
        raise NotAllowed(path, "leads to what the system keeps there, which is no data")
    if suffixes and Path(real).suffix.lower() not in suffixes:
        raise NotAllowed(path, f"leads to a file that is no {' or '.join(suffixes)}")
    return real


def _is_below(path: str, folder: str) -> bool:
    """Whether a path is the folder or leads into it; both are absolute, without links and dots."""
    return path == folder or path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def _circle(path: Path) -> OSError:
    return OSError(errno.ELOOP, "it is a link that leads to itself", str(path))


def read_allowed(path: Path, within: Path, suffixes: Collection[str], most: int) -> bytes:
    """The content of a regular file that the rule allows. Raises NotAllowed, NotRegular, TooLarge, OSError.

    It is the open file that is judged: a link that somebody turns in between makes no difference.
    """
    _allowed(path, within, suffixes)  # before it is opened, for the sake of what opening alone would do
    with open_regular(path) as file:
        found = os.lstat(_allowed(path, within, suffixes))
        if not os.path.samestat(found, os.fstat(file.fileno())):
            raise NotAllowed(path, "was replaced while it was opened")
        return read_at_most(file, path, most)
