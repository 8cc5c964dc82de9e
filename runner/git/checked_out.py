"""Which commit a folder is at, and whether its files are those of the commit."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from runner.git.committed_tree import CommittedTree
from runner.git.safe_git import GitRefused, NoGit, NoRepository, repository_of

_MAX_BYTES = 10_000_000
"""A larger file counts as changed."""


def checked_out(folder: Path, suffixes: Collection[str]) -> tuple[str, bool | None]:
    """The commit that the work tree of a folder is at, and whether one of its files is not as it is there.

    Looked at are the files below the folder whose names end so, those that only the commit has included. Raises
    nothing: without git or a repository the commit is empty, and the rest None.
    """
    try:
        repository = repository_of(folder)
        commit = repository.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode("ascii", "replace").strip()
        tree = CommittedTree(repository, commit, _MAX_BYTES)
        there = {path.absolute() for path in folder.rglob("*") if path.suffix.lower() in suffixes}
        then = {path for path in tree.paths_below(folder) if path.suffix.lower() in suffixes}
        return commit, not all(tree.holds(path) for path in there | then)
    except (NoGit, NoRepository, GitRefused, OSError, ValueError):
        return "", None
