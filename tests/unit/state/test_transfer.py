"""A whole state from one place to another, whatever is interrupted."""

from __future__ import annotations

import pytest

from runner.core.errors import Locked, StateError, UsageError
from runner.state import open_folder, transfer
from runner.state.remote.bucket_backing import backing_at
from runner.state.remote.lease import LeaseTimings
from runner.state.store import StateStore
from runner.state.transfer import is_unused, move, pull, push

from .conftest import AT, EVERYWHERE, begin_delta, end_delta, intend, rows, send


@pytest.fixture
def there(bucket, tmp_path):
    """Opens the state in the bucket."""
    opened = []

    def open_there(key=""):
        environ = {"HEADCOUNT_CACHE": str(tmp_path / f"cache-{len(opened)}"), "HEADCOUNT_STATE_KEY": key}
        opened.append(StateStore(backing_at(bucket, environ, lambda: AT, LeaseTimings(), fresh=-1.0)))
        return opened[-1]

    yield open_there
    for state in opened:
        state.close()


def fill(state, count=3):
    """An audience with a membership and a delta under way."""
    with state.lock("headcount apply"):
        key = intend(state)
        state.created(key, "900")
        begin_delta(state, key)
        for number in range(3):
            send(state, key, number)
        end_delta(state, key, count)
        begin_delta(state, key)
        state.mark_in_flight(key, 0)
        state.begin_run("apply", AT)
    return key


def view(state):
    """What a state says, without where its files are."""
    audiences = state.audiences()
    held = [state.held(audience.record_id) for audience in audiences]
    content = [(rows(one.members), rows(one.outbox), one.taken, one.in_flight) for one in held]
    return audiences, content, state.runs()


@EVERYWHERE
def test_a_copy_is_a_state_that_says_the_same(open_state, tmp_path):
    state = open_state()
    fill(state)
    pull(state, tmp_path / "copy")
    copy = open_folder(tmp_path / "copy")
    assert view(copy) == view(state)
    with copy.lock("headcount apply"):
        end_delta(copy, copy.audiences()[0].record_id)
    copy.close()


