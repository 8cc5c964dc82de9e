"""Reading: what `plan` and `status` see, and that they leave no trace."""

from __future__ import annotations

import pytest

from runner.core.errors import StateError

from .conftest import begin_delta, end_delta, files, intend


def test_a_project_never_applied_has_no_audience_and_no_run_and_nothing_is_created(state, folder):
    assert state.audiences() == ()
    assert state.runs() == ()
    assert state.runs("loyal", limit=1) == ()
    assert not folder.parent.exists()


def test_an_empty_folder_reads_as_a_state_never_used_and_stays_empty(state, folder):
    folder.mkdir(parents=True)
    assert state.audiences() == ()
    assert list(folder.iterdir()) == []


def test_a_reader_leaves_the_folder_as_it_was(open_state, folder):
    writer = open_state()
    with writer.lock("headcount apply"):
        key = intend(writer)
        begin_delta(writer, key)
        end_delta(writer, key)
    before = {path: (folder / path).read_bytes() for path in files(folder)}
    reader = open_state()
    assert len(reader.audiences()) == 1
    assert reader.held(key).members is not None
    reader.close()
    assert {path: (folder / path).read_bytes() for path in files(folder)} == before


def test_a_reader_sees_what_a_run_has_done_so_far_while_it_holds_the_lock(open_state):
    writer, reader = open_state(), open_state()
    assert reader.audiences() == ()
    with writer.lock("headcount apply"):
        key = intend(writer)
        assert [audience.record_id for audience in reader.audiences()] == [key]
        begin_delta(writer, key)
        assert reader.audiences()[0].unfinished is not None
        members = end_delta(writer, key)
        assert reader.audiences()[0].unfinished is None
        assert reader.held(key).members == members


def test_a_membership_is_removed_when_the_next_one_is_there(open_state):
    writer, reader = open_state(), open_state()
    with writer.lock("headcount apply"):
        key = intend(writer)
        begin_delta(writer, key)
        end_delta(writer, key)
        told = reader.held(key).members
        begin_delta(writer, key)
        assert told.exists()
        end_delta(writer, key)
        assert not told.exists()
        assert reader.held(key).members.exists()


def test_a_reader_whose_file_is_replaced_under_its_hands_is_given_the_new_one(open_state, monkeypatch):
    writer, reader = open_state(), open_state()
    with writer.lock("headcount apply"):
        key = intend(writer)
        begin_delta(writer, key)
        newest = []
        verify = reader.backing.folder.verify

        def verify_too_late(stored, hint):
            if not newest:
                newest.append(end_delta(writer, key))
            return verify(stored, hint)

        monkeypatch.setattr(reader.backing.folder, "verify", verify_too_late)
        held = reader.held(key)
    assert held.members == newest[0]
    assert held.outbox is None


def test_an_audience_that_was_forgotten_meanwhile_is_told_as_such(state):
    with state.lock("headcount apply"):
        key = intend(state)
        state.forget(key)
    with pytest.raises(StateError, match="does not know this audience"):
        state.held(key)


def test_a_reader_cannot_write_through_its_connection(open_state):
    writer = open_state()
    with writer.lock("headcount apply"):
        intend(writer)
    reader = open_state()
    with pytest.raises(StateError, match="cannot be written"), reader.backing.database.snapshot() as db:
        db.execute("DELETE FROM audience")
    assert len(reader.audiences()) == 1
