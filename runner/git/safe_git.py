"""Run git over a work tree that somebody else wrote, so that nothing which is written there is run.

A branch can hold files that look like a repository, and a repository may include settings that the branch holds. So:

- The top is looked for here, by the `.git` that git itself never takes from a commit, and not by git.
- Only plumbing is run that starts no hook, no filter, no pager and no text conversion, and that never looks at the
  files of the work tree. Every transport is switched off, for git fetches by itself what a partial clone lacks.
- git sees a few variables that hold no secret, and is itself never a file of the work tree.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from runner.quick_dataclass import dataclass

SECONDS = 60.0
"""How long one question to git may take. Those that are asked take well under a second."""

_SETTINGS = (
    "safe.bareRepository=explicit",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "credential.helper=",
)
_PASSED_ON = ("HOME", "XDG_CONFIG_HOME", "SUDO_UID")
"""What git needs to find the user's own settings, `safe.directory` among them, and to know a folder's owner."""

_FIXED = {
    "LC_ALL": "C",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_TRACE2": "0",
    "GIT_TRACE2_EVENT": "0",
    "GIT_TRACE2_PERF": "0",
}


class NoGit(Exception):
    """There is no program git outside of the work tree."""


class NoRepository(Exception):
    """The folder lies in no work tree of git's, or in one that cannot be trusted to be the one that is meant."""


class GitRefused(Exception):
    """git did not answer: it knows no such thing, or may not look at the repository."""


@dataclass(frozen=True, slots=True)
class Repository:
    """The work tree at `top` (absolute, links followed)."""

    top: Path

    def ask(self, *arguments: str, lines: Iterable[str] = ()) -> bytes:
        """What one of git's plumbing commands prints, which may read `lines`. Raises GitRefused, NoGit."""
        environment = _environment(self.top, os.environ)
        git = _program(environment["PATH"])
        settings = (part for setting in _SETTINGS for part in ("-c", setting))
        command = [git, "--no-pager", "--literal-pathspecs", *settings, "-C", str(self.top), *arguments]
        # The folder above is where git stops looking: it takes the `.git` that was found, or none.
        environment["GIT_CEILING_DIRECTORIES"] = str(self.top.parent)
        started = subprocess.Popen(  # noqa: S603 - no shell, and nothing of a branch's is an option
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            answer, _ = started.communicate("".join(f"{line}\n" for line in lines).encode(), timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise GitRefused from None
        finally:
            if started.poll() is None:
                started.kill()
                started.wait()
        if started.returncode != 0:
            raise GitRefused
        return answer


def repository_of(folder: Path) -> Repository:
    """The repository whose work tree the folder lies in. Raises NoRepository.

    It is the same whether the links on the way to the folder are followed or not: a link of a branch's must not choose
    another repository.
    """
    written, real = _top(Path(os.path.abspath(folder))), _top(folder.resolve())  # noqa: PTH100 - follows no links
    if real is None or written is None or written.resolve() != real:
        raise NoRepository
    return Repository(real)


def _top(folder: Path) -> Path | None:
    """The nearest folder from this one upwards in which there is a `.git`."""
    return next((one for one in (folder, *folder.parents) if os.path.lexists(one / ".git")), None)


def _environment(top: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that git sees. What points into the work tree is left out, for a branch may have written it."""
    search = environ.get("PATH") or os.defpath
    folders = [folder for folder in search.split(os.pathsep) if Path(folder).is_absolute() and not _in(folder, top)]
    own = {name: environ[name] for name in _PASSED_ON if environ.get(name) and not _in(environ[name], top)}
    return {**own, **_FIXED, "PATH": os.pathsep.join(folders)}


def _in(path: str, top: Path) -> bool:
    return Path(path).resolve().is_relative_to(top)


def _program(search: str) -> str:
    import shutil

    found = shutil.which("git", path=search)
    if found is None:
        raise NoGit
    return found
