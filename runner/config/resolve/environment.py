"""Which variables of the environment the files may name, and which of the files.

Both are set where the job is defined, never in a file: the author of a file on a branch must not be able to let it
read what the job keeps for itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from runner.core.errors import UsageError
from runner.destinations.registry import KINDS
from runner.quick_dataclass import dataclass
from runner.sources.registry import WAREHOUSE_KINDS

NAMES = "HEADCOUNT_ENV"
"""Lists further variables that files may name."""
FILES = "HEADCOUNT_ENV_FILES"
"""Lists the files that may name any, as globs relative to the project's folder; without it, all may."""
HOSTS = "HEADCOUNT_HOSTS"
"""Lists the hosts that secrets of sources may go to, as globs; without it, all."""
OWN = "HEADCOUNT_ENV_"
"""What the names of a project's own variables start with."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment as far as files may read it. `tree` is the project's folder, links followed."""

    values: Mapping[str, str]
    tree: Path
    listed: frozenset[str] = frozenset()
    files: tuple[str, ...] | None = None
    hosts: tuple[str, ...] | None = None

    @classmethod
    def of(cls, values: Mapping[str, str], tree: Path) -> Environment:
        """What the variables HEADCOUNT_ENV and HEADCOUNT_ENV_FILES allow. Raises UsageError for a wrong list."""
        files = _list(values[FILES]) if values.get(FILES, "").strip() else None
        hosts = _list(values[HOSTS].lower()) if values.get(HOSTS, "").strip() else None
        return cls(values, tree, frozenset(_listed(values.get(NAMES, ""))), files, hosts)

    def value(self, name: str) -> str:
        """A variable's value; empty where it is not set."""
        return self.values.get(name, "").strip()

    def reads(self, name: str) -> bool:
        """Whether a file may name the variable."""
        if name in (NAMES, FILES):
            return False
        usual = {variable for kind in KINDS.values() for variable in kind.variables.values()}
        usual.update(variable for warehouse in WAREHOUSE_KINDS.values() for variable in warehouse.variables)
        return name.startswith(("CRITEO_", OWN)) or name in usual or name in self.listed

    def may_send_to(self, host: str) -> bool:
        """Whether secrets of a source may go to the host."""
        return self.hosts is None or any(fnmatchcase(host.lower(), pattern) for pattern in self.hosts)

    def may_use(self, file: Path) -> bool:
        """Whether a file may name any variable at all. What counts is where it really lies."""
        if self.files is None:
            return True
        real = file.resolve()
        if not real.is_relative_to(self.tree):
            return False
        parts = real.relative_to(self.tree).parts
        return any(_matches(parts, tuple(pattern.strip("/").split("/"))) for pattern in self.files)


def _list(text: str) -> tuple[str, ...]:
    return tuple(word.removeprefix("./") for word in re.split(r"[,\s]+", text) if word)


def _listed(text: str) -> tuple[str, ...]:
    names = _list(text)
    for number, name in enumerate(names, start=1):
        if not _NAME.fullmatch(name):  # it may be a secret that was put into the wrong variable: not quoted
            raise UsageError(
                f"{NAMES} lists something, as number {number}, that is no name of a variable",
                "list whole names, with commas between them",
            )
        if name.startswith("HEADCOUNT_") and not (name.startswith(OWN) and name != FILES):
            raise UsageError(
                f"{NAMES} lists {name}, which is for Headcount itself and never for a file", "take it out of the list"
            )
    return names


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path fits a glob; `**` stands for any folders, none among them."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[skipped:], pattern[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])
