"""The evaluator and the membership store are entered through their interface, and know nothing of each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "runner"
SEGMENTS, MEMBERSHIPS = "runner.engine.segments", "runner.engine.memberships"
BOTH = {"engine/joined_pass.py", "engine/embedded.py"}
"""The private agreement of the two DuckDB classes, and what makes one of each."""


def entered(inside: str) -> dict[str, list[str]]:
    """What each module below a folder imports of the engine."""
    return {
        module: [name for name in imports(path) if name.startswith("runner.engine.")]
        for path in sorted(PACKAGE.rglob("*.py"))
        if (module := path.relative_to(PACKAGE).as_posix()).startswith(inside)
    }


def imports(path: Path) -> Iterator[str]:
    """The names that a module imports, what it takes from a package included: a.b for `from a import b`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_outside_of_the_engine_its_interface_is_all_that_is_known() -> None:
    beyond = {
        (module, name)
        for module, names in entered("").items()
        if not module.startswith("engine/")
        for name in names
        if not name.startswith("runner.engine.interface.")
    }
    assert beyond == {("cli/wiring.py", "runner.engine.embedded.EmbeddedEngine")}


def test_segments_and_memberships_do_not_import_each_other() -> None:
    both = set()
    for module, names in entered("engine/").items():
        known = ("runner." + module.replace("/", "."), *names)
        if all(any(name.startswith(folder) for name in known) for folder in (SEGMENTS, MEMBERSHIPS)):
            both.add(module)
    assert both == BOTH


def test_what_both_share_imports_neither() -> None:
    upward = [
        (module, name)
        for module, names in entered("engine/duckdb/").items()
        for name in names
        if name.startswith((SEGMENTS, MEMBERSHIPS))
    ]
    assert upward == []
