"""Whether git keeps what must not be in it."""

from __future__ import annotations

import os
from pathlib import Path

from runner.git.safe_git import GitRefused, NoGit, NoRepository, repository_of


def tracked_below(folder: Path) -> str:
    """The first path that git tracks at or below a folder, from the top of its work tree; empty where there is none.

    A folder outside of any repository, or where git does not answer, is in none of its hands.
    """
    for place in dict.fromkeys((folder.parent.resolve() / folder.name, folder.resolve())):
        try:
            repository = repository_of(place.parent)
            name = place.relative_to(repository.top).as_posix()
            listed = repository.ask("ls-files", "-z", "--cached", "--", name)
        except (NoRepository, NoGit, GitRefused, ValueError):
            continue
        if listed:
            return os.fsdecode(listed.split(b"\0", 1)[0])
    return ""
