"""Files that a run found to be whole are not read again by a plan, unless somebody touched them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.core.errors import StateError
from runner.state import open_state
from runner.state.local import state_folder, whole_files
from runner.state.local.state_folder import StateFolder, StoredFile
from runner.state.local.whole_files import FileIdentity, Look, WholeFiles

from .conftest import begin_delta, end_delta, intend

Reads = Callable[[bool], list[str]]


@pytest.fixture(autouse=True)
def notes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files, and files of just now, are noted as well."""
    monkeypatch.setattr(whole_files, "LEAST", 0)
    monkeypatch.setattr(whole_files, "SETTLED", 0)


@pytest.fixture
def cache(tmp_path: Path) -> dict[str, str]:
    return {"HEADCOUNT_CACHE": str(tmp_path / "cache")}


@pytest.fixture
def members(folder: Path, cache: dict[str, str]) -> Path:
    """The membership of audience 1, after a run that read it."""
    state = open_state(folder, cache)
    with state.lock("headcount apply"):
        key = intend(state)
        begin_delta(state, key)
        end_delta(state, key)
    with state.lock("headcount apply"):
        found = state.held(key).members
    state.close()
    assert found is not None
    return found


@pytest.fixture
def reads(folder: Path, cache: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Reads:
    """What is read to its end by who only plans, or by anybody else."""

    def opened(only_plans: bool) -> list[str]:
        files: list[str] = []
        real = state_folder.checksum

        def noticed(path: Path) -> str:
            files.append(path.name)
            return real(path)

        state = open_state(folder, cache, only_plans=only_plans)
        with monkeypatch.context() as patch:
            patch.setattr(state_folder, "checksum", noticed)
            try:
                state.held(1)
            finally:
                state.close()
        return files

    return opened


def test_a_plan_does_not_read_again_what_a_run_found_whole(members: Path, reads: Reads) -> None:
    assert reads(True) == []


def test_everybody_else_reads_it(members: Path, reads: Reads) -> None:
    assert reads(False) == [members.name]


def test_a_change_that_sets_the_time_back_is_noticed(members: Path, reads: Reads) -> None:
    before, content = members.stat(), members.read_bytes()
    members.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    os.utime(members, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(StateError, match="is damaged"):
        reads(True)


def test_another_file_in_its_place_is_read(members: Path, reads: Reads) -> None:
    before, copy = members.stat(), members.with_suffix(".copy")
    copy.write_bytes(members.read_bytes())
    os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
    copy.replace(members)
    assert reads(True) == [members.name]


@pytest.mark.parametrize("note", ["", "{", "[]", "7", "null", '{"members/loyal/000002.parquet": 7}', "\udcff"])
def test_a_note_that_says_nothing_is_no_error(
    members: Path, reads: Reads, note: str, cache: dict[str, str], folder: Path
) -> None:
    [file] = Path(cache["HEADCOUNT_CACHE"]).glob("*/whole-files.json")
    file.write_text(note, encoding="utf-8", errors="surrogateescape")
    assert reads(True) == [members.name]
    state = open_state(folder, cache)
    with state.lock("headcount apply"):
        state.held(1)
    state.close()
    assert reads(True) == []


def test_a_note_about_another_content_counts_for_nothing(folder: Path, members: Path, tmp_path: Path) -> None:
    path, content = str(members.relative_to(folder)), members.read_bytes()
    right = StoredFile(path, len(content), "0" * 64)
    note = WholeFiles(tmp_path / "note.json", trusted=True)
    note.add(folder, {StoredFile(path, len(content), "1" * 64): Look(FileIdentity.of(members), 2**62)})
    with pytest.raises(StateError, match="is damaged"):
        StateFolder(folder, note).verify(right, "")
    note.add(folder, {right: Look(FileIdentity.of(members), 2**62)})
    assert StateFolder(folder, WholeFiles(tmp_path / "note.json", trusted=True)).verify(right, "") == members


def test_a_file_that_was_changed_just_before_is_not_noted(
    folder: Path, members: Path, cache: dict[str, str], reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_files, "SETTLED", 3_600_000_000_000)
    [file] = Path(cache["HEADCOUNT_CACHE"]).glob("*/whole-files.json")
    file.unlink()
    state = open_state(folder, cache)
    with state.lock("headcount apply"):
        state.held(1)
    state.close()
    assert reads(True) == [members.name]


def test_a_run_of_some_audiences_keeps_what_is_noted_of_the_others_while_it_holds(
    folder: Path, cache: dict[str, str], members: Path, reads: Reads
) -> None:
    state = open_state(folder, cache)
    with state.lock("headcount apply"):
        other = intend(state, "lapsed")
        begin_delta(state, other)
        end_delta(state, other)
    state.close()
    assert reads(True) == []
    [file] = Path(cache["HEADCOUNT_CACHE"]).glob("*/whole-files.json")
    assert "lapsed" in file.read_text(encoding="utf-8")
    members.unlink()
    state = open_state(folder, cache)
    with state.lock("headcount apply"):
        state.held(other)
    state.close()
    assert "loyal" not in file.read_text(encoding="utf-8")


def test_a_state_whose_note_cannot_be_written_works(folder: Path, members: Path, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("", encoding="utf-8")
    state = open_state(folder, {"HEADCOUNT_CACHE": str(tmp_path / "a-file")})
    with state.lock("headcount apply"):
        assert state.held(1).members == members
    state.close()


@pytest.mark.parametrize(("changed", "is_noted"), [(5_000_000_000, False), (5_000_000_001, True)])
def test_a_clock_that_may_count_in_seconds_is_given_more_time(tmp_path: Path, changed: int, is_noted: bool) -> None:
    stored, identity = StoredFile("members/loyal/000002.parquet", 9, "0" * 64), FileIdentity(1, 2, 9, 4, changed)
    WholeFiles(tmp_path / "note.json", trusted=False).add(tmp_path, {stored: Look(identity, changed + 1_000_000_000)})
    assert WholeFiles(tmp_path / "note.json", trusted=True).has(stored, identity) == is_noted
