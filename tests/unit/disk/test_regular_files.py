"""Nothing but a plain file of a sensible size is read."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from runner.disk.regular_files import NotRegular, TooLarge, read_regular


def test_a_file_is_read_up_to_the_size_that_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", 3) == b"abc"
    with pytest.raises(TooLarge) as caught:
        read_regular(tmp_path / "file", 2)
    assert caught.value.strerror == "it has more than 2 bytes"


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "link to a pipe"])
def test_what_may_give_bytes_for_ever_or_none_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = Path("/dev/zero") if kind == "device" else tmp_path / "it"
    if kind == "folder":
        path.mkdir()
    if "pipe" in kind:
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to("pipe")
    with pytest.raises(NotRegular):
        read_regular(path, 3)


def test_a_socket_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "it"))
        with pytest.raises(OSError, match="it"):
            read_regular(tmp_path / "it", 3)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="a system without /proc")
def test_a_file_of_the_kernels_that_says_it_is_empty_is_bounded_too() -> None:
    with pytest.raises(TooLarge):
        read_regular(Path("/proc/self/maps"), 10)
