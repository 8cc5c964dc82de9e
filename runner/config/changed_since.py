"""Which activations have changed since a commit of git: by what, of all that they are declared by, was touched."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import MapNode, TextFile
from runner.config.yaml.strict_yaml import parse
from runner.core.errors import UsageError
from runner.core.project import Project

_YAML = (".yaml", ".yml")


def changed_since(project: Project, reference: str) -> frozenset[str]:
    """The ids of the activations that differ from what they were where the work left `reference`.

    Counted are commits, what is not committed yet, and new files. An activation has changed when one of the files that
    it depends on has; one that was declared then and is not any more has changed, too. Raises UsageError.
    """
    folder = Path(project.folder).resolve()
    top = Path(_git(folder, "rev-parse", "--show-toplevel").strip())
    base = _base(folder, reference)
    touched = _touched(top, base)
    ids = {one.id for one in project.activations if any(Path(file).resolve() in touched for file in one.files)}
    files = [path for path in touched if path.suffix.lower() in _YAML and path.is_relative_to(folder)]
    return frozenset(ids.union(*(_declared(top, base, path) for path in files)) if files else ids)


def _base(folder: Path, reference: str) -> str:
    """The commit to compare with: where this branch left the reference, if it did."""
    commit = _try(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
    if commit is None:
        raise UsageError(
            f'--changed-since "{reference}" names no commit of this repository',
            "a CI clone may hold the newest commit only: fetch the whole history (fetch-depth: 0), or that branch",
        )
    return (_try(folder, "merge-base", commit.strip(), "HEAD") or commit).strip()


def _touched(top: Path, base: str) -> frozenset[Path]:
    """Absolute paths of files that are not as they were in the commit, deleted and new ones among them."""
    differing = _git(top, "diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", base, "--")
    new = _git(top, "ls-files", "--others", "--exclude-standard", "-z")
    return frozenset(top / name for name in (*differing.split("\0"), *new.split("\0")) if name)


def _declared(top: Path, commit: str, path: Path) -> Iterator[str]:
    """The ids of the activations that a file declared in the commit; none where it was not there, or not readable."""
    name = path.relative_to(top).as_posix()
    text = _try(top, "show", "--end-of-options", f"{commit}:{name}")
    nodes = parse(TextFile(name, path, text), Findings())[0] if text else ()
    for node in nodes:
        if isinstance(node, MapNode) and node.text("kind") == "Activation" and (found := node.text("id")):
            yield found


def _git(folder: Path, *arguments: str) -> str:
    output = _try(folder, *arguments)
    if output is None:
        raise UsageError(
            f"--changed-since needs a git repository, and git does not take {folder} for one",
            "run it inside a clone; git says why with `git status` (a folder of another user needs safe.directory)",
        )
    return output


def _try(folder: Path, *arguments: str) -> str | None:
    """What git prints; None when it refuses. Raises UsageError where there is no git."""
    environment = {name: value for name, value in os.environ.items() if not re.match(r"GIT_(?!SSL|HTTP|CONFIG)", name)}
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and nothing of the user's can be an option
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise UsageError("--changed-since needs git, which is not installed", "install git, or use --select") from None
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else None
