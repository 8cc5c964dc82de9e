"""What a state does so that people can be erased from it: files written again, old ones gone at once, receipts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from runner.core.identifiers import IdentifierType
from runner.core.membership import SettledMembership
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
        assert state.backing.purge() == tuple(f"{bucket}/{kind}/" for kind in ("members", "outbox", "suppressions"))
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
        assert state.backing.purge() == ()
        assert not stray.exists()
