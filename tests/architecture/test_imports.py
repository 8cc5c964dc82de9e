"""The shape of the code: who may import whom, and how large things may grow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "runner"
MODULES = sorted(PACKAGE.rglob("*.py"))

LAYERS = (
    *("core", "interruption", "listening", "sources", "destinations", "planning", "config", "engine", "state"),
    *("workflows", "service", "reports", "planfile", "starter", "sandbox", "cli"),
)
"""Each layer may import those before it and itself; `ALLOWED` narrows that down."""

ALLOWED = {
    "core": {"core"},
    "interruption": {"interruption"},
    "listening": {"core", "listening"},
    "planning": {"core", "destinations", "planning"},
    "sources": {"core", "sources"},
    "config": {"core", "sources", "destinations", "config"},
    "engine": {"core", "interruption", "sources", "engine"},
    "state": {"core", "interruption", "state"},
    "destinations": {"core", "destinations"},
    "workflows": {"core", "sources", "destinations", "planning", "engine", "state", "workflows"},
    "service": {"core", "workflows", "listening", "service"},
    "reports": {"core", "destinations", "planning", "workflows", "state", "reports"},
    "planfile": {"core", "planning", "config", "workflows", "reports", "planfile"},
    "starter": {"core", "config", "starter"},
    "sandbox": {"core", "listening", "sandbox"},
    "cli": set(LAYERS),
}

OWNERS = {
    "yaml": {"config"},
    "jsonschema": {"config"},
    "jinja2": {"config"},
    "duckdb": {"engine"},
    "sqlite3": {"state", "sandbox"},
    "requests": {"destinations"},
    "tenacity": {"destinations"},
    "rich": {"reports", "cli"},
    "typer": {"cli"},
    "starlette": {"sandbox", "service"},
    "uvicorn": {"sandbox", "service"},
    "socket": {"listening", "sandbox", "state"},
    "prometheus_client": {"service"},
    "watchfiles": {"service"},
    "cronsim": {"core", "config"},
}

PURE = {
    "datetime",
    "collections",
    "dataclasses",
    "enum",
    "typing",
    "pathlib",
    "difflib",
    "fnmatch",
    "functools",
    "hashlib",
    "json",
    "zoneinfo",
    "__future__",
}
"""What the core may use of the standard library: values, no clock, no disk, no network."""


def layer_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return "cli" if len(parts) == 1 else parts[0]


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a module, the module itself first."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def layer_of_import(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "core"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
class TestModule:
    def test_it_imports_only_from_layers_below(self, path: Path) -> None:
        if path.name == "__main__.py":
            return
        layer = layer_of(path)
        found = {layer_of_import(name) for name in imports(path) if name.split(".")[0] == "runner"}
        assert found <= ALLOWED[layer]

    def test_it_leaves_each_library_to_its_owner(self, path: Path) -> None:
        roots = {name.split(".")[0] for name in imports(path)}
        assert {root for root in roots & set(OWNERS) if layer_of(path) not in OWNERS[root]} == set()

    def test_it_is_small(self, path: Path) -> None:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 450

    def test_its_functions_are_small(self, path: Path) -> None:
        long = [
            f"{node.name} ({node.end_lineno - node.lineno + 1} lines)"
            for node in nodes(path)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.end_lineno is not None
            and node.end_lineno - node.lineno + 1 > 50
        ]
        assert long == []

    def test_it_says_what_it_is_for(self, path: Path) -> None:
        module = nodes(path)[0]
        assert isinstance(module, ast.Module)
        assert ast.get_docstring(module) or path.stat().st_size == 0

    def test_the_core_is_pure(self, path: Path) -> None:
        if layer_of(path) not in ("core", "planning"):
            return
        outside = {name.split(".")[0] for name in imports(path)} - {"runner", "cronsim"}
        assert outside <= PURE


def test_nothing_prints_outside_of_the_command_line() -> None:
    printing = [
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if layer_of(path) != "cli"
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []
