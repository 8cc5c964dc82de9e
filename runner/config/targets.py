"""`targets:` of the Project document: named environments, of which each command is about one.

A target has variables of its own, over those of the Project, and a state of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from runner.config.document import Document
from runner.config.yaml.nodes import Entry, MapNode
from runner.core.errors import UsageError
from runner.core.suggest import quoted_word, suggest

TARGETS = "targets"
DEFAULT_STATE = ".headcount"
"""The folder beside that of the YAML files where a state is, or the states of targets are, when nothing is said."""


def chosen(names: Collection[str], name: str) -> str:
    """The name, if it is one of the targets, or empty where there are none. Raises UsageError."""
    if name and not names:
        raise UsageError(
            f"there is no target {quoted_word(name)}: the project declares none",
            "leave out --target and HEADCOUNT_TARGET, or declare `targets:` in the Project document",
        )
    if name and name not in names:
        raise UsageError(f"there is no target {quoted_word(name)}{suggest(name, names)}")
    if names and not name:
        raise UsageError(
            f"the project declares targets: {', '.join(sorted(names))}",
            "choose one with --target, or with HEADCOUNT_TARGET where the job is defined",
        )
    return name


def targets_of(project: Document) -> Mapping[str, MapNode]:
    """What each target says, by its name; none where the targets have findings."""
    declared = project.root.map(TARGETS) if project.sound(TARGETS) else None
    entries = declared.entries.items() if declared is not None else ()
    return {name: entry.value for name, entry in entries if isinstance(entry.value, MapNode)}


def with_target(project: Document, name: str) -> Mapping[str, Entry]:
    """The variables that the Project declares, those of a target over them."""
    declared = project.root.map("vars") if project.sound("vars") else None
    own = targets_of(project).get(name)
    layers = (declared, own.map("vars") if own is not None else None)
    return {key: entry for layer in layers if layer is not None for key, entry in layer.entries.items()}


def state_of(target: str, fields: MapNode, project: Document, folder: Path) -> str | Path:
    """Where a target's state is: a bucket as it is written, or a folder."""
    place = fields.text("state")
    if place is None:
        return folder.absolute().parent / DEFAULT_STATE / target
    return place if ":/" in place else project.file.path.absolute().parent / Path(place).expanduser()


def check_states(project: Document, folder: Path) -> None:
    """Record two targets that have one state: what one of them sends, the other would take back."""
    first: dict[str, str] = {}
    for name, fields in targets_of(project).items():
        state = state_of(name, fields, project, folder)
        place = str(state.resolve()).casefold() if isinstance(state, Path) else state.rstrip("/")
        earlier = first.setdefault(place, name)
        if earlier != name:
            entry = fields.entries.get("state")
            declared = project.root.map(TARGETS)
            assert declared is not None
            span = entry.value.span if entry is not None else declared.entries[name].key
            message = f"targets {quoted_word(earlier)} and {quoted_word(name)} have one state; give each its own"
            project.refuse(span, "shared-state", message, "without `state`, it is .headcount/<target>")
