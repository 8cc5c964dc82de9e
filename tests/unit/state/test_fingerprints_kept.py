"""Salts, and what the fingerprints of files were made with, in a folder and in a bucket."""

from __future__ import annotations

import gzip
from dataclasses import replace
from functools import partial

import pytest

from runner.core.fingerprints import FIRST_LENGTH, SECOND_LENGTH, FingerprintOrigin
from runner.core.membership import SettledMembership

from .conftest import AT, BATCHES, EMAIL, intend, send, write_members, write_outbox

ORIGIN = FingerprintOrigin("salt", 1, "hash")
PLACES = pytest.mark.parametrize("place", ["folder", "bucket"], indirect=True)


def delta(state, key, *, changes_only=False, origin=ORIGIN):
    def write(path):
        write_outbox(path)
        return BATCHES

    def settle(path):
        write_members(path)
        return SettledMembership({EMAIL: 3}, {}, changes_only, origin)

    state.open_delta(key, write)
    if origin is not None:
        state.outbox_fingerprints(key, origin)
    for batch in BATCHES:
        send(state, key, batch.number)
    opened = state.held(key)
    state.close_delta(key, settle)
    return opened


@PLACES
def test_a_salt_is_made_once_and_every_run_after_it_has_it(open_state):
    state = open_state()
    with state.lock("headcount apply"):
        assert state.salt() is None
        salt = state.make_salt(AT)
        assert state.salt() == salt
    assert (len(salt.first), len(salt.second)) == (FIRST_LENGTH, SECOND_LENGTH)
    assert salt.first != salt.second[:FIRST_LENGTH]
    assert open_state().salt() == salt


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
def test_a_salt_is_in_the_database_of_a_bucket_and_in_no_other_object(open_state, store, bucket):
    state = open_state()
    with state.lock("headcount apply"):
        intend(state)
        salt = state.make_salt(AT)
        key = intend(state, "other")
        delta(state, key)
    held = {
        name
        for name, content in store.objects(bucket.split("/")[2]).items()
        if salt.second.encode() in (gzip.decompress(content) if name.endswith(".gz") else content)
    }
    assert held
    assert all(name.startswith("project/snapshots/") for name in held)


@PLACES
def test_files_say_what_their_fingerprints_were_made_with(open_state):
    state = open_state()
    with state.lock("headcount apply"):
        key = intend(state)
        opened = delta(state, key)
        assert opened.fingerprints == {opened.outbox: ORIGIN}
        assert state.held(key).origin == ORIGIN
        delta(state, key, changes_only=True)
        held = state.held(key)
        assert held.changes is not None
        assert held.fingerprints == {held.members: ORIGIN, held.changes: ORIGIN}
        delta(state, key, changes_only=True, origin=None)
        assert state.held(key).origin is None
    assert open_state().held(key).origin is None


@PLACES
def test_a_membership_is_written_again_with_other_fingerprints_and_is_the_same(open_state):
    state = open_state()
    other = FingerprintOrigin("another", 1, "hash")
    with state.lock("headcount apply"):
        key = intend(state)
        delta(state, key)
        delta(state, key, changes_only=True)
        before = state.audience(key)
        state.fingerprinted(key, lambda path: write_members(path) or other)
        held = state.held(key)
        assert (held.origin, held.changes, held.outbox) == (other, None, None)
        assert state.audience(key) == replace(before, serial=before.serial + 1)
        assert [path for path in held.members.parent.iterdir() if path.suffix == ".parquet"] == [held.members]
        state.drop_fingerprints(key)
        assert state.held(key).fingerprints == {}
    assert open_state().held(key).members is not None


def test_no_file_takes_the_place_of_one_whose_delta_is_on_its_way(state):
    with state.lock("headcount apply"):
        key = intend(state)
        state.open_delta(key, lambda path: write_outbox(path) or BATCHES)
        with pytest.raises(RuntimeError):
            state.fingerprinted(key, partial(lambda path: write_members(path) or ORIGIN))
