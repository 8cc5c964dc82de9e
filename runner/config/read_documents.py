"""From a folder of files to its documents: read, parsed, and known by their kind."""

from __future__ import annotations

from pathlib import Path

from runner.config.document import ParsedDocument
from runner.config.other_folders import elsewhere
from runner.config.schema.json_schemas import KINDS
from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import MapNode, Node, ScalarNode, TextFile
from runner.config.yaml.project_files import ProjectFiles, shown_path, yaml_files
from runner.config.yaml.strict_yaml import parse
from runner.core.suggest import quoted_word, suggest
from runner.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ReadDocuments:
    """The documents of every file, and whether every file could be read to its end."""

    documents: tuple[ParsedDocument, ...]
    complete: bool

    def of(self, kind: str) -> tuple[ParsedDocument, ...]:
        """Those of a kind, in the order of the files."""
        return tuple(document for document in self.documents if document.kind == kind)


def read_documents(folder: Path, files: ProjectFiles, found: Findings) -> ReadDocuments:
    """Everything that the YAML files below a folder hold, as far as it can be read; the rest is in `found`."""
    name = shown_path(folder)
    if not folder.is_dir():
        what = "this is a file; --dir wants the folder that it is in" if folder.is_file() else "there is no such folder"
        hint = elsewhere(folder) or "`headcount init` writes a starter project; --dir names another folder"
        found.add_nowhere(name, "no-folder", what, hint)
        return ReadDocuments((), complete=False)
    documents: list[ParsedDocument] = []
    complete = True
    for path in yaml_files(folder, found):
        file = files.read(path, shown_path(path), found)
        if file is None:
            complete = False
            continue
        parsed, whole = _documents(file, found)
        documents += parsed
        complete = complete and whole
    if not documents and complete and not found:
        found.add_nowhere(
            name,
            "no-documents",
            "there is no YAML document in this folder",
            elsewhere(folder) or "`headcount init` writes a starter project",
        )
    return ReadDocuments(tuple(documents), complete)


def documents_of(file: TextFile, found: Findings) -> tuple[ParsedDocument, ...]:
    """The documents of one file, as far as it can be read."""
    return tuple(_documents(file, found)[0])


def _documents(file: TextFile, found: Findings) -> tuple[list[ParsedDocument], bool]:
    nodes, whole = parse(file, found)
    parsed = [_document(file, node, found) for node in nodes]
    return [document for document in parsed if document is not None], whole and None not in parsed


def _document(file: TextFile, node: Node, found: Findings) -> ParsedDocument | None:
    found.keep_private(file, node)
    if not isinstance(node, MapNode):
        message = "a document must be `key: value` lines, the first `kind: Activation` or another kind"
        found.add(file, node.span, "not-a-mapping", message)
        return None
    entry = node.entries.get("kind")
    if entry is None:
        first = next((other.key for other in node.entries.values()), node.span)
        message = "the document has no `kind`; write one of " + ", ".join(KINDS)
        found.add(file, first, "missing-kind", message)
        return None
    kind = entry.value.value if isinstance(entry.value, ScalarNode) else None
    if kind not in KINDS:
        word = entry.value.text if isinstance(entry.value, ScalarNode) else ""
        found.add(file, entry.value.span, "unknown-kind", f"unknown kind {quoted_word(word)}{suggest(word, KINDS)}")
        return None
    return ParsedDocument(file, str(kind), node)
