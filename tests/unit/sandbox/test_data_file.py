from __future__ import annotations

import os
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runner.core.errors import HeadcountError
from runner.sandbox.world.data_file import Amended, Cleared, DataChange, DataFile, NextId, SegmentPut, SegmentRemoved
from runner.sandbox.world.segment_records import CriteoService, SegmentRecord

SEGMENT = SegmentRecord(9, "12345", "name", None, "ContactList", 1.5, 2.5)

CHANGES: tuple[DataChange, ...] = (
    SegmentPut(
        SegmentRecord(1, "12345", "name \N{SNOWMAN}", None, "Location", 1.5, 2.5, {"radiusInKm": 3}, read_only=True)
    ),
    SegmentPut(replace(SEGMENT, id=2**62, service=CriteoService.RETAIL_MEDIA, retailer_id="12")),
    Amended(1, "email", "add", [b"\x00" * 32, b"\x01" * 32, b"\x02" * 16, "a@example.com"]),
    Amended(1, "email", "remove", [b"\x00" * 32]),
    Amended(1, "identityLink", "add", ["x" * 16, "y" * 32, "with\nnewline"]),
    Amended(1, "madid", "add", []),
    Cleared(1),
    SegmentRemoved(1),
    NextId(7),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data_file"


def _read(path: Path) -> list[DataChange]:
    data_file = DataFile(path)
    try:
        return list(data_file.replay())
    finally:
        data_file.close()


def _write(path: Path, *changes: DataChange) -> None:
    data_file = DataFile(path)
    try:
        list(data_file.replay())
        for change in changes:
            data_file.append(change)
    finally:
        data_file.close()


def test_changes_come_back_as_they_were(path: Path) -> None:
    _write(path, *CHANGES[:4])
    _write(path, *CHANGES[4:])
    assert _read(path) == list(CHANGES)


@pytest.mark.parametrize("count", [1, 1_000, 40_000])
def test_cut_off_anywhere_the_changes_before_come_back(path: Path, tmp_path: Path, count: int) -> None:
    _write(path, *CHANGES[:2])
    left = _killed_while_writing(path, tmp_path / "left", 32 * count)
    assert _read(left) == list(CHANGES[:2])
    _write(left, CHANGES[2])
    assert _read(left) == list(CHANGES[:3])


def _killed_while_writing(path: Path, left: Path, size: int) -> Path:
    """What a sandbox leaves that is killed while it writes a change of that size: as much of it as fits no cache."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO change (description, payload) VALUES ('{}', ?)", (bytes(size),))
        db.execute("UPDATE change SET description = '{}'")
        for part in path.parent.glob(f"{path.name}*"):
            shutil.copyfile(part, left.with_name(part.name.replace(path.name, left.name)))
        db.execute("ROLLBACK")
    return left


def test_a_damaged_file_is_refused(path: Path) -> None:
    _write(path, *CHANGES, Amended(1, "email", "add", [bytes([n % 256]) * 32 for n in range(1_000)]))
    damaged = bytearray(path.read_bytes())
    damaged[4_096:] = b"\xff" * len(damaged[4_096:])
    path.write_bytes(damaged)
    with pytest.raises(HeadcountError, match="is damaged") as refused:
        _read(path)
    assert refused.value.hint == "delete it, or name another file"


def test_a_file_is_only_written_again_when_it_is_much_too_big(path: Path) -> None:
    many = Amended(1, "email", "add", [bytes([n % 256]) * 32 for n in range(40_000)])
    _write(path, many)
    data_file = DataFile(path)
    list(data_file.replay())
    data_file.shrink([CHANGES[0]], size=1_000_000)
    assert path.stat().st_size > 1_280_000
    data_file.shrink([CHANGES[0]], size=10)
    data_file.append(CHANGES[1])
    data_file.close()
    assert _read(path) == list(CHANGES[:2])


@pytest.mark.parametrize("room", [0, 1, 4_096, 400_000])
def test_when_writing_fails_nothing_is_kept_and_the_file_goes_on(path: Path, room: int) -> None:
    many = Amended(1, "email", "add", [bytes([n % 256]) * 32 for n in range(40_000)])
    data_file = DataFile(path)
    list(data_file.replay())
    data_file.append(CHANGES[0])
    with _files_no_larger_than(path.stat().st_size + room), pytest.raises(sqlite3.OperationalError):
        data_file.append(many)
    assert list(data_file.replay()) == [CHANGES[0]]
    data_file.append(CHANGES[2])
    data_file.close()
    assert _read(path) == [CHANGES[0], CHANGES[2]]


@contextmanager
def _files_no_larger_than(size: int) -> Iterator[None]:
    """Let this process write no file beyond `size` bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_of_the_format_before_is_refused_and_kept(path: Path) -> None:
    old = b"headcount sandbox 1\n" + bytes(12)
    path.write_bytes(old)
    with pytest.raises(HeadcountError, match="data file of an older sandbox") as refused:
        DataFile(path)
    assert refused.value.hint == "delete it, or name another file"
    assert path.read_bytes() == old


def test_a_database_of_another_program_is_refused_and_kept(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE precious (id)")
    before = path.read_bytes()
    with pytest.raises(HeadcountError, match="is not a data file"):
        DataFile(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_a_device_is_no_data_file(path: Path, kind: str) -> None:
    os.mkfifo(path)
    with pytest.raises(HeadcountError, match="is no regular file"):
        DataFile(Path("/dev/zero") if kind == "device" else path)


def test_what_cannot_be_opened_is_refused_with_the_reason(path: Path) -> None:
    path.mkdir()
    with pytest.raises(HeadcountError, match="cannot be opened: Is a directory"):
        DataFile(path)
