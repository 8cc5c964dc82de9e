"""The modules of the package as the rules look at them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "runner"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file of the package."""

    path: Path

    def __str__(self) -> str:
        return self.path.relative_to(PACKAGE).as_posix()

    @property
    def name(self) -> str:
        """Its dotted name; a package's own is without `__init__`."""
        return ".".join(self.path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")

    @property
    def layer(self) -> str:
        """The folder that it is in; what lies at the root belongs to the command line."""
        parts = self.path.relative_to(PACKAGE).parts
        return "cli" if len(parts) == 1 else parts[0]

    @cached_property
    def text(self) -> str:
        """What is in the file."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The file, parsed."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the module, the module itself first."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def imported(self) -> tuple[str, ...]:
        """What it imports anywhere; `from package import module` counts as the module."""
        return tuple(_imported(self.nodes))

    @property
    def imported_at_start(self) -> Iterator[str]:
        """What is imported when it is."""
        return _imported(self.tree.body)

    @property
    def called(self) -> set[str]:
        """The plain names that it calls."""
        return {node.func.id for node in self.nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}

    @property
    def functions(self) -> Iterator[Function]:
        """Every function, methods and inner ones included."""
        return (node for node in self.nodes if isinstance(node, Function))

    @property
    def public(self) -> Iterator[ast.ClassDef | Function]:
        """The classes and functions that others may use."""
        return (
            node
            for node in self.tree.body
            if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_")
        )


def _imported(nodes: tuple[ast.AST, ...] | list[ast.stmt]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if _is_module(name) else node.module


def _is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


MODULES = tuple(Module(path) for path in sorted(PACKAGE.rglob("*.py")))
