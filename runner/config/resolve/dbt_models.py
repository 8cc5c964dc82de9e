"""What `ref` means in the SQL of a segment: the models of the manifest that the segment's source declares."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from runner.config.document import Document
from runner.config.templates.template_types import NoSuchModel
from runner.config.yaml.nodes import at
from runner.core.project import DbtModel, Source
from runner.core.suggest import quoted_word
from runner.disk.path_rule import NotAllowed
from runner.quick_dataclass import dataclass, field
from runner.sources.dbt_manifest import DbtManifest, NoManifest, UnknownModel, read_manifest
from runner.sources.local_paths import file_at, shown
from runner.sources.warehouse import WarehouseSource

_ALIKE = {"databricks": "spark"}
"""Kinds of warehouse that dbt and Headcount may call by different names, and what they are compared as."""


@dataclass(slots=True)
class Manifests:
    """The manifests of one reading of the files: each is read once.

    `instead` stands in place of whatever is declared, and a model that it lacks is no finding then.
    """

    instead: DbtManifest | None = None
    _read: dict[Path, DbtManifest] = field(default_factory=dict)

    def of(self, document: Document, source: Source | None) -> DbtManifest | None:
        """The manifest of a source; None where it declares none, or after findings."""
        if not isinstance(source, WarehouseSource) or source.manifest is None:
            return None
        steps = ("dbt", "manifest")
        _, node = at(document.root, steps)
        try:
            found = self.instead or self._at(file_at(source.manifest.path, source.manifest.anchor))
        except NotAllowed as error:
            document.refuse(node.span, "path-not-allowed", f"the manifest {error.strerror}; put a plain file there")
            return None
        except FileNotFoundError:
            message = f"there is no file {shown(source.manifest.path)}; `dbt compile` writes it"
            document.refuse(node.span, "no-manifest", message)
            return None
        except NoManifest as error:
            document.refuse(node.span, "no-manifest", f"{shown(source.manifest.path)} {error}; `dbt compile` writes it")
            return None
        if found.adapter and not _fits(found.adapter, source.type):
            message = (
                f"the manifest was compiled for {quoted_word(found.adapter)}, and this source is of type {source.type}"
            )
            document.refuse(node.span, "no-manifest", message, "compile it for the target that this source is")
            return None
        return found

    def _at(self, path: Path) -> DbtManifest:
        if path not in self._read:
            self._read[path] = read_manifest(path)
        return self._read[path]


def _fits(adapter: str, source_type: str) -> bool:
    return source_type == "flightsql" or _ALIKE.get(adapter, adapter) == _ALIKE.get(source_type, source_type)


@dataclass(slots=True)
class Models:
    """What `ref` calls in one segment: it gives the relation of a model and remembers the model.

    Without a manifest, since that has findings, or for a look at another one, a model that is not there is its name.
    """

    manifest: DbtManifest | None
    is_lenient: bool
    used: dict[str, DbtModel] = field(default_factory=dict)

    def __call__(self, name: str, package: str, version: str) -> str:
        try:
            model = self.manifest.find(name, package, version) if self.manifest else DbtModel("", name, "")
        except UnknownModel as error:
            if not self.is_lenient:
                raise NoSuchModel(str(error)) from None
            model = DbtModel("", name, "")
        self.used[model.id or name] = model
        return model.relation or name


def every_manifest(
    manifests: Manifests, documents: Iterable[Document], sources: Iterable[Source | None]
) -> dict[str, DbtManifest | None]:
    """By the source's name, for those that declare one; None where it has findings."""
    found = {}
    for document, source in zip(documents, sources, strict=True):
        if document.root.get("dbt") is not None:
            found[(document.root.text("name") or "").strip()] = manifests.of(document, source)
    return found
