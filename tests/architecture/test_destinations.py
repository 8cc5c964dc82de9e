"""Destinations are a seam: the rest enters through the registry, and names no platform."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.test_imports import MODULES, PACKAGE, imports, nodes

OF_CRITEO = ("destinations/criteo/", "sandbox/", "starter/")
"""What is about Criteo itself: the adapter, its stand-in, and the project that `headcount init` writes."""

HELP = {
    "cli/app.py": "what the program is for",
    "cli/commands/plan_apply_sync.py": "AUDIENCE_ID, said where no project is read yet that would name a platform",
    "cli/commands/inspect.py": "--live, likewise",
}
"""Help of the command line, which is for people who have Criteo."""


def test_no_sentence_outside_of_the_adapter_names_criteo() -> None:
    naming = {
        module
        for path in MODULES
        if not (module := str(path.relative_to(PACKAGE))).startswith(OF_CRITEO)
        if any("Criteo" in text for text in sentences(path))
    }
    assert naming == set(HELP)


def test_the_folder_of_destinations_is_entered_by_its_registry_only() -> None:
    entering = {
        (str(path.relative_to(PACKAGE)), name)
        for path in MODULES
        if not path.is_relative_to(PACKAGE / "destinations")
        for name in imports(path)
        if name.startswith("runner.destinations") and name != "runner.destinations.registry"
    }
    assert entering == set()


def sentences(path: Path) -> Iterator[str]:
    """The string literals of a module, without docstrings."""
    described = {id(node.value) for node in nodes(path) if isinstance(node, ast.Expr)}
    for node in nodes(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            yield node.value
