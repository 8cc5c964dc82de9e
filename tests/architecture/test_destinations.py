"""What is about any destination names no platform."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.modules import MODULES, Module

OF_CRITEO = ("destinations/criteo/", "sandbox/", "starter/")
"""What is about Criteo itself: the adapter, its stand-in, and the project that `headcount init` writes."""

HELP = {
    "cli/app.py": "what the program is for",
    "cli/commands/take_over.py": "AUDIENCE_ID, said where no project is read yet that would name a platform",
    "cli/commands/inspect.py": "--live, likewise",
}
"""Help of the command line, which is for people who have Criteo."""


def test_no_sentence_outside_of_the_adapter_names_criteo() -> None:
    naming = {
        str(module)
        for module in MODULES
        if not str(module).startswith(OF_CRITEO)
        if any("Criteo" in text for text in sentences(module))
    }
    assert naming == set(HELP)


def sentences(module: Module) -> Iterator[str]:
    """The string literals of a module, without docstrings."""
    described = {id(node.value) for node in module.nodes if isinstance(node, ast.Expr)}
    for node in module.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            yield node.value
