"""A file of thousands of documents is gone through once, and a command reads each of its files once."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from runner.config import declared_targets, declared_zone, load
from runner.config.read_documents import documents_of
from runner.config.schema.validate_documents import checked
from runner.config.templates.render import Scope
from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import ScalarNode, TextFile, at
from runner.config.yaml.project_files import Texts
from runner.config.yaml.source_map import origin_of
from runner.core.errors import InvalidProject
from tests.unit.config.projects import ACTIVATION, DEFAULTS, TODAY


class _Watched(str):
    """A text that notes when somebody looks for something in the whole of it."""

    __slots__ = ("looks",)

    def __contains__(self, part: object) -> bool:
        self.looks = getattr(self, "looks", 0) + 1
        return super().__contains__(part)  # type: ignore[operator]


def _documents(count: int) -> str:
    return "---\n".join(ACTIVATION.replace("oyal", f"oyal-{number}") for number in range(count))


def test_no_document_looks_through_the_whole_file(tmp_path: Path) -> None:
    text = _Watched(_documents(50))
    watched = TextFile("a.yaml", tmp_path / "a.yaml", text)
    found = Findings()
    documents = documents_of(replace(watched, text=str(text)), found)
    for document in documents:
        checked(replace(document, file=watched), Scope("an Activation", TODAY, {}), found, {})
    assert len(documents) == 50
    assert not found
    assert getattr(text, "looks", 0) < len(documents)


def test_a_file_is_split_into_lines_once_for_all_places_in_it(tmp_path: Path) -> None:
    file = TextFile("a.yaml", tmp_path / "a.yaml", _documents(50))
    places = []
    for document in documents_of(file, Findings()):
        node = at(document.root, ("segment", "sql"))[1]
        assert isinstance(node, ScalarNode)
        lines = file.lines
        places.append(origin_of(node, file).span(1, "shop"))
        assert file.lines is lines
    assert [place.line for place in places] == [5 + 6 * number for number in range(50)]
    assert {(place.column, place.length) for place in places} == {(26, 4)}


def test_what_is_known_before_the_project_is_resolved_costs_no_second_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, read, opened = tmp_path / "activations", Texts(), Counter[str]()
    folder.mkdir()
    (folder / "a.yaml").write_text(_documents(3), encoding="utf-8")
    (folder / "d.yaml").write_text(DEFAULTS, encoding="utf-8")
    (folder / "p.yaml").write_text("kind: Project\ntimezone: Europe/Paris\n", encoding="utf-8")
    open_file = os.open
    monkeypatch.setattr(os, "open", lambda path, *more: (opened.update([Path(path).name]), open_file(path, *more))[1])
    assert str(declared_zone(folder, read)) == "Europe/Paris"
    assert declared_targets(folder, today=TODAY, read=read) == ()
    assert len(load(folder, today=TODAY, environ={}, read=read).activations) == 3
    assert opened == {"a.yaml": 1, "d.yaml": 1, "p.yaml": 1}


def test_what_could_not_be_read_before_is_a_finding_all_the_same(tmp_path: Path) -> None:
    folder, read = tmp_path / "activations", Texts()
    folder.mkdir()
    (folder / "a.yaml").write_bytes(b"kind: \xff\n")
    declared_zone(folder, read)
    with pytest.raises(InvalidProject) as invalid:
        load(folder, today=TODAY, environ={}, read=read)
    assert [finding.code for finding in invalid.value.findings] == ["not-utf-8"]
