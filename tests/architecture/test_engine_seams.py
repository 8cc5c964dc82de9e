"""The evaluator and the membership store know nothing of each other."""

from __future__ import annotations

from tests.architecture.modules import MODULES, Module

SEGMENTS, MEMBERSHIPS = "runner.engine.segments", "runner.engine.memberships"
BOTH = {
    "engine/counted_pass.py",
    "engine/fingerprinted_pass.py",
    "engine/joined_pass.py",
    "engine/looked_up_pass.py",
    "engine/embedded.py",
}
"""The private agreement of the two DuckDB classes, and what makes one of each."""


def knows(module: Module, folder: str) -> bool:
    """Whether a module is in a folder, or imports from there."""
    return any(name.startswith(folder) for name in (module.name, *module.imported))


def test_segments_and_memberships_do_not_import_each_other() -> None:
    both = {
        str(module)
        for module in MODULES
        if module.layer == "engine" and knows(module, SEGMENTS) and knows(module, MEMBERSHIPS)
    }
    assert both == BOTH


def test_what_both_share_imports_neither() -> None:
    upward = [
        str(module)
        for module in MODULES
        if str(module).startswith("engine/duckdb/") and (knows(module, SEGMENTS) or knows(module, MEMBERSHIPS))
    ]
    assert upward == []
