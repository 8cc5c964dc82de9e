"""What `var('x')` means: the Project document's variables, and over them those of the command line."""

from __future__ import annotations

from collections.abc import Mapping

from runner.config.collector import Findings
from runner.config.nearest import shown
from runner.config.nodes import Document, Entry, ScalarNode, Value
from runner.config.strict_yaml import core_value


def resolve_variables(project: Document | None, given: Mapping[str, str], found: Findings) -> dict[str, Value]:
    """All variables by name. A variable of the command line takes the type of the one it replaces."""
    resolved: dict[str, Value] = dict(given)
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
        f"--var {name}={shown(text)[1:-1]} must be {what}, as declared here",
    )
    return declared
