"""What is true of a state in a bucket alone: its writes, its cache, its lease, and what a failing store does to it."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from runner.core.destination import Accepted
from runner.core.errors import Locked, LockLost, StateError, UsageError
from runner.core.membership import MembershipFiles
from runner.core.records import ActivationRun, Outcome, Unfinished
from runner.state import open_bucket
from runner.state.db import schema
from runner.state.remote import control_object, lease
from runner.state.remote.bucket_backing import backing_at
from runner.state.remote.lease import LeaseTimings
from runner.state.remote.stored_steps import JOURNAL_BYTES
from runner.state.store import StateStore

from .conftest import AT, BATCHES, EMAIL, begin_delta, end_delta, intend, rows, send

ROOT = Path(__file__).parents[3]
QUICK = LeaseTimings(lasts=2.0, beat=0.2, margin=0.5)
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture
def machine(bucket, tmp_path):
    """Opens the state as a machine of some name would: each has a cache of its own."""
    opened = []

    def open_there(name="one", terms=QUICK, key="", now=AT):
        environ = {"HEADCOUNT_CACHE": str(tmp_path / name), "HEADCOUNT_STATE_KEY": key}
        opened.append(StateStore(backing_at(bucket, environ, lambda: now, terms, fresh=-1.0)))
        return opened[-1]

    yield open_there
    for state in opened:
        state.close()


def fill(state, count=3):
    """An audience with a membership."""
    with state.lock("headcount apply"):
        key = intend(state)
        begin_delta(state, key)
        for number in range(3):
            send(state, key, number)
        end_delta(state, key, count)
    return key


def control_of(store, bucket):
    return json.loads(store.objects(bucket.split("/")[2])["project/control.json"])


# -- what is read and written ------------------------------------------------------------------------------------------


def test_another_machine_sees_what_one_has_done_and_goes_on_from_there(machine):
    key = fill(machine("one"))
    other = machine("two")
    assert other.audiences()[0].members == {EMAIL: 3}
    assert rows(other.held(key).members) == 3
    with other.lock("headcount sync"):
        begin_delta(other, key)
        end_delta(other, key, 5)
    assert rows(machine("one").held(key).members) == 5


def test_a_batch_costs_one_write(machine, store):
    state = machine(terms=LeaseTimings())
    with state.lock("headcount apply"):
        key = intend(state)
        begin_delta(state, key)
        for number in range(3):
            store.calls.clear()
            send(state, key, number)
            assert store.written() == ["control.json"]


def test_nothing_is_downloaded_that_this_machine_has(machine, store):
    key = fill(machine("one"))
    store.calls.clear()
    for _ in range(2):
        state = machine("two")
        state.held(key)
        state.close()
    fetched = [name for method, name in store.calls if method == "GET" and name != "control.json"]
    assert len(fetched) == len(set(fetched))
    assert sum(name.startswith("members/") for name in fetched) == 1
    store.calls.clear()
    machine("one").held(key)
    assert {name for _, name in store.calls} == {"control.json"}


def test_reading_writes_nothing_to_the_bucket(machine, store):
    key = fill(machine())
    store.calls.clear()
    state = machine("two")
    state.audiences(), state.audience(key), state.held(key), state.runs()
    assert store.written() == []


def test_a_state_that_was_never_used_is_empty_and_stays_so(machine, store, bucket):
    state = machine()
    assert state.audiences() == ()
    assert state.runs() == ()
    assert store.objects(bucket.split("/")[2]) == {}


def test_a_reader_keeps_what_it_has_read_for_current_for_a_moment(bucket, tmp_path, store):
    state = StateStore(backing_at(bucket, {"HEADCOUNT_CACHE": str(tmp_path)}, lambda: AT, fresh=60.0))
    for _ in range(3):
        state.audiences()
    assert [name for _, name in store.calls].count("control.json") == 1
    state.close()


def test_in_a_long_run_the_control_object_stays_small(machine, store, bucket):
    state = machine(terms=LeaseTimings())
    with state.lock("headcount apply"):
        key = intend(state)
        for _ in range(20):
            for _ in range(10):
                state.require_refill(key)
            assert len(store.objects(bucket.split("/")[2])["project/control.json"]) < 2 * JOURNAL_BYTES
    assert machine("two").audiences() == state.audiences()


def test_steps_that_ride_along_are_not_lost_with_the_run_that_ends(machine):
    state = machine()
    with state.lock("headcount apply"):
        run = state.begin_run("apply", AT)
        state.record(run, ActivationRun("loyal", "sync", Outcome.DONE, added=3))
        state.end_run(run, AT)
    (found,) = machine("two").runs()
    assert found.finished_at == AT
    assert found.activations[0].added == 3


def test_steps_that_ride_along_are_written_by_the_heartbeat_too(machine):
    state = machine()
    with state.lock("headcount apply"):
        state.begin_run("apply", AT)
        deadline = time.monotonic() + 10
        reader = machine("two")
        while not reader.runs() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(reader.runs()) == 1


def test_working_copies_are_removed(machine, tmp_path):
    state = machine()
    fill(state)
    left = state.backing.folder.path.parent
    assert left.exists()
    state.close()
    assert not left.exists()


def test_a_dead_process_s_working_copy_is_removed_by_the_next(machine, tmp_path):
    state = machine()
    state.backing.scratch("a file")
    dead = state.backing.folder.path.parent.parent / "dead"
    dead.mkdir()
    (dead / "in-use").touch()
    machine().audiences()
    fill(machine())
    assert not dead.exists()
    assert state.backing.folder.path.parent.exists()


# -- the lease ---------------------------------------------------------------------------------------------------------


def test_a_second_machine_is_told_at_once_who_holds_the_state(machine):
    told = rf"headcount apply, process {os.getpid()} on host .*, since 2026-11-24"
    with machine("one").lock("headcount apply"), pytest.raises(Locked, match=told):
        machine("two").lock("headcount sync").__enter__()
    with machine("two").lock("headcount sync"):
        pass


def test_a_live_holder_keeps_the_state_longer_than_a_lease_lasts(machine):
    state = machine("one")
    with state.lock("headcount apply"):
        time.sleep(QUICK.lasts + 2.5)
        with pytest.raises(Locked):
            machine("two").lock("headcount sync").__enter__()
        intend(state)


def test_a_stopped_holder_is_taken_over_and_nothing_it_writes_takes_effect(machine, monkeypatch):
    one, two = machine("one"), machine("two")
    with pytest.raises(LockLost) as lost, one.lock("headcount apply"):  # noqa: PT012
        key = intend(one)
        begin_delta(one, key)
        one.backing.lease.stop()  # a machine that sleeps, say
        one.backing.lease._renewed += 60  # whose clock sleeps as well
        deadline = time.monotonic() + 20
        while True:
            try:
                with two.lock("headcount sync"):
                    assert two.held(key).outbox is not None
                    two.created(key, "900")
                    with pytest.raises(LockLost, match="another run took over the state: headcount sync, process"):
                        one.mark_in_flight(key, 0)
                break
            except Locked:
                assert time.monotonic() < deadline
                time.sleep(0.2)
        one.require_lock()
    assert lost.value.exit_code == 1
    audience = machine("three").audiences()[0]
    assert (audience.audience_id, audience.unfinished.in_flight) == ("900", 0)


def test_a_holder_that_cannot_renew_stops_by_itself_before_its_lease_ends(machine, store):
    state = machine()
    with pytest.raises(LockLost, match="could not be renewed in time"), state.lock("headcount apply"):  # noqa: PT012
        key = intend(state)
        begin_delta(state, key)
        with store.failing(lambda method, name: "refused" if name == "control.json" else ""):
            began = time.monotonic()
            while True:
                assert time.monotonic() - began < 30
                state.require_lock()
                time.sleep(0.05)


HOLD = """
import sys, time
from runner.state import machine_time
from runner.state.remote.bucket_backing import backing_at
from runner.state.store import StateStore
from runner.state.remote.lease import LeaseTimings
from runner.state.remote.stored_steps import JOURNAL_BYTES
from tests.unit.state.conftest import begin_delta, intend
state = StateStore(backing_at(sys.argv[1], {"HEADCOUNT_CACHE": sys.argv[2]}, machine_time, LeaseTimings(2.0, 0.2, 0.5)))
with state.lock("headcount apply"):
    key = intend(state)
    begin_delta(state, key)
    state.mark_in_flight(key, 0)
    print(key, flush=True)
    time.sleep(60)