@EVERYWHERE
def test_a_copy_overwrites_nothing_and_there_is_none_of_nothing(open_state, tmp_path):
    state = open_state()
    with pytest.raises(StateError, match="there is no state at"):
        pull(state, tmp_path / "copy")
    fill(state)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "thesis.odt").touch()
    with pytest.raises(UsageError, match="is there already"):
        pull(state, tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["thesis.odt"]


@EVERYWHERE
def test_a_copy_is_made_while_a_run_is_under_way(open_state, tmp_path):
    state, reader = open_state(), open_state()
    fill(state)
    with state.lock("headcount apply"):
        pull(reader, tmp_path / "copy")
    assert not is_unused(open_folder(tmp_path / "copy"))


def test_a_copy_that_cannot_be_finished_leaves_nothing(folder, tmp_path):
    state = open_folder(folder)
    key = fill(state)
    state.held(key).members.unlink()
    with pytest.raises(StateError, match="is missing"):
        pull(state, tmp_path / "copies" / "copy")
    assert not list((tmp_path / "copies").rglob("*"))


def test_a_state_is_pushed_into_an_empty_bucket_and_goes_on_there(there, folder, tmp_path):
    local = open_folder(folder)
    key = fill(local)
    expected = view(local)
    assert push(local, there(), force=False) is None
    state = there()
    assert view(state) == expected
    with state.lock("headcount apply"):
        end_delta(state, key, 7)
    assert rows(there().held(key).members) == 7
    local.close()


def test_a_copy_of_what_is_there_is_pushed_back_and_what_was_there_is_kept(there, tmp_path):
    fill(there())
    pull(there(), tmp_path / "copy")
    copy = open_folder(tmp_path / "copy")
    with copy.lock("headcount apply"):
        copy.require_refill(1)
    kept = push(copy, there(), force=False)
    assert there().audiences()[0].refill
    assert not open_folder(kept).audiences()[0].refill


def test_a_state_that_was_changed_since_is_not_overwritten_unless_forced(there, tmp_path):
    fill(there())
    pull(there(), tmp_path / "copy")
    changed = there()
    with changed.lock("headcount apply"):
        intend(changed, "newer")
    copy = open_folder(tmp_path / "copy")
    with pytest.raises(StateError, match="it was changed since, or is another project's"):
        push(copy, there(), force=False)
    assert len(there().audiences()) == 2
    kept = push(copy, there(), force=True)
    assert len(there().audiences()) == 1
    assert len(open_folder(kept).audiences()) == 2


def test_another_project_s_state_is_not_overwritten(there, folder):
    fill(there())
    other = open_folder(folder)
    fill(other)
    with pytest.raises(StateError, match="another project's"):
        push(other, there(), force=False)
    other.close()


@pytest.mark.parametrize("damaged", ["control.json", "snapshots/"])
def test_a_damaged_state_is_replaced_by_a_copy_of_it(there, tmp_path, store, bucket, damaged):
    fill(there())
    pull(there(), tmp_path / "copy")
    name = bucket.split("/")[2]
    for found in store.objects(name):
        if found.startswith(f"project/{damaged}"):
            store.put(name, found, b"{")
    with pytest.raises(StateError, match="damaged"):
        there().audiences()
    copy = open_folder(tmp_path / "copy")
    with pytest.raises(StateError, match="damaged"):
        push(copy, there(), force=False)
    assert push(copy, there(), force=True) is None
    assert there().audiences() == copy.audiences()


def test_nothing_is_pushed_while_a_run_holds_the_state(there, folder):
    fill(there())
    holder, local = there(), open_folder(folder)
    fill(local)
    with holder.lock("headcount apply"), pytest.raises(Locked):
        push(local, there(), force=True)
    local.close()


def test_push_is_for_a_bucket(folder, tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        push(open_folder(folder), open_folder(tmp_path / "other"), force=False)


def test_a_state_moves_to_a_bucket_and_back_and_the_old_place_says_where_it_went(there, folder, bucket):
    local = open_folder(folder)
    fill(local)
    expected = view(local)
    move(local, there())
    for use in (local.audiences, lambda: local.lock("headcount apply").__enter__()):
        with pytest.raises(StateError, match=f"it was moved to {bucket}"):
            use()
    assert view(there()) == expected
    back = open_folder(folder)
    move(there(), back)
    assert view(back) == expected
    for use in (there().audiences, lambda: there().lock("headcount apply").__enter__()):
        with pytest.raises(StateError, match=f"it was moved to {folder}"):
            use()
    again = there()
    move(back, again)
    assert view(there()) == expected


def test_a_state_moves_from_folder_to_folder(folder, tmp_path):
    state, target = open_folder(folder), open_folder(tmp_path / "new" / "place")
    fill(state)
    expected = view(state)
    move(state, target)
    assert view(target) == expected


def test_moving_into_another_state_is_refused(there, folder):
    fill(there(), 5)
    local = open_folder(folder)
    fill(local)
    with pytest.raises(StateError, match="there is another state at"):
        move(local, there())
    assert len(local.audiences()) == 1
    with pytest.raises(UsageError, match="already"):
        move(local, local)
    local.close()


@pytest.mark.parametrize("back", [False, True])
def test_a_move_that_was_interrupted_is_taken_up_again(there, folder, monkeypatch, back):
    local = open_folder(folder)
    fill(local)
    expected = view(local)
    if back:
        move(local, there())
    source, target = (there(), open_folder(folder)) if back else (local, there())

    def die(location):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(source.backing, "leave", die)
        with pytest.raises(KeyboardInterrupt):
            move(source, target)
    assert view(source) == expected
    assert view(target) == expected
    again = there() if back else open_folder(folder)
    for state in (source, target):
        state.close()
    move(again, open_folder(folder) if back else there())
    with pytest.raises(StateError, match="it was moved to"):
        again.audiences()


@pytest.mark.parametrize("cut_off", [False, True])
@pytest.mark.parametrize("back", [False, True])
def test_a_move_that_was_done_is_done_again_without_a_word(there, folder, back, cut_off):
    local = open_folder(folder)
    fill(local)
    expected = view(local)
    move(local, there())
    if back:
        move(there(), open_folder(folder))
    elif cut_off:  # killed in the very last step
        (folder / "state.db.moved").rename(folder / "state.db")
    source, target = (there(), open_folder(folder)) if back else (open_folder(folder), there())
    move(source, target)
    assert view(target) == expected
    with pytest.raises(StateError, match="it was moved to"):
        source.audiences()


def test_a_move_that_dies_while_it_uploads_leaves_the_state_where_it_was(there, folder, store):
    local = open_folder(folder)
    fill(local)
    with (
        store.failing(lambda method, name: "refused" if name.startswith("members/") else ""),
        pytest.raises(StateError, match="cannot be reached"),
    ):
        move(local, there())
    assert is_unused(there())
    assert len(local.audiences()) == 1
    move(local, there())
    assert len(there().audiences()) == 1


def test_a_state_is_encrypted_by_moving_it(there, folder, store, bucket):
    key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    local = open_folder(folder)
    fill(local)
    expected = view(local)
    move(local, there(key))
    assert all(content.startswith(b"headcount sealed") for content in store.objects(bucket.split("/")[2]).values())
    assert view(there(key)) == expected


def test_a_fingerprint_tells_states_apart_and_survives_a_copy(folder, tmp_path):
    state = open_folder(folder)
    fill(state)
    before = transfer._fingerprint_of(state)
    pull(state, tmp_path / "copy")
    assert transfer._fingerprint_of(open_folder(tmp_path / "copy")) == before
    with state.lock("headcount apply"):
        state.begin_run("apply", AT)
    assert transfer._fingerprint_of(state) != before
