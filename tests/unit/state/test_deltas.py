"""The life of a delta: written, opened, sent batch by batch, settled, closed."""

from __future__ import annotations

import json
import stat
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from jsonschema import Draft7Validator

from runner.core.destination import Accepted
from runner.core.errors import StateError
from runner.core.membership import MembershipFiles, SettledMembership
from runner.core.records import Unfinished
from runner.reports.state_list import kept_document
from runner.state.inventory import contents_of

from .conftest import (
    AT,
    BATCHES,
    EMAIL,
    EVERYWHERE,
    PHONE,
    begin_delta,
    end_delta,
    files,
    intend,
    rows,
    send,
    write_members,
)

pytestmark = EVERYWHERE


@pytest.fixture
def key(state):
    with state.lock("headcount apply"):
        yield intend(state)


def test_an_open_delta_is_held_with_its_batches_in_flight_and_taken(state, key):
    outbox = begin_delta(state, key)
    assert state.held(key) == MembershipFiles(outbox=outbox)
    state.mark_in_flight(key, 0)
    assert state.held(key) == MembershipFiles(outbox=outbox, in_flight=frozenset({0}))
    state.mark_taken(key, 0, Accepted(2, 0))
    state.mark_in_flight(key, 1)
    assert state.held(key) == MembershipFiles(outbox=outbox, taken=frozenset({0}), in_flight=frozenset({1}))
    assert state.audiences()[0].unfinished == Unfinished(batches=3, taken=1, in_flight=1)
    assert rows(outbox) == 6


def test_a_closed_delta_leaves_the_new_membership_and_its_counts(state, key):
    outbox = begin_delta(state, key)
    paths = []

    def write(path):
        paths.append(path)
        write_members(path)
        return SettledMembership({EMAIL: 3, PHONE: 0}, {EMAIL: 1})

    state.close_delta(key, write)
    [path] = paths
    audience = state.audiences()[0]
    assert (audience.members, audience.unknown, audience.unfinished) == ({EMAIL: 3, PHONE: 0}, {EMAIL: 1}, None)
    assert state.held(key) == MembershipFiles(members=path)
    assert state.held(key).counts == {EMAIL: (3, 1), PHONE: (0, 0)}
    assert path == state.backing.folder.path / "members" / "loyal" / f"{audience.serial:06d}.parquet"
    assert not outbox.exists()


def test_changes_rest_on_the_whole_membership_until_there_is_another(state, key):
    begin_delta(state, key)
    whole = end_delta(state, key)
    begin_delta(state, key)
    first = end_delta(state, key, changes_only=True)
    assert state.held(key) == MembershipFiles(members=whole, changes=first)

    begin_delta(state, key)
    second = end_delta(state, key, changes_only=True)
    assert state.held(key) == MembershipFiles(members=whole, changes=second)
    assert not first.exists()

    begin_delta(state, key)
    another = end_delta(state, key)
    assert state.held(key) == MembershipFiles(members=another)
    assert not whole.exists()
    assert not second.exists()


def test_a_membership_with_changes_is_emptied_and_forgotten_as_one(state, key):
    begin_delta(state, key)
    whole = end_delta(state, key)
    begin_delta(state, key)
    changes = end_delta(state, key, changes_only=True)
    state.cleared(key)
    assert state.held(key) == MembershipFiles()
    assert not whole.exists()
    assert not changes.exists()


def test_the_files_of_a_membership_with_changes_are_listed_as_the_schema_has_it(state, key):
    begin_delta(state, key)
    end_delta(state, key)
    begin_delta(state, key)
    end_delta(state, key, changes_only=True)
    document = kept_document(contents_of(state))
    schema = json.loads((Path(__file__).parents[3] / "schemas/state.schema.json").read_text())
    Draft7Validator(schema).validate(document)
    assert [file["role"] for file in document["audiences"][0]["files"]] == ["changes", "members"]


def test_a_file_that_changes_rest_on_is_checked_as_well(state, key, place):
    begin_delta(state, key)
    whole = end_delta(state, key)
    begin_delta(state, key)
    end_delta(state, key, changes_only=True)
    whole.write_bytes(b"x" * whole.stat().st_size)
    if place == "bucket":  # fetched again
        assert state.held(key).members == whole
    else:
        with pytest.raises(StateError, match=str(whole)):
            state.held(key)


def test_an_audience_is_being_filled_until_a_delta_was_taken_whole(state, key):
    begin_delta(state, key)
    send(state, key, 0)
    end_delta(state, key)
    assert state.audiences()[0].filling
    begin_delta(state, key)
    for number in range(len(BATCHES)):
        send(state, key, number)
    end_delta(state, key)
    assert not state.audiences()[0].filling
    state.cleared(key)
    assert state.audiences()[0].filling


