"""A file is whole or not there, and a lock says whether its process still lives."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.disk import durable_files
from runner.disk.durable_files import checksum, is_abandoned, write_atomically
from runner.disk.regular_files import NotRegular


@contextmanager
def locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def test_a_file_is_replaced_with_the_rights_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old", encoding="utf-8")
    write_atomically(path, "né\n", 0o640)
    assert path.read_text(encoding="utf-8") == "né\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old", encoding="utf-8")

    def full(path: Path) -> None:
        raise OSError("no space")

    monkeypatch.setattr(durable_files, "flush", full)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, "new", 0o600)
    assert [entry.read_text(encoding="utf-8") for entry in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("target", ["there", "nowhere"])
def test_a_link_is_neither_followed_nor_replaced(tmp_path: Path, target: str) -> None:
    (tmp_path / "there").write_text("old")
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(NotRegular):
        write_atomically(tmp_path / "link", "new", 0o600)
    assert (tmp_path / "link").is_symlink()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["link", "there"]
    assert (tmp_path / "there").read_text() == "old"


def test_the_content_is_on_the_disk_before_the_name_points_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "plan.json", []
    monkeypatch.setattr(
        durable_files, "flush", lambda draft: seen.append((draft.read_text(encoding="utf-8"), path.exists()))
    )
    write_atomically(path, "new", 0o600)
    assert seen == [("new", False)]


def test_a_checksum_is_the_sha_256_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert checksum(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_locked_is_in_use_until_its_holder_ends(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    path.mkdir() if kind == "folder" else path.touch()
    with locked(path):
        assert not is_abandoned(path)
    assert is_abandoned(path)


def test_what_is_missing_is_abandoned_and_a_link_is_not(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert is_abandoned(tmp_path / "missing")
    assert not is_abandoned(tmp_path / "link")
