"""Disks that are full, read-only or broken, under runs that have something to do."""

from __future__ import annotations

import shutil
import signal

import pytest

from tests.chaos import namespaces
from tests.chaos.damage import DAMAGES, damage_in_bucket, look, whole_files, whole_objects
from tests.chaos.deeds import Stage, people_come_and_go
from tests.chaos.history import History
from tests.chaos.mishaps import Mishap
from tests.chaos.places import InBucket

pytestmark = pytest.mark.chaos

ALL = ("apply", "--yes", "--prune")


def with_something_to_do(stage: Stage) -> None:
    stage.shop.run("apply", "--yes")
    people_come_and_go(stage)
    stage.world.write(stage.shop)


@pytest.mark.skipif(not namespaces.available(), reason="this machine lets nobody mount anything")
@pytest.mark.parametrize(
    ("disk", "room", "told"),
    [("read-only", 0, "read-only"), ("small", 0, "no space left"), ("small", 14 * 4096, "full")],
    ids=["read-only", "full", "full after a while"],
)
def test_a_real_disk_that_takes_no_more_is_named_and_loses_nothing(disk: str, room: int, told: str) -> None:
    def lived(history: History, stage: Stage) -> None:
        with_something_to_do(stage)
        mishap = Mishap(words=[disk], disk=disk, room=room)
        (code,) = history.run_and_check(stage, mishap, [*ALL, *stage.allowed])
        assert code == 1
        assert told in history.said.lower()
        history.come_clean(stage)

    History(8).play(lived)


@pytest.mark.skipif(not namespaces.available(), reason="this machine lets nobody mount anything")
@pytest.mark.parametrize("command", [["status", "--all"], ["history"], ["state", "list"]], ids=" ".join)
def test_a_full_disk_keeps_nobody_from_looking(command: list[str]) -> None:
    def lived(history: History, stage: Stage) -> None:
        with_something_to_do(stage)
        history.run_and_check(stage, Mishap(words=["small"], disk="small"), command)
        assert "a0" in history.said

    History(8).play(lived)


@pytest.mark.skipif(not namespaces.available(), reason="this machine lets nobody mount anything")
def test_a_state_that_is_begun_on_a_disk_without_room_is_there_whole_or_not_at_all() -> None:
    def lived(history: History, stage: Stage) -> None:
        stage.state.mkdir(mode=0o700)
        codes = []
        for pages in (10, 30, 39, 80):
            for path in stage.state.iterdir():
                path.unlink() if path.is_file() else shutil.rmtree(path)
            mishap = Mishap(words=[f"{pages} pages left"], disk="small", room=pages * 4096)
            codes += history.run_and_check(stage, mishap, ["sync"])
            assert stage.shop.run("status", code=None).code == 0
        assert codes[0] == 1
        assert codes[-1] == 7, "nothing is applied yet, and there was room to say so"
        history.come_clean(stage)

    History(8).play(lived)


def test_whatever_is_damaged_after_a_kill_is_named_and_never_taken_for_empty() -> None:
    def lived(history: History, stage: Stage) -> None:
        with_something_to_do(stage)
        point = {"at": "StateStore.mark_in_flight", "when": "after", "nth": 2, "deed": "kill"}
        (code,) = history.run_and_check(stage, Mishap(orders={"points": [point]}), [*ALL, *stage.allowed])
        assert code == -signal.SIGKILL
        files = whole_files(stage)
        assert {path.parent.parent.name for path in files[1:]} == {"members", "outbox"}
        outbox = next(path for path in files if path.parent.parent.name == "outbox")
        for path in (files[0], files[1], outbox):
            for kind in {*DAMAGES, "removed"} - ({"flipped", "zeroed"} if path is files[0] else set()):
                assert look(stage, path, kind), f"{path.name} {kind} made no difference"
        history.come_clean(stage)

    History(9).play(lived)


def test_whatever_is_damaged_in_a_bucket_after_a_kill_is_named_and_healed_by_what_the_message_says() -> None:
    def lived(history: History, stage: Stage) -> None:
        assert isinstance(stage.place, InBucket)
        with_something_to_do(stage)
        point = {"at": "StateStore.mark_in_flight", "when": "after", "nth": 2, "deed": "kill"}
        (code,) = history.run_and_check(stage, Mishap(orders={"points": [point]}), [*ALL, *stage.allowed])
        assert code == -signal.SIGKILL
        met = set()
        for kind in ("control.json", "snapshots/", "members/", "outbox/"):
            names = [name for name in whole_objects(stage.place) if name.startswith(f"project/{kind}")]
            damage = stage.chance.choice((*DAMAGES, "removed"))
            met.add(damage_in_bucket(stage, stage.place, names[-1], damage).partition(" ")[2])
        assert met & {f"{damage}, rebuilt" for damage in (*DAMAGES, "removed")}
        history.come_clean(stage)

    History(10, bucket=True).play(lived)
