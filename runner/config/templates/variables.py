"""What `var('x')` means: the Project document's variables, and over them those of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import Document, Entry, ScalarNode, Value
from runner.config.yaml.strict_yaml import core_value
from runner.core.errors import UsageError
from runner.core.suggest import quoted_word, suggest


class Variables(dict[str, Value]):
    """Variables by name, which note what templates ask for."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(str(name))
        return super().get(name, default)


def require_used(given: Iterable[str], declared: Document | None, variables: Variables) -> None:
    """Raise UsageError for a variable of the command line that no file declares and no template asks for."""
    fields = declared.root.map("vars") if declared is not None else None
    known = set(fields.entries) if fields is not None else set()
    for name in given:
        if name not in known and name not in variables.asked:
            advice = suggest(name, known | variables.asked, "the project has")
            raise UsageError(
                f"--var sets {quoted_word(name)}, which no file declares or uses{advice}",
                "variables are declared under `vars:` of the Project document",
            )


def resolve_variables(project: Document | None, given: Mapping[str, str], found: Findings) -> Variables:
    """All variables by name. A variable of the command line takes the type of the one it replaces."""
    resolved = Variables(dict(given))
    declared = project.root.map("vars") if project is not None and project.sound("vars") else None
    if project is None or declared is None:
        return resolved
    for name, entry in declared.entries.items():
        if not isinstance(entry.value, ScalarNode):
            continue
        if name in given:
            resolved[name] = _typed(name, given[name], entry, project, found)
        else:
            resolved[name] = entry.value.value
    return resolved


def undated_variables(project: Document | None, values: Mapping[str, Value]) -> Mapping[str, Value] | None:
    """The variables without the day that they were filled in on; None where they are the same every day."""
    declared = project.root.map("vars") if project is not None and project.sound("vars") else None
    undated = dict(values)
    for name, entry in declared.entries.items() if declared is not None else ():
        node = entry.value
        if isinstance(node, ScalarNode) and isinstance(node.undated, str) and values.get(name) == node.value:
            undated[name] = node.undated
    return None if undated == values else undated


def _typed(name: str, text: str, entry: Entry, project: Document, found: Findings) -> Value:
    declared = entry.value.value if isinstance(entry.value, ScalarNode) else None
    if isinstance(declared, str):
        return text
    value = core_value(text)
    wanted = bool if isinstance(declared, bool) else (int, float)
    if isinstance(value, wanted) and isinstance(value, bool) == isinstance(declared, bool):
        return value
    what = "true or false" if isinstance(declared, bool) else "a number"
    found.add(
        project.file,
        entry.key,
        "invalid-variable",
        f"--var {name}={quoted_word(text)[1:-1]} must be {what}, as declared here",
    )
    return declared
