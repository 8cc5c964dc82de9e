"""Where the state may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import UsageError
from runner.state import open_state

from .conftest import intend


def test_a_folder_is_a_state_by_path_or_by_text(tmp_path):
    state = open_state(tmp_path / "state")
    with state.lock("headcount apply"):
        intend(state)
    state.close()
    again = open_state(str(tmp_path / "state"))
    assert len(again.audiences()) == 1
    again.close()


def test_a_relative_folder_stays_the_same_when_the_working_directory_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state = open_state("a folder?with #odd %20 characters")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with state.lock("headcount apply"):
        intend(state)
    assert len(state.audiences()) == 1
    state.close()
    assert (tmp_path / "a folder?with #odd %20 characters" / "state.db").exists()


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    state = open_state("~/state")
    with state.lock("headcount apply"):
        pass
    assert (tmp_path / "state" / "state.db").exists()


@pytest.mark.parametrize(
    "location", ["s3://bucket/prefix", "gs://bucket", "https://host/x", Path("s3://bucket/prefix")]
)
def test_what_is_no_folder_is_not_supported_yet(location):
    with pytest.raises(UsageError, match=r"cannot be kept at (s3|gs|https):// yet"):
        open_state(location)
