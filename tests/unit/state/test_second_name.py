"""The database has a second name, by which one that was replaced or removed is noticed and brought back."""

from __future__ import annotations

import shutil

import pytest

from runner.core.errors import StateError
from runner.state import open_folder
from runner.state.local import second_name

from .conftest import AT, intend


def used(folder, times=1):
    """Open a state for writing so many times; its second names."""
    for _ in range(times):
        state = open_folder(folder, clock=lambda: AT)
        with state.lock("headcount apply"):
            if not state.audiences():
                intend(state)
        state.close()
    return list(folder.glob("state.db.second-*"))


def read(folder):
    state = open_folder(folder, clock=lambda: AT)
    try:
        return len(state.audiences())
    finally:
        state.close()


def write(folder):
    used(folder)


BOTH = pytest.mark.parametrize("use", [read, write])


def test_there_is_one_second_name_whatever_the_number_of_runs(tmp_path):
    [second] = used(tmp_path / "state", times=3)
    assert second.samefile(tmp_path / "state/state.db")


@BOTH
def test_a_database_that_was_removed_is_not_taken_for_a_new_state_and_comes_back(tmp_path, use):
    folder = tmp_path / "state"
    [second] = used(folder)
    for name in ("state.db", "lock", ".gitignore"):
        (folder / name).unlink()
    with pytest.raises(StateError, match=r"state\.db is missing: that is still there as state\.db\.second-") as refused:
        use(folder)
    assert f"mv {second} {folder / 'state.db'}" in refused.value.hint

    second.rename(folder / "state.db")
    assert read(folder) == 1
    assert len(used(folder)) == 1


@BOTH
def test_another_state_in_its_place_is_refused_and_left_alone(tmp_path, use):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    [second] = used(ours)
    used(theirs, times=5)
    (ours / "state.db").unlink()
    shutil.copyfile(theirs / "state.db", ours / "state.db")
    before = (ours / "state.db").read_bytes()
    with pytest.raises(StateError, match="is not the state that was used last"):
        use(ours)
    assert (ours / "state.db").read_bytes() == before
    assert second.exists()


@BOTH
def test_an_older_copy_of_itself_in_its_place_is_refused(tmp_path, use):
    folder = tmp_path / "state"
    used(folder)
    shutil.copyfile(folder / "state.db", tmp_path / "backup")
    used(folder)
    (folder / "state.db").unlink()
    shutil.copyfile(tmp_path / "backup", folder / "state.db")
    with pytest.raises(StateError, match="is not the state that was used last") as refused:
        use(folder)
    assert "sync --rebuild" in refused.value.hint


@BOTH
def test_an_older_copy_that_is_accepted_is_the_state_and_the_other_one_stays(tmp_path, use):
    folder = tmp_path / "state"
    used(folder)
    shutil.copyfile(folder / "state.db", tmp_path / "backup")
    newest = (used(folder)[0]).read_bytes()
    (folder / "state.db").unlink()
    shutil.copyfile(tmp_path / "backup", folder / "state.db")
    state = open_folder(folder, clock=lambda: AT)
    state.backing.accept()
    state.close()
    use(folder)
    [second] = used(folder)
    assert second.samefile(folder / "state.db")
    assert (folder / "state.db.replaced-1").read_bytes() == newest


def test_nothing_is_set_aside_where_no_database_is_there_to_be_accepted(tmp_path):
    [second] = used(tmp_path / "state")
    (tmp_path / "state/state.db").unlink()
    state = open_folder(tmp_path / "state", clock=lambda: AT)
    state.backing.accept()
    assert second.exists()
    with pytest.raises(StateError, match="is missing"):
        state.audiences()


def test_a_copy_of_the_whole_folder_is_a_state_and_gets_a_second_name_of_its_own(tmp_path):
    used(tmp_path / "state")
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    assert read(tmp_path / "copy") == 1
    [second] = used(tmp_path / "copy")
    assert second.samefile(tmp_path / "copy/state.db")
    assert read(tmp_path / "state") == 1


def test_without_links_there_is_no_second_name_and_nothing_else_changes(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr(second_name.Path, "hardlink_to", refuse)
    assert used(tmp_path / "state", times=2) == []
    assert read(tmp_path / "state") == 1


def test_a_state_that_moved_away_leaves_no_second_name(tmp_path):
    used(tmp_path / "state")
    state = open_folder(tmp_path / "state", clock=lambda: AT)
    state.backing.leave("s3://bucket/prefix")
    assert list((tmp_path / "state").glob("state.db.second-*")) == []
    state.close()
