"""What dbt knows of a project's models: its manifest.json, as far as it says what they are called in the warehouse.

https://schemas.getdbt.com/dbt/manifest/v12.json; the few fields that are read are the same in what dbt's Rust version
writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from runner.core.project import DbtModel
from runner.core.suggest import quoted_word, suggest
from runner.disk.regular_files import read_regular
from runner.quick_dataclass import dataclass, field

LARGEST = 268_435_456
"""Bytes of a manifest: a project of ten thousand models has a third of that."""

_REFERABLE = frozenset({"model", "seed", "snapshot"})


class NoManifest(Exception):
    """It cannot be read, or is none; the message is a predicate that says why."""


class UnknownModel(Exception):
    """There is no such model, or none that a warehouse holds; the message says so."""


@dataclass(frozen=True, slots=True)
class _Node:
    model: DbtModel
    package: str
    version: str
    is_latest: bool


@dataclass(frozen=True, slots=True)
class DbtManifest:
    """`adapter` is the kind of warehouse that it was compiled for, empty where it does not say; `project` dbt's own."""

    adapter: str
    project: str
    nodes: Mapping[str, tuple[_Node, ...]] = field(repr=False)

    def find(self, name: str, package: str = "", version: str = "") -> DbtModel:
        """The model that `ref` means: of the package or else dbt's own project first, of the version or the latest.

        Raises UnknownModel.
        """
        named = self.nodes.get(name, ())
        if not named:
            raise UnknownModel(f"dbt has no model {quoted_word(name)}{suggest(name, self.nodes)}")
        there = tuple(node for node in named if node.package == package) if package else self._nearest(named)
        if not there:
            packages = _listed(node.package for node in named)
            raise UnknownModel(f"model {quoted_word(name)} is not of package {quoted_word(package)}, but of {packages}")
        found = next((node for node in there if (node.version == version if version else node.is_latest)), None)
        if found is None:
            versions = _listed(node.version for node in there if node.version)
            has = f"it has {versions}" if versions else "it has none"
            raise UnknownModel(f"model {quoted_word(name)} has no version {quoted_word(version)}; {has}")
        if not found.model.relation:
            raise UnknownModel(f"model {quoted_word(name)} is ephemeral: dbt makes no table or view of it")
        return found.model

    def _nearest(self, named: tuple[_Node, ...]) -> tuple[_Node, ...]:
        return tuple(node for node in named if node.package == self.project) or named


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(quoted_word(word) for word in set(words)))


def read_manifest(path: Path) -> DbtManifest:
    """The manifest in a file. Raises NoManifest; where there is no file, FileNotFoundError."""
    try:
        document = json.loads(read_regular(path, LARGEST))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NoManifest(f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise NoManifest("is no JSON") from None
    try:
        said = document["metadata"]
        nodes: dict[str, list[_Node]] = {}
        for key, node in document["nodes"].items():
            if node["resource_type"] in _REFERABLE:
                nodes.setdefault(str(node["name"]), []).append(_node(str(key), node))
        adapter, project = said.get("adapter_type"), said.get("project_name")
    except (KeyError, TypeError, AttributeError):
        raise NoManifest("is no manifest of dbt's") from None
    return DbtManifest(str(adapter or ""), str(project or ""), {name: tuple(some) for name, some in nodes.items()})


def _node(key: str, node: Mapping[str, Any]) -> _Node:
    version, latest = node.get("version"), node.get("latest_version")
    columns = frozenset(str(name).lower() for name in node.get("columns") or ())
    model = DbtModel(key, str(node["name"]), str(node.get("relation_name") or ""), columns)
    return _Node(model, str(node["package_name"]), _text(version), version is None or version == latest)


def _text(version: object) -> str:
    return "" if version is None else str(version)