def test_a_delta_on_top_of_a_membership_is_held_with_it(state, key):
    begin_delta(state, key)
    members = end_delta(state, key)
    outbox = begin_delta(state, key)
    assert state.held(key) == MembershipFiles(members=members, outbox=outbox)


def test_a_delta_that_is_closed_forgets_the_batches_so_that_the_next_one_starts_unsent(state, key):
    begin_delta(state, key)
    send(state, key, 0)
    state.mark_in_flight(key, 1)
    end_delta(state, key)
    begin_delta(state, key)
    held = state.held(key)
    assert (held.taken, held.in_flight) == (frozenset(), frozenset())


def test_identifiers_called_malformed_add_up_over_deltas(state, key):
    begin_delta(state, key)
    send(state, key, 0, invalid=2)
    send(state, key, 1, invalid=3)
    end_delta(state, key)
    begin_delta(state, key)
    send(state, key, 0, invalid=1)
    assert state.audiences()[0].invalid == 6


def test_a_batch_may_be_sent_again_but_is_taken_once_and_never_unsent(state, key):
    begin_delta(state, key)
    with pytest.raises(RuntimeError, match="not in flight"):
        state.mark_taken(key, 0, Accepted(1, 0))
    state.mark_in_flight(key, 0)
    state.mark_in_flight(key, 0)
    state.mark_taken(key, 0, Accepted(1, 1))
    with pytest.raises(RuntimeError, match="not in flight"):
        state.mark_taken(key, 0, Accepted(1, 1))
    with pytest.raises(RuntimeError, match="not there to be sent"):
        state.mark_in_flight(key, 0)
    with pytest.raises(RuntimeError, match="not there to be sent"):
        state.mark_in_flight(key, 3)
    assert state.audiences()[0].invalid == 1


def test_a_second_delta_cannot_be_opened_and_leaves_the_first_as_it_was(state, key):
    outbox = begin_delta(state, key)
    send(state, key, 0)
    with pytest.raises(RuntimeError, match="open delta already"):
        begin_delta(state, key)
    assert state.held(key) == MembershipFiles(outbox=outbox, taken=frozenset({0}))


def test_a_delta_cannot_be_closed_twice_or_before_it_was_opened(state, key):
    with pytest.raises(RuntimeError, match="no open delta"):
        end_delta(state, key)
    begin_delta(state, key)
    members = end_delta(state, key)
    with pytest.raises(RuntimeError, match="no open delta"):
        end_delta(state, key)
    assert state.held(key).members == members


def test_a_file_that_nobody_wrote_is_no_delta_and_no_membership(state, key):
    with pytest.raises(StateError, match=r"outbox/loyal/000001\.parquet"):
        state.open_delta(key, lambda path: BATCHES)
    begin_delta(state, key)
    with pytest.raises(StateError, match=r"members/loyal/000002\.parquet"):
        state.close_delta(key, lambda path: SettledMembership({}, {}))
    assert state.audiences()[0].unfinished is not None


def test_a_path_is_the_same_until_it_was_used(state, key):
    paths = []

    def nothing(path):
        paths.append(path)
        return ()

    assert state.open_delta(key, nothing) == ()
    assert state.open_delta(key, nothing) == ()
    used = begin_delta(state, key)
    assert paths == [used, used]
    end_delta(state, key)
    assert begin_delta(state, key) != used


def test_a_delta_of_nothing_is_none(state, key):
    assert state.open_delta(key, lambda path: ()) == ()
    assert state.audiences()[0].unfinished is None


def serial(path) -> int:
    return int(path.stem)


def test_serials_rise_over_all_audiences_of_an_activation_and_are_never_used_twice(state):
    with state.lock("headcount apply"):
        orphan, new = intend(state, account="1"), intend(state, account="2")
        used = []
        for key in (orphan, new, orphan):
            used += [begin_delta(state, key), end_delta(state, key)]
        state.forget(orphan)
        state.forget(new)
    with state.lock("headcount apply"):
        again = intend(state)
        used += [begin_delta(state, again), end_delta(state, again)]
    numbers = [serial(path) for path in used]
    assert len(set(numbers)) == len(numbers)
    for kind in ("outbox", "members"):
        of_kind = [serial(path) for path in used if path.parent.parent.name == kind]
        assert of_kind == sorted(of_kind)


def test_activations_whose_ids_differ_in_case_only_never_share_a_file_name(state):
    with state.lock("headcount apply"):
        lower, upper = intend(state, "loyal"), intend(state, "Loyal")
        paths = [begin_delta(state, lower), begin_delta(state, upper), end_delta(state, lower), end_delta(state, upper)]
    assert len({path.name for path in paths}) == 4


