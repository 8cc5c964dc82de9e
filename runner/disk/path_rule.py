"""The one rule for the paths that files of a project name: where they lead, links followed, is inside of what was
declared, and no part of them is hidden.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection
from pathlib import Path

from runner.disk.regular_files import open_regular, read_at_most

_KERNEL = (Path("/proc"), Path("/sys"), Path("/dev"))
_MEMORY = Path("/dev/shm")  # noqa: S108 - an ordinary file system, in spite of its place


class NotAllowed(OSError):
    """The rule forbids the path; `strerror` is a predicate that says why: "leads out of ..."."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(errno.EACCES, why, str(path))


def hidden_part(path: str) -> str:
    """The first part of a path that is hidden, such as `.git` or `.env`; empty when none is.

    Names with two dots are not: Kubernetes keeps the files of a mounted volume behind a link called `..data`.
    """
    return next((part for part in Path(path).parts if part.startswith(".") and not part.startswith("..")), "")


def allowed(path: Path, within: Path, suffixes: Collection[str] = ()) -> Path:
    """Where a path leads, every link followed. Raises NotAllowed, and OSError for what is not there.

    `within` is a folder, its links followed already; `suffixes` are those that the file must have, in lower case.
    """
    try:
        real = path.resolve(strict=True)
    except RuntimeError:  # how Python before 3.13 reports a circle
        raise _circle(path) from None
    except OSError as error:
        raise _circle(path) if error.errno == errno.ELOOP else error from None
    if not real.is_relative_to(within):
        raise NotAllowed(path, f"is or goes through a link that leads out of the folder {within.name}")
    hidden = hidden_part(str(real.relative_to(within)))
    if hidden:
        raise NotAllowed(path, f"leads to {hidden}, which is hidden")
    if any(real.is_relative_to(folder) for folder in _KERNEL) and not real.is_relative_to(_MEMORY):
        raise NotAllowed(path, "leads to what the system keeps there, which is no data")
    if suffixes and real.suffix.lower() not in suffixes:
        raise NotAllowed(path, f"leads to a file that is no {' or '.join(suffixes)}")
    return real


def _circle(path: Path) -> OSError:
    return OSError(errno.ELOOP, "it is a link that leads to itself", str(path))


def read_allowed(path: Path, within: Path, suffixes: Collection[str], most: int) -> bytes:
    """The content of a regular file that the rule allows. Raises NotAllowed, NotRegular, TooLarge, OSError.

    It is the open file that is judged: a link that somebody turns in between makes no difference.
    """
    allowed(path, within, suffixes)  # before it is opened, for the sake of what opening alone would do
    with open_regular(path) as file:
        found = allowed(path, within, suffixes).lstat()
        if not os.path.samestat(found, os.fstat(file.fileno())):
            raise NotAllowed(path, "was replaced while it was opened")
        return read_at_most(file, path, most)
