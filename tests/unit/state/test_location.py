"""Where the state may be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runner.core.errors import UsageError
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


@pytest.mark.parametrize("location", ["https://host/x", "file:///tmp/state", "s4://bucket"])
def test_what_is_neither_a_folder_nor_a_bucket_is_refused(location):
    with pytest.raises(UsageError, match=r"cannot be kept at (https|file|s4)://") as refused:
        open_state(location)
    assert "s3://bucket/prefix" in refused.value.hint


@pytest.mark.parametrize("location", ["s3:/bucket/prefix", Path("s3://bucket/prefix"), "az://container"])
def test_a_bucket_that_cannot_be_one_is_refused(location, monkeypatch):
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(UsageError, match=r"cannot be kept at (s3:/bucket|az://)"):
        open_state(location)


def test_a_bucket_without_its_library_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(UsageError) as refused:
        open_state("s3://bucket/prefix")
    assert refused.value.message == "a state in a bucket needs the package obstore, which is not installed"
    assert refused.value.hint == "install Headcount again, from your clone or wheel: pip install 'PATH[remote]'"


def test_an_encrypted_state_without_its_library_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    key = {"HEADCOUNT_STATE_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}
    with pytest.raises(UsageError) as refused:
        open_state("s3://bucket/prefix", key)
    assert refused.value.message == "an encrypted state needs the package cryptography, which is not installed"
    assert refused.value.hint == "install Headcount again, from your clone or wheel: pip install 'PATH[remote]'"