@pytest.mark.parametrize("activation", ["..", ".", "", "../../etc", "a/b", "a\\b", "é" * 200, "x" * 300, ".hidden"])
def test_no_id_leads_out_of_the_folder(state, activation):
    with state.lock("headcount apply"):
        key = intend(state, activation)
        for write in (begin_delta, end_delta):
            path = write(state, key)
            assert path.exists()
            assert path.resolve().parent.parent.parent == state.backing.folder.path.resolve()
            assert path.parent.name not in ("", ".", "..")


def test_ids_that_would_be_cut_short_alike_keep_folders_of_their_own(state):
    with state.lock("headcount apply"):
        one, other = intend(state, "x" * 300 + "1"), intend(state, "x" * 300 + "2")
        assert begin_delta(state, one).parent != begin_delta(state, other).parent


def test_folder_and_files_are_closed_to_other_users_and_ignored_by_git(state, key):
    begin_delta(state, key)
    end_delta(state, key)
    begin_delta(state, key)
    assert (state.backing.folder.path / ".gitignore").read_text() == "*\n"
    for path in (state.backing.folder.path, *state.backing.folder.path.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_several_threads_may_send_at_once(state):
    with state.lock("headcount apply"):
        keys = [intend(state, f"a{number}") for number in range(6)]
        for key in keys:
            begin_delta(state, key)

        def work(key: int) -> None:
            for batch in BATCHES:
                send(state, key, batch.number, invalid=1)

        threads = [Thread(target=work, args=(key,)) for key in keys]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {audience.invalid for audience in state.audiences()} == {3}
        assert all(state.held(key).taken == {0, 1, 2} for key in keys)


def test_no_more_is_kept_than_the_membership(state, key):
    for _ in range(4):
        begin_delta(state, key)
        end_delta(state, key)
    assert sum(path.endswith(".parquet") for path in files(state.backing.folder.path)) == 1


# -- calls that may still be on their way ------------------------------------------------------------------------------


def leave_in_flight(state, key, at):
    """A delta whose first batch was sent and never answered, settled by a later run."""
    begin_delta(state, key)
    state.mark_in_flight(key, 0, at)
    end_delta(state, key, 2)


@pytest.mark.parametrize(("minutes", "unsure"), [(0, True), (4.9, True), (5, False)])
def test_what_is_answered_while_an_earlier_call_may_still_come_counts_as_in_flight(state, key, minutes, unsure):
    leave_in_flight(state, key, AT)
    assert state.audience(key).doubt_at == AT
    begin_delta(state, key)
    state.mark_in_flight(key, 0, AT + timedelta(minutes=minutes))
    state.mark_taken(key, 0, Accepted(2, 0))
    held = state.held(key)
    assert (held.taken, held.in_flight) == ((frozenset(), {0}) if unsure else ({0}, frozenset()))
    end_delta(state, key, 2)
    assert state.audience(key).doubt_at == AT, "what was answered is no reason for further doubt"


def test_a_batch_that_was_taken_at_its_second_attempt_leaves_the_first_in_doubt(state, key):
    begin_delta(state, key)
    state.mark_in_flight(key, 0, AT)
    state.mark_in_flight(key, 0, AT + timedelta(minutes=1), lost=True)
    state.mark_taken(key, 0, Accepted(2, 0))
    assert state.held(key).taken == {0}
    end_delta(state, key, 2)
    assert state.audience(key).doubt_at == AT


@pytest.mark.parametrize(("lost", "in_flight"), [(False, frozenset()), (True, frozenset({0}))])
def test_a_batch_that_was_refused_was_never_sent_unless_an_attempt_before_was_lost(state, key, lost, in_flight):
    begin_delta(state, key)
    state.mark_in_flight(key, 0, AT)
    state.mark_in_flight(key, 0, AT, lost=lost)
    state.mark_refused(key, 0)
    assert state.held(key).in_flight == in_flight


def test_a_clear_without_an_answer_puts_what_is_sent_after_it_in_doubt(state, key):
    state.require_refill(key)
    state.clearing(key, AT)
    assert state.audience(key).doubt_at is None
    state.clearing(key, AT + timedelta(minutes=1), lost=False)
    assert state.audience(key).doubt_at is None
    state.clearing(key, AT + timedelta(minutes=2))
    assert state.audience(key).doubt_at == AT + timedelta(minutes=1)
    state.cleared(key)
    state.require_refill(key)
    state.clearing(key, AT + timedelta(minutes=9))
    assert state.audience(key).doubt_at == AT + timedelta(minutes=1), "a clear that was answered is in no doubt"
