"""How much a run writes to a bucket, and that no moment at which it may die is in between."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.errors import StateError
from runner.core.records import ActivationRun, Outcome, RunOrigin
from runner.state import open_folder
from runner.state.db import codec
from runner.state.db.journal import JournalEntry, apply_entry
from runner.state.remote import stored_steps
from runner.state.remote.bucket_backing import backing_at
from runner.state.remote.control_object import Snapshot, Steps
from runner.state.store import StateStore
from tests.object_store import ObjectStore

from .conftest import AT, DEFINITION, begin_delta, end_delta, intend, send

ACTIVATIONS = 2_000
RUNS = 1_000
SYNCS = 5
MOVED = 5
"""Activations whose members change in each of the runs before."""

ORIGIN = RunOrigin("ann", "runner-7", "audiences / sync", "https://github.com/shop/audiences/actions/runs/7", "f" * 40)


def opened(bucket: str, cache: Path, key: str = "") -> StateStore:
    environ = {"HEADCOUNT_CACHE": str(cache), "HEADCOUNT_STATE_KEY": key}
    return StateStore(backing_at(bucket, environ, lambda: AT, fresh=-1.0))


def control_of(store: ObjectStore, bucket: str) -> dict:
    return json.loads(store.objects(bucket.split("/")[2])["project/control.json"])


def lived(state: StateStore) -> list[int]:
    """Make a new state one of many activations that has had many runs; gives the keys of its audiences."""
    where = {"destination": "criteo-fr", "kind": "criteo", "account_id": "12345", "at": codec.from_time(AT)}
    definition = codec.definition_data(DEFINITION)
    with state.lock("headcount apply"), state.backing.database.transaction() as db:

        def take(do, **arguments):
            return apply_entry(db, JournalEntry(do, arguments))

        keys = [take("intend", activation=name(at), definition=definition, **where) for at in range(ACTIVATIONS)]
        for number in range(RUNS):
            run = take("begin_run", command="sync", at=codec.from_time(AT + timedelta(hours=number)))
            first = number * MOVED % ACTIVATIONS
            done = [ActivationRun(name(at), "sync", Outcome.DONE, at, members=at) for at in range(first, first + MOVED)]
            same = [[keys[0], keys[first] - 1], [keys[first] + MOVED, keys[-1]]]
            take("record_rest", run=run, outcomes=codec.outcomes_data(done), same=same)
    return keys


def name(number: int) -> str:
    return f"shoppers-{number:04}"


def sync(state: StateStore, unchanged: list[int], hours: int) -> None:
    """A run that looks at all audiences and finds nothing to do."""
    with state.lock("headcount sync"):
        run = state.begin_run("sync", AT + timedelta(hours=hours), ORIGIN)
        state.record_rest(run, (), unchanged)
        state.end_run(run, AT + timedelta(hours=hours, minutes=1))


def test_a_run_that_finds_nothing_to_do_writes_little_however_much_there_is(store, bucket, tmp_path, monkeypatch):
    grown = open_folder(tmp_path / "grown", clock=lambda: AT)
    keys = lived(grown)
    state = opened(bucket, tmp_path / "cache")
    with grown.lock("headcount state move"), state.backing.replacing("headcount state move", force=False) as become:
        become(grown)
    grown.close()
    monkeypatch.setattr(stored_steps, "JOURNAL_BYTES", 1_500)  # so that it does not take twenty runs to be long
    written = []
    for hour in range(RUNS, RUNS + SYNCS):
        before = store.uploaded
        sync(state, keys, hour)
        written.append(store.uploaded - before)
    assert max(written) < 100_000
    assert sum(written) / len(written) < 25_000
    assert control_of(store, bucket)["stored"], "no step was moved out of the control object"
    other = opened(bucket, tmp_path / "other")
    assert set(other.last_good().values()) == {AT + timedelta(hours=RUNS + SYNCS - 1)}
    assert other.runs(limit=1)[0].unchanged == ACTIVATIONS
    other.close()
    state.close()


def test_a_run_that_sends_writes_some_thousand_bytes_for_each_step(store, bucket, tmp_path):
    state, many = opened(bucket, tmp_path), 60
    before = store.uploaded
    with state.lock("headcount apply"):
        for number in range(many):
            key = intend(state, name(number))
            begin_delta(state, key)
            send(state, key, 0)
            end_delta(state, key)
    assert (store.uploaded - before) / many < 40_000
    assert state.audiences() == opened(bucket, tmp_path / "other").audiences()
    state.close()


def test_at_whatever_write_a_run_dies_what_was_recorded_is_there(store, bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(stored_steps, "JOURNAL_BYTES", 1_200)
    monkeypatch.setattr(stored_steps, "MOST_STEPS", 12)
    state, images, done = opened(bucket, tmp_path), [], 0

    def look(method, written):
        if method == "PUT" and not written.startswith("probes/"):
            images.append((done, store.objects(bucket.split("/")[2])))
        return ""

    with state.lock("headcount apply"), store.failing(look):
        for number in range(20):
            intend(state, name(number))
            done = number + 1
    state.close()
    kinds = [written.split("/")[1] for written in images[-1][1]]
    assert (kinds.count("snapshots"), kinds.count("steps")) >= (2, 4)
    for at, (steps, image) in enumerate(images):
        place = store.make_bucket(f"b{uuid4().hex}")
        for written, content in image.items():
            store.put(place.split("/")[2], written, content)
        found = opened(place, tmp_path / f"cache-{at}")
        assert len(found.audiences()) in (steps, steps + 1)
        found.close()


@pytest.mark.parametrize("fate", ["refused", "lost"])
def test_steps_that_cannot_be_stored_stay_in_the_control_object(store, bucket, tmp_path, fate, monkeypatch):
    monkeypatch.setattr(stored_steps, "JOURNAL_BYTES", 1_000)
    state = opened(bucket, tmp_path)
    with state.lock("headcount apply"):
        intend(state, "first")
        with store.failing(lambda method, written: fate if method == "PUT" and written.startswith("steps/") else ""):
            for number in range(5):
                intend(state, name(number))
        assert control_of(store, bucket)["stored"] == []
        for number in range(5, 10):
            intend(state, name(number))
        assert control_of(store, bucket)["stored"] != []
    assert len(opened(bucket, tmp_path / "other").audiences()) == 11
    state.close()


def test_an_object_of_steps_that_is_damaged_or_missing_is_named(store, bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(stored_steps, "JOURNAL_BYTES", 500)
    state = opened(bucket, tmp_path)
    with state.lock("headcount apply"):
        for number in range(5):
            intend(state, name(number))
    state.close()
    [stored, *_] = control_of(store, bucket)["stored"]
    content = store.objects(bucket.split("/")[2])[f"project/{stored['object']}"]
    for damaged in (content[:-1], content[:40] + bytes([content[40] ^ 1]) + content[41:], None):
        store.delete(bucket.split("/")[2], f"project/{stored['object']}")
        if damaged is not None:
            store.put(bucket.split("/")[2], f"project/{stored['object']}", damaged)
        with pytest.raises(StateError, match=stored["object"]) as told:
            opened(bucket, tmp_path / uuid4().hex).audiences()
        assert "headcount state push --force" in told.value.hint


def test_with_a_key_no_step_is_readable(store, bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(stored_steps, "JOURNAL_BYTES", 500)
    key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    state = opened(bucket, tmp_path, key)
    with state.lock("headcount apply"):
        for number in range(5):
            intend(state, name(number))
    found = store.objects(bucket.split("/")[2])
    assert any(written.startswith("project/steps/") for written in found)
    assert all(content.startswith(b"headcount sealed") for content in found.values())
    assert len(opened(bucket, tmp_path / "other", key).audiences()) == 5
    state.close()


# -- how steps are put together ----------------------------------------------------------------------------------------


@given(st.lists(st.integers(200, 4_000), min_size=1, max_size=300))
def test_there_are_few_objects_and_each_step_is_written_a_few_times(sizes: list[int]) -> None:
    objects: list[Steps] = []
    written = 0
    for size in sizes:
        count = stored_steps.absorbed(objects, size)
        whole = size + sum(one.size for one in objects[len(objects) - count :])
        objects[len(objects) - count :] = [Steps("", whole, "", 1)]
        written += whole
    assert sum(one.size for one in objects) == sum(sizes)
    assert len(objects) <= 1 + len(bin(sum(sizes) // min(sizes)))
    assert written <= sum(sizes) * len(bin(sum(sizes) // min(sizes)))


def test_the_database_is_stored_when_the_steps_are_about_as_much() -> None:
    database = Snapshot("", 400_000, "", 9_000)
    few, enough, many = (Steps("", size, "", steps) for size, steps in ((199_999, 9), (200_000, 9), (9, 2_000)))
    assert [stored_steps.are_enough([one], database, grown=True) for one in (few, enough, many)] == [False, True, True]
    assert not stored_steps.are_enough([enough, many], database, grown=False)
    assert stored_steps.are_enough([enough] * 4, database, grown=False)
