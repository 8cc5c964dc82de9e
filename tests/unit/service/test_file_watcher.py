"""What `headcount serve` watches: the folders of the project, by the rule by which its files are read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.config import project_folders
from runner.service import file_watcher
from runner.service.file_watcher import folders_of, watching


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    activations = tmp_path / "project" / "activations"
    (activations / "below").mkdir(parents=True)
    return activations


def watched(folder: Path, *files: Path) -> frozenset[Path]:
    return folders_of(project_folders(folder), frozenset(map(str, files)))


def test_a_link_out_of_the_project_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (folder / "out").symlink_to(tmp_path / "elsewhere")
    (folder / "everything").symlink_to("/")
    assert watched(folder) == {folder, folder / "below"}


def test_a_link_within_the_project_is_followed_and_hidden_folders_are_not(folder: Path) -> None:
    shared = folder.parent / "shared"
    shared.mkdir()
    (folder / ".git" / "objects").mkdir(parents=True)
    (folder / "more").symlink_to("../shared")
    assert watched(folder) == {folder, folder / "below", shared}


def test_where_a_file_of_the_project_lies_is_watched_too(folder: Path) -> None:
    (folder.parent / "segments").mkdir()
    (folder.parent / "segments" / "real.sql").touch()
    (folder.parent / "link.sql").symlink_to("segments/real.sql")
    assert watched(folder, folder.parent / "link.sql") == {folder, folder / "below", folder.parent / "segments"}


@pytest.mark.parametrize("change", [
    lambda folder: (folder / "below" / "a.yaml").write_text("kind: Activation"),
    lambda folder: (folder / "new").mkdir(),
    lambda folder: (folder / "below").rmdir(),
], ids=["a file in a folder below", "a folder that comes", "a folder that goes"])  # fmt: skip
def test_a_change_is_noticed(folder: Path, change: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_watcher, "LOOK_AGAIN", 200)
    seen = threading.Semaphore(0)
    with watching(lambda: watched(folder), seen.release):
        assert seen.acquire(timeout=20)  # the first look counts as one
        change(folder)
        assert seen.acquire(timeout=20)
