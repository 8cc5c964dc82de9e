from __future__ import annotations

import json
import os
import struct
import zlib
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from runner.sandbox.api.services import CriteoService
from runner.sandbox.world.data_file import Amended, Cleared, DataChange, Journal, NextId, SegmentPut, SegmentRemoved
from runner.sandbox.world.segment_records import SegmentRecord

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
    return tmp_path / "journal"


def _read(path: Path) -> list[DataChange]:
    journal = Journal(path)
    try:
        return list(journal.replay())
    finally:
        journal.close()


def _write(path: Path, *changes: DataChange) -> None:
    journal = Journal(path)
    try:
        list(journal.replay())
        for change in changes:
            journal.append(change)
    finally:
        journal.close()


def test_changes_come_back_as_they_were(path: Path) -> None:
    _write(path, *CHANGES[:4])
    _write(path, *CHANGES[4:])
    assert _read(path) == list(CHANGES)


def test_cut_off_anywhere_the_changes_before_come_back(path: Path) -> None:
    _write(path, *CHANGES[:2])
    whole = path.read_bytes()
    _write(path, CHANGES[2])
    longer = path.read_bytes()
    assert longer.startswith(whole)
    for size in range(len(whole), len(longer)):
        path.write_bytes(longer[:size])
        assert _read(path) == list(CHANGES[:2])
        assert path.read_bytes() == whole


def test_a_record_that_was_damaged_ends_the_file(path: Path) -> None:
    _write(path, CHANGES[0])
    whole = path.read_bytes()
    _write(path, CHANGES[1])
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    assert _read(path) == [CHANGES[0]]
    assert path.read_bytes() == whole


def test_a_file_is_only_written_anew_when_it_is_much_too_big(path: Path) -> None:
    many = Amended(1, "email", "add", [bytes([n % 256]) * 32 for n in range(40_000)])
    _write(path, many)
    journal = Journal(path)
    list(journal.replay())
    journal.shrink([CHANGES[0]], size=1_000_000)
    assert path.stat().st_size > 1_280_000
    journal.shrink([CHANGES[0]], size=10)
    journal.append(CHANGES[1])
    journal.close()
    assert _read(path) == list(CHANGES[:2])


def test_when_writing_fails_nothing_is_kept_and_the_file_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite

    def full_after_three_bytes(file: int, data: memoryview, offset: int) -> int:
        if offset > len(whole):
            raise OSError(28, "No space left on device")
        return real(file, data[:3], offset)

    journal = Journal(path)
    list(journal.replay())
    journal.append(CHANGES[0])
    whole = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full_after_three_bytes)
        with pytest.raises(OSError, match="No space"):
            journal.append(CHANGES[1])
    assert path.read_bytes() == whole
    journal.append(CHANGES[2])
    journal.close()
    assert _read(path) == [CHANGES[0], CHANGES[2]]


def test_a_file_from_before_there_were_two_services_is_read(path: Path) -> None:
    _write(path)
    old = asdict(SEGMENT)
    del old["service"], old["retailer_id"]
    old["advertiser_id"] = old.pop("owner_id")
    description = json.dumps({"do": "put", **old}).encode()
    with path.open("ab") as file:
        file.write(struct.pack("<III", len(description), 0, zlib.crc32(description)) + description)
    (change,) = _read(path)
    assert change == SegmentPut(SEGMENT)
