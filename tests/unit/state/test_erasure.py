"""What a state does so that people can be erased from it: files written again, old ones gone at once, receipts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest

from runner.core.errors import StateError
from runner.core.identifiers import IdentifierType
from runner.core.membership import SettledMembership
from runner.core.older_versions import HowKnown
from runner.core.suppression import SuppressionDefinition
from runner.state.store import StateStore
from tests.object_store import ObjectStore

from .conftest import AT, EVERYWHERE, LATER, begin_delta, end_delta, intend, rows, write_members

EMAIL = IdentifierType.EMAIL


def rewritten(count: int) -> Callable[[Path], SettledMembership]:
    def write(path: Path) -> SettledMembership:
        write_members(path, count)
        return SettledMembership({EMAIL: count}, {})

    return write


def filled(state: StateStore) -> int:
    """An audience whose membership is a whole file and one of changes."""
    key = intend(state)
    state.created(key, "87")
    begin_delta(state, key)
    end_delta(state, key, 5)
    begin_delta(state, key)
    end_delta(state, key, 2, changes_only=True)
    return key


@EVERYWHERE
def test_a_membership_written_again_is_one_whole_file(open_state: Callable[[], StateStore]) -> None:
    state = open_state()
    with state.lock("test"):
        key = filled(state)
        before = state.held(key)
        assert before.changes is not None
        state.rewrite(key, rewritten(4))
        assert not any(path.exists() for path in before.files)
    held = open_state().held(key)
    assert held.changes is None
    assert held.members is not None
    assert rows(held.members) == 4
    assert dict(open_state().audience(key).members) == {EMAIL: 4}


@EVERYWHERE
def test_it_is_not_while_a_delta_is_open(open_state: Callable[[], StateStore]) -> None:
    state = open_state()
    with state.lock("test"):
        key = filled(state)
        begin_delta(state, key)
        with pytest.raises(RuntimeError, match="open delta"):
            state.rewrite(key, rewritten(4))


@EVERYWHERE
def test_files_of_an_audience_are_let_go_of_only_where_nobody_knows_what_it_holds(
    open_state: Callable[[], StateStore],
) -> None:
    state = open_state()
    with state.lock("test"):
        key = filled(state)
        files = state.held(key).files
        with pytest.raises(RuntimeError, match="is known"):
            state.drop_files(key)
        state.require_refill(key)
        begin = state.audience(key)
        state.drop_files(key)
        assert not any(path.exists() for path in files)
        assert state.audience(key).members == begin.members
    assert open_state().held(key).files == ()


@EVERYWHERE
def test_a_suppression_written_again_is_as_clean_as_it_was(open_state: Callable[[], StateStore]) -> None:
    def of(text: str) -> Callable[[Path], Mapping[IdentifierType, int]]:
        return lambda path: {EMAIL: path.write_text(text)}

    state = open_state()
    with state.lock("test"):
        state.define_suppression("consent", SuppressionDefinition("m", "s", {"email": "email"}), AT)
        state.remember_suppression("consent", of("ab"), AT)
        state.suppression_clean("consent")
        state.remember_suppression("consent", of("abc"), LATER)
        before = state.suppressions()
        state.rewrite_suppression("consent", lambda old, new: {EMAIL: new.write_text(old.read_text()[1:])})
    state = open_state()
    files = state.suppression_files("consent")
    assert files is not None
    assert files.before is not None
    assert (files.members.read_text(), files.before.read_text()) == ("bc", "b")
    [one] = state.suppressions()
    assert dict(one.members) == {EMAIL: 2}
    assert (one.is_clean, one.evaluated_at) == (before[0].is_clean, before[0].evaluated_at)


@EVERYWHERE
def test_a_receipt_comes_back_and_says_when_it_is_finished(open_state: Callable[[], StateStore]) -> None:
    state = open_state()
    with state.lock("test"):
        run = state.begin_run("forget", AT)
        number = state.add_receipt(run, AT, {"finished": None, "audiences": []})
    [found] = open_state().receipts()
    assert (found.number, found.run, found.at, found.is_finished) == (number, run, AT, False)
    with state.lock("test"):
        state.complete_receipt(number, {"finished": "2026", "audiences": []})
    assert open_state().receipts()[0].is_finished


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
def test_old_objects_of_a_bucket_go_at_once(
    open_state: Callable[[], StateStore], store: ObjectStore, bucket: str
) -> None:
    state = open_state()

    def people() -> set[str]:
        return {name for name in store.objects(bucket.split("/")[2]) if "members/" in name or "outbox/" in name}

    with state.lock("test"):
        key = filled(state)
        state.rewrite(key, rewritten(4))
        assert len(people()) > 1
        state.backing.purge()
        assert state.backing.older_versions(lambda _: True).are_gone  # the bucket keeps none
        assert len(people()) == 1
        state.held(key)
    held = open_state().held(key)
    assert held.members is not None
    assert rows(held.members) == 4


def test_a_folder_keeps_no_older_versions(state: StateStore) -> None:
    with state.lock("test"):
        key = filled(state)
        stray = state.held(key).files[0].with_name("000099.parquet")
        stray.write_bytes(b"left by a dead run")
        state.backing.purge()
        assert not stray.exists()
        assert state.backing.older_versions(lambda _: True).are_gone


def write_again(state: StateStore) -> None:
    """Fill a state and write its files again, so that what was there is an older version where those are kept."""
    state.rewrite(filled(state), rewritten(4))
    state.backing.purge()


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
def test_of_older_versions_those_that_hold_somebody_are_named(
    open_state: Callable[[], StateStore], store: ObjectStore, bucket: str
) -> None:
    name = bucket.split("/")[2]
    store.keep_versions(name)
    state = open_state()
    with state.lock("test"):
        write_again(state)
        there = {one for one in store.objects(name) if "members/" in one or "outbox/" in one}
        everybody = state.backing.older_versions(lambda _: True)
        some = state.backing.older_versions(lambda file: rows(file) == 5)
        unreadable = state.backing.older_versions(_cannot_be_read)
    assert not everybody.are_gone
    assert {one.object.split("/")[0] for one in everybody.versions} == {"members", "outbox"}
    assert not there & {f"project/{one.object}" for one in everybody.versions}
    assert [one.is_certain for one in some.versions] == [True]
    assert {one.is_certain for one in unreadable.versions} == {False}
    for one in everybody.versions:
        store.delete_version(name, f"project/{one.object}", one.version)
    with state.lock("test"):
        assert state.backing.older_versions(lambda _: True).are_gone


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
def test_a_bucket_that_keeps_versions_no_longer_has_those_of_before(
    open_state: Callable[[], StateStore], store: ObjectStore, bucket: str
) -> None:
    name = bucket.split("/")[2]
    store.keep_versions(name)
    state = open_state()
    with state.lock("test"):
        write_again(state)
        store.suspend_versions(name)
        older = state.backing.older_versions(lambda _: True)
    assert older.known is HowKnown.LISTED
    assert {one.object.split("/")[0] for one in older.versions} == {"members", "outbox"}
    assert not older.are_gone


def _cannot_be_read(file: Path) -> bool:
    raise StateError("it is damaged")


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
@pytest.mark.parametrize("fault", ["denied", "not installed"])
def test_where_they_cannot_be_listed_it_is_said_why(
    open_state: Callable[[], StateStore],
    store: ObjectStore,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    store.keep_versions(bucket.split("/")[2])
    if fault == "not installed":
        monkeypatch.setitem(sys.modules, "botocore", None)
        monkeypatch.setitem(sys.modules, "botocore.session", None)
    state = open_state()
    with state.lock("test"), store.denying_lists() if fault == "denied" else nullcontext():
        older = state.backing.older_versions(lambda _: True)
    assert not older.are_gone
    assert older.known is HowKnown.NOT_LISTED
    assert older.places[0] == f"{bucket}/members/"
    said = f"{older.why}; {older.hint}"
    assert ("AccessDenied" if fault == "denied" else "botocore, which is not installed") in said
    assert ("s3:ListBucketVersions" if fault == "denied" else "[versions]") in said
