"""What the documents of a project are called, read quickly and without judging them: for completing a command line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import ListNode, MapNode, ScalarNode, TextFile
from runner.config.yaml.project_files import MAX_BYTES, shown_path, yaml_files
from runner.config.yaml.strict_yaml import parse
from runner.disk.regular_files import read_regular


@dataclass(frozen=True, slots=True)
class Outline:
    """Every word that a selection can be made of, each in the order of the alphabet."""

    activations: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


def outline(folder: Path) -> Outline:
    """The outline of the files below a folder; files and documents that cannot be read are left out."""
    words: dict[str, set[str]] = {field: set() for field in Outline.__dataclass_fields__}
    for path in yaml_files(folder, Findings()) if folder.is_dir() else ():
        for document in _documents(path):
            _note(document, words)
            if document.text("kind") == "Activation":
                words["paths"].add(shown_path(path))
    return Outline(**{field: tuple(sorted(found)) for field, found in words.items()})


def _documents(path: Path) -> Iterator[MapNode]:
    try:
        text = read_regular(path, MAX_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return
    nodes, _ = parse(TextFile(str(path), path, text), Findings())
    yield from (node for node in nodes if isinstance(node, MapNode))


def _note(document: MapNode, words: dict[str, set[str]]) -> None:
    if document.text("kind") == "Destination":
        _add(words["destinations"], document.text("name"))
        labelled = document.map("defaults")
    elif document.text("kind") == "Activation":
        _add(words["activations"], document.text("id"))
        labelled = document
    else:
        return
    if labelled is not None:
        _add(words["owners"], labelled.text("owner"))
        tags = labelled.get("tags")
        for tag in tags.items if isinstance(tags, ListNode) else ():
            _add(words["tags"], str(tag.value) if isinstance(tag, ScalarNode) else None)


def _add(words: set[str], word: str | None) -> None:
    """Note a word; one that a template makes is not known here, and one with a space would not stay one word."""
    if word and "{{" not in word and not any(character.isspace() for character in word):
        words.add(word)