"""


def test_a_killed_holder_is_taken_over_by_itself(machine, bucket, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, bucket, str(tmp_path / "killed")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    key = int(process.stdout.readline())
    with pytest.raises(Locked, match=f"process {process.pid} "):
        machine().lock("headcount apply").__enter__()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    heir, deadline = machine(), time.monotonic() + 20
    while True:
        try:
            with heir.lock("headcount apply"):
                assert heir.held(key).in_flight == frozenset({0})
                end_delta(heir, key)
            break
        except Locked:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert rows(machine("other").held(key).members) == 3


def test_of_machines_that_race_for_the_state_one_wins(machine, bucket):
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    barrier, inside = Barrier(4), []

    def run(number):
        state = machine(f"machine-{number}")
        barrier.wait()
        try:
            with state.lock("headcount apply"):
                inside.append(number)
                intend(state, f"of-{number}")
                time.sleep(1.5)
                inside.remove(number)
        except Locked:
            return 0
        return 1

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(4))) == 1
    assert len(machine("reader").audiences()) == 1


def test_a_lease_that_was_ended_by_a_person_is_lost(machine, bucket):
    state = machine("one")
    with pytest.raises(LockLost, match="was ended"), state.lock("headcount apply"):  # noqa: PT012
        key = intend(state)
        assert lease.end(machine("two").backing.store).command == "headcount apply"
        state.created(key, "900")
    assert machine("two").audiences()[0].audience_id is None
    assert lease.end(machine("two").backing.store) is None


# -- a store that fails ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", ["refused", "lost"])
def test_a_write_without_an_answer_is_made_once(machine, store, fate):
    state = machine(terms=LeaseTimings())
    with state.lock("headcount apply"):
        key = intend(state)
        begin_delta(state, key)
        met = []

        def fault(method, name):
            if method == "PUT" and name == "control.json" and len(met) < 7:
                met.append(fate)
                return fate
            return ""

        with store.failing(fault):
            state.mark_in_flight(key, 0)
            state.mark_taken(key, 0, Accepted(2, 1))
            state.mark_in_flight(key, 1)
        assert met
    reader = machine("two")
    assert reader.audiences()[0].invalid == 1
    assert reader.held(key).in_flight == frozenset({1})


def test_a_delta_that_cannot_be_stored_is_not_opened(machine, store, monkeypatch):
    state = machine(terms=LeaseTimings())
    with state.lock("headcount apply"):
        key = intend(state)
        with (
            store.failing(lambda method, name: "refused" if name.startswith("outbox/") else ""),
            pytest.raises(StateError, match="cannot be reached: 503"),
        ):
            begin_delta(state, key)
        assert state.held(key) == MembershipFiles()
        begin_delta(state, key)
    assert machine("two").held(key).outbox is not None


def test_a_bucket_that_does_not_exist_is_named_and_not_taken_for_an_empty_state(store, bucket, tmp_path):
    state = open_bucket("s3://nowhere/project", {"HEADCOUNT_CACHE": str(tmp_path)})
    for use in (state.audiences, lambda: state.lock("headcount apply").__enter__()):
        with pytest.raises(StateError, match="s3://nowhere/project does not exist"):
            use()


def test_a_store_that_cannot_be_reached_is_named(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    state = open_bucket(bucket, {"HEADCOUNT_CACHE": str(tmp_path)})
    with pytest.raises(StateError, match="cannot be reached: it did not answer"):
        state.audiences()


# -- damage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ({"format_version": 99}, "written by a newer Headcount"),
        ({"journal": [{"do": "foresee", "with": {}}]}, "written by a newer Headcount"),
        ({"journal": [{"do": "created", "with": {"key": 99, "audience_id": "1"}}]}, "is damaged"),
        ({"journal": [7]}, "is damaged"),
        ({"moved_to": "s3://other/place"}, "it was moved to s3://other/place"),
        (None, "is damaged"),
        (b"", "is damaged"),
    ],
)
def test_a_control_object_that_means_nothing_here_is_refused(machine, store, bucket, damage, said):
    fill(machine())
    name = bucket.split("/")[2]
    content = damage if isinstance(damage, bytes) else b"{" if damage is None else None
    content = content if content is not None else rewritten({**control_of(store, bucket), **damage})
    store.put(name, "project/control.json", content)
    state = machine("two")
    for use in (state.audiences, lambda: state.lock("headcount apply").__enter__()):
        with pytest.raises(StateError, match=said):
            use()


def rewritten(document):
    """A control object with that content, as another version of Headcount or a mistake might have written it."""
    rest = {name: value for name, value in document.items() if name not in ("format_version", "sha256")}
    return json.dumps({**document, "sha256": control_object._checksum(rest)}).encode()


def ran(state):
    """Whether a run could begin."""
    try:
        with state.lock("headcount sync"):
            return True
    except StateError:
        return False


def test_no_bit_of_a_control_object_can_flip_unnoticed(machine, store, bucket):
    key, name, chance = fill(machine()), bucket.split("/")[2], random.Random(20261124)
    content = store.objects(name)["project/control.json"]
    right = machine("two").audiences(), machine("two").runs()
    state, told = machine("three"), 0
    for bit in chance.sample(range(8 * len(content)), 150):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        store.put(name, "project/control.json", bytes(flipped))
        state.backing.forget_what_was_read()
        try:
            found = state.audiences(), state.runs()
        except StateError as error:
            told += 1
            assert "control.json" in error.message
            assert error.hint
            assert not ran(state)
        else:
            assert found == right, f"with bit {bit} flipped, another state is read"
    assert told > 140
    store.put(name, "project/control.json", content)
    state.backing.forget_what_was_read()
    assert rows(state.held(key).members) == 3


def test_a_control_object_of_the_first_format_is_read_and_written_again_with_a_checksum(machine, store, bucket):
    fill(machine())
    name = bucket.split("/")[2]
    document = {**control_of(store, bucket), "format_version": 1}
    del document["sha256"]
    store.put(name, "project/control.json", json.dumps(document).encode())
    state = machine("two")
    assert len(state.audiences()) == 1
    with state.lock("headcount sync"):
        intend(state, "another")
    assert control_of(store, bucket)["format_version"] == control_object.FORMAT
    assert len(machine("three").audiences()) == 2


def test_a_control_object_of_the_second_format_is_read_with_its_snapshot_that_is_not_compressed(machine, store, bucket):
    fill(machine())
    name = bucket.split("/")[2]
    document = {**control_of(store, bucket), "format_version": 2}
    assert document.pop("stored") == []
    packed = document["snapshot"]["object"]
    content = gzip.decompress(store.objects(name)[f"project/{packed}"])
    store.delete(name, f"project/{packed}")
    plain = {"object": packed.removesuffix(".gz"), "size": len(content), "sha256": sha256(content).hexdigest()}
    store.put(name, f"project/{plain['object']}", content)
    store.put(name, "project/control.json", rewritten({**document, "snapshot": {**document["snapshot"], **plain}}))
    state = machine("two")
    assert state.audiences()[0].members == {EMAIL: 3}
    with state.lock("headcount sync"):
        intend(state, "another")
    assert control_of(store, bucket)["format_version"] == control_object.FORMAT
    assert len(machine("three").audiences()) == 2


@pytest.mark.parametrize("kind", ["control.json", "snapshots/", "members/"])
@pytest.mark.parametrize("damage", ["missing", "cut short", "other"])
def test_an_object_that_is_damaged_is_named_and_never_taken_for_empty(machine, store, bucket, kind, damage):
    key = fill(machine())
    name = bucket.split("/")[2]
    objects = store.objects(name)
    for object_name in [found for found in objects if found.startswith(f"project/{kind}")]:
        content = objects[object_name]
        if damage == "missing":
            store.delete(name, object_name)
        else:
            store.put(name, object_name, content[:-5] if damage == "cut short" else b"x" + content[1:])
    state = machine("two")
    with pytest.raises(StateError, match=r"is missing|is damaged"):
        state.audiences(), state.held(key)


@pytest.mark.parametrize("key", ["", KEY], ids=["as it is", "encrypted"])
@pytest.mark.parametrize("damage", ["", "damaged", "cut short"])
def test_what_a_machine_has_of_a_membership_is_fetched_again_only_where_it_is_damaged(
    machine, store, tmp_path, key, damage
):
    audience = fill(machine("one", key=key))
    state = machine("two", key=key)
    state.held(audience)
    state.close()
    cached = [path for path in (tmp_path / "two").glob("*/objects/*") if path.is_file()]
    assert len(cached) == 2, "a database and a membership"
    for path in cached if damage else ():
        path.chmod(0o600)
        path.write_bytes(b"x" * path.stat().st_size if damage == "damaged" else path.read_bytes()[:-5])
    store.calls.clear()
    assert rows(machine("two", key=key).held(audience).members) == 3
    fetched = {name for method, name in store.calls if method == "GET" and not name.startswith("control")}
    assert len(fetched) == (2 if damage else 0)


# -- garbage -----------------------------------------------------------------------------------------------------------


def test_what_nothing_points_to_goes_after_a_day_and_what_is_needed_stays(machine, store, bucket):
    state = machine()
    key = fill(state)
    for count in (4, 5, 6):
        with state.lock("headcount apply"):
            begin_delta(state, key)
            end_delta(state, key, count)
    name = bucket.split("/")[2]
    before = {found for found in store.objects(name) if "/members/" in found}
    assert len(before) == 4
    state = machine(now=AT + timedelta(days=365))
    with state.lock("headcount apply"):
        pass
    after = {found for found in store.objects(name) if "/members/" in found}
    assert after < before
    assert len(after) == 1
    assert rows(machine("two").held(key).members) == 6


def test_a_file_that_may_yet_be_pointed_to_is_no_garbage(machine, store, bucket):
    state = machine()
    fill(state)
    name = bucket.split("/")[2]
    store.put(name, "project/outbox/loyal/000099-abc.parquet", b"of a run that died")
    state = machine(now=AT + timedelta(days=365))
    with state.lock("headcount apply"):
        pass
    assert "project/outbox/loyal/000099-abc.parquet" in store.objects(name)


# -- encryption --------------------------------------------------------------------------------------------------------


def test_with_a_key_nothing_in_the_bucket_is_readable(machine, store, bucket):
    key = fill(machine(key=KEY))
    for name, content in store.objects(bucket.split("/")[2]).items():
        assert content.startswith(b"headcount sealed 1\n"), name
        for clear in (b"PAR1", b"SQLite format", b"format_version", b"Loyal", b"Ten baskets"):
            assert clear not in content
    other = machine("two", key=KEY)
    assert rows(other.held(key).members) == 3


def test_the_cache_is_nobody_elses_to_look_into(bucket, tmp_path):
    there = tmp_path / "there"
    there.mkdir(mode=0o755)
    state = open_bucket(bucket, {"HEADCOUNT_CACHE": str(there / "made" / "cache")})
    before = os.umask(0)
    try:
        fill(state)
    finally:
        os.umask(before)
        state.close()
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (there / "made").rglob("*") if path.is_dir()}
    assert there / "made" / "cache" in modes
    assert set(modes.values()) == {0o700}
    assert stat.S_IMODE((there / "made").stat().st_mode) == 0o700
    assert stat.S_IMODE(there.stat().st_mode) == 0o755


def test_a_missing_a_wrong_and_a_needless_key_are_told(machine, bucket, tmp_path):
    fill(machine(key=KEY))
    with pytest.raises(StateError, match="is encrypted"):
        machine("two").audiences()
    with pytest.raises(StateError, match="cannot be decrypted"):
        machine("two", key=KEY.replace("M", "N", 1)).audiences()
    with pytest.raises(UsageError, match="HEADCOUNT_STATE_KEY is not a key"):
        machine("two", key="c2hvcnQ=")


def test_a_key_for_a_state_that_is_not_encrypted_is_refused(machine):
    fill(machine())
    with pytest.raises(StateError, match="not encrypted, though") as refused:
        machine("two", key=KEY).audiences()
    assert refused.value.hint.startswith("keep HEADCOUNT_STATE_KEY set: without it, runs would store people readable")


def test_an_encrypted_object_in_the_place_of_another_does_not_open(machine, store, bucket):
    key = fill(machine(key=KEY))
    name = bucket.split("/")[2]
    objects = store.objects(name)
    members = next(found for found in objects if "/members/" in found)
    outbox = next(found for found in objects if "/outbox/" in found)
    store.put(name, members, objects[outbox])
    with pytest.raises(StateError, match="cannot be decrypted"):
        machine("two", key=KEY).held(key)


def test_the_batches_are_those_that_were_opened(machine):
    state = machine()
    with state.lock("headcount apply"):
        key = intend(state)
        begin_delta(state, key)
    assert machine("two").audiences()[0].unfinished.batches == len(BATCHES)


def test_a_snapshot_of_an_older_format_is_stored_anew_by_the_next_run(machine, monkeypatch):
    state = machine("one")
    with state.lock("headcount apply"):
        state.begin_run("apply", AT)
    before = control_object.read(state.backing.store).control.snapshot
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ("CREATE TABLE later (x)",)))
    newer = machine("two")
    with newer.lock("headcount apply"):
        pass
    assert control_object.read(newer.backing.store).control.snapshot != before


def test_a_state_of_format_2_is_lifted_by_the_next_run_with_all_that_it_holds(machine, monkeypatch):
    today = schema.MIGRATIONS
    monkeypatch.setattr(schema, "MIGRATIONS", today[:1])
    old = machine("one")
    with old.lock("headcount apply"):
        key = intend(old)
        old.created(key, "900")
        begin_delta(old, key)
    monkeypatch.setattr(schema, "MIGRATIONS", today)
    reader = machine("two")
    before = (reader.audiences(), reader.held(key).taken)
    assert [(one.audience_id, one.unfinished) for one in before[0]] == [("900", Unfinished(3, 0, 0))]
    newer = machine("three")
    with newer.lock("headcount sync"):
        assert (newer.audiences(), newer.held(key).taken) == before
    monkeypatch.setattr(schema, "MIGRATIONS", today[:1])
    with pytest.raises(StateError, match="written by a newer Headcount") as refused:
        machine("four").audiences()
    assert refused.value.hint == "update headcount here"


# -- a holder that is robbed -------------------------------------------------------------------------------------------


def test_a_holder_whose_state_was_unlocked_knows_it_when_it_asks_before_its_lease_is_renewed(machine):
    one = machine("one", terms=LeaseTimings())
    with pytest.raises(LockLost, match="state unlock"), one.lock("headcount apply"):  # noqa: PT012
        one.confirm_lock()
        machine("two").backing.unlock()
        one.require_lock()
        one.confirm_lock(60.0)  # what was confirmed a moment ago is believed
        one.confirm_lock()


def test_asking_whether_the_state_is_held_waits_for_a_store_that_does_not_answer(machine, store):
    one = machine("one", terms=LeaseTimings())
    refused = []

    def twice(method: str, name: str) -> str:
        refused.append(method)
        return "refused" if len(refused) <= 2 else ""

    with one.lock("headcount apply"), store.failing(twice):
        one.confirm_lock()
    assert len(refused) > 2
