"""What `var('x')` means: the variables that the Project document declares, and over them those of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runner.config.document import Document
from runner.config.yaml.nodes import Entry, ScalarNode, plain
from runner.config.yaml.strict_yaml import core_value
from runner.core.errors import UsageError
from runner.core.suggest import quoted_word, suggest


class Variables(dict[str, Any]):
    """Variables by name, which note what templates ask for; `declared` are those of the Project document."""

    def __init__(self, values: Mapping[str, Any], declared: frozenset[str] = frozenset()) -> None:
        super().__init__(values)
        self._known = set(declared)

    def __contains__(self, name: object) -> bool:
        self._known.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._known.add(str(name))
        return super().get(name, default)

    def require_used(self, given: Iterable[str]) -> None:
        """Raise UsageError for a variable of the command line that no file declares and no template asks for."""
        for name in given:
            if name not in self._known:
                raise UsageError(
                    f"--var sets {quoted_word(name)}, which no file declares or uses"
                    + suggest(name, self._known, "the project has"),
                    "declare it under `vars:` of the Project document",
                )


def resolve_variables(project: Document | None, declared: Mapping[str, Entry], given: Mapping[str, str]) -> Variables:
    """All variables by name: `declared` are those of the Project. One of the command line takes the type of the one
    it replaces.
    """
    resolved = Variables(dict(given), frozenset(declared))
    if project is None:
        return resolved
    for name, entry in declared.items():
        resolved[name] = _typed(name, given[name], entry, project) if name in given else plain(entry.value)
    return resolved


def _typed(name: str, text: str, entry: Entry, project: Document) -> Any:
    declared = plain(entry.value)
    if not isinstance(entry.value, ScalarNode):
        message = f"--var {name}=... is a text and cannot replace a list or a mapping; change it here"
        project.refuse(entry.key, "invalid-variable", message)
        return declared
    if isinstance(declared, str):
        return text
    value = core_value(text)
    wanted = bool if isinstance(declared, bool) else (int, float)
    if isinstance(value, wanted) and isinstance(value, bool) == isinstance(declared, bool):
        return value
    what = "true or false" if isinstance(declared, bool) else "a number"
    project.refuse(
        entry.key,
        "invalid-variable",
        f"--var {name}={quoted_word(text)[1:-1]} must be {what}, as declared here",
    )
    return declared
