"""What the documents of a project are called, read quickly and without judging them: for completing a command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from runner.config.families import FOR_EACH
from runner.config.targets import TARGETS
from runner.config.written_words import Shared, words
from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import MapNode, TextFile
from runner.config.yaml.project_files import MAX_BYTES, shown_path, yaml_files
from runner.config.yaml.strict_yaml import parse
from runner.disk.regular_files import read_regular
from runner.quick_dataclass import dataclass, replace


@dataclass(frozen=True, slots=True)
class Outline:
    """Every word that a selection can be made of, each in the order of the alphabet."""

    activations: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


def outline(folder: Path) -> Outline:
    """The outline of the files below a folder; files and documents that cannot be read are left out."""
    found: dict[str, set[str]] = {field: set() for field in Outline.__dataclass_fields__}
    paths = tuple(yaml_files(folder, Findings())) if folder.is_dir() else ()
    documents = [(document, path) for path in paths for document in _documents(path)]
    shared = Shared.of(document for document, _ in documents)
    for document, path in documents:
        _note(document, shared, found)
        if document.text("kind") == "Activation":
            found["paths"].add(shown_path(path))
    return Outline(**{field: tuple(sorted(words)) for field, words in found.items()})


def _documents(path: Path) -> Iterator[MapNode]:
    try:
        text = read_regular(path, MAX_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return
    nodes, _ = parse(TextFile(str(path), path, text), Findings())
    yield from (node for node in nodes if isinstance(node, MapNode))


def _note(document: MapNode, shared: Shared, found: dict[str, set[str]]) -> None:
    kind = document.text("kind")
    if kind == "Destination":
        found["destinations"].update(_whole(words(document, "name", shared)))
    elif kind == "Activation":
        found["activations"].update(_whole(words(document, "id", shared)))
    if kind == "Project" and (declared := document.map(TARGETS)) is not None:
        found["targets"].update(declared.entries)
    labelled = document if kind == "Activation" else document.map("defaults")
    if labelled is not None and kind in ("Activation", "Destination", "Project"):
        each = document.entries.get(FOR_EACH)
        family = replace(labelled, entries={**labelled.entries, FOR_EACH: each}) if each is not None else labelled
        found["owners"].update(_whole(words(family, "owner", shared)))
        found["tags"].update(_whole(words(family, "tags", shared)))


def _whole(found: Iterable[str]) -> Iterator[str]:
    """Those that can be a pattern: one with a space would not stay one word."""
    return (word for word in found if word and not any(character.isspace() for character in word))
