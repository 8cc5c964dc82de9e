"""Files that a result is saved in: new ones, or earlier results of the same kind; nothing else is ever replaced."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from runner.core.errors import UsageError

_OF_THE_JOB = (
    *("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_EVENT_PATH"),
    *("BASH_ENV", "ENV", "BUILDKITE_ENV_FILE", "BITBUCKET_PIPELINES_VARIABLES_PATH", "DRONE_OUTPUT", "DRONE_ENV"),
)
"""Variables that name a file into which each step of a job writes lines of its own, or which its shell reads."""


def require_output(option: str, path: Path, is_ours: Callable[[Path], bool], what: str) -> None:
    """Raise UsageError, before anything is done, unless the file is new or holds an earlier result (or nothing).

    `is_ours` says whether a file holds an earlier result, which `what` names in the plural.
    """
    if not path.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no folder {path.parent}", "make the folder first")
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{option} {path} cannot be looked at: {error.strerror}", "name another file") from None
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(
            f"{option} {path} is {_kind(status.st_mode)}, and only a plain file is written",
            "name a new file; `--format json` writes to standard output, for a pipe or `>`",
        )
    shared = _shared_by(status)
    if shared:
        raise UsageError(
            f"{option} {path} is {shared}: to replace it would lose what others wrote there",
            "name another file, and append to this one yourself: `headcount plan --format markdown >> FILE`",
        )
    if status.st_size and not is_ours(path):
        raise UsageError(f"{option} {path} exists and is no {what}", f"name another file; only {what}s are replaced")


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a link"
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe or a socket" if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else "a device"


def _shared_by(status: os.stat_result) -> str:
    """Who writes into the file as well: a variable of the job, or the shell; empty when nobody does."""
    for name in _OF_THE_JOB:
        named = os.environ.get(name)
        if named and _is_at(named, status):
            return f"the file of {name}"
    for descriptor, name in ((1, "standard output"), (2, "standard error")):
        try:
            if os.path.samestat(os.fstat(descriptor), status):
                return f"where {name} goes"
        except OSError:
            continue  # closed
    return ""


def _is_at(path: str, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(Path(path).stat(), status)
    except OSError:
        return False
