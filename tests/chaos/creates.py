"""Deaths in the middle of a create: what makes a run create an audience, and the moments at which it may die there."""

from __future__ import annotations

import time
from collections.abc import Callable
from subprocess import Popen

from tests.chaos import ledger
from tests.chaos.deeds import Stage, take_effect
from tests.chaos.mishaps import Mishap, Point, both
from tests.chaos.world import ACCOUNTS, RETAIL, home
from tests.sandbox_client import Sandbox

WAITING = "between the call's effect and its answer"
TURNING_UP = "while the next one is made, the one before turns up"
DELETED = "between the delete and the create"

MOMENTS: dict[str, tuple[Point, ...]] = {
    "before its intent": (("StateStore.intend", "before", 1),),
    "between its intent and the call": (("StateStore.intend", "after", 1), *both("create", "before", 1)),
    WAITING: (),
    "between the answer and its mark": (*both("create", "after", 1), ("StateStore.created", "before", 1)),
    "after its mark": (("StateStore.created", "after", 1), ("StateStore.define", "before", 1)),
    DELETED: (("AccountClient.delete", "after", 1), ("StateStore.intend", "before", 1)),
    TURNING_UP: (),
}
"""What a moment is called -> the points at which it is; two of them are known only from what Criteo sees."""

PATIENCE = 60.0
"""Seconds that a run waits for an answer that is held back until the run is killed."""


# -- what makes a run create an audience ----------------------------------------------------------------------------


def _new(stage: Stage, destination: str) -> str:
    return f"{stage.world.declare(stage.chance, destination=destination).id} added in {destination}"


def _gone(stage: Stage, destination: str) -> str:
    """One of our audiences is deleted by hand, so that it is made again."""
    ours = [segment.id for segment in stage.ours().values() if home(segment) == ACCOUNTS[destination]]
    if not ours:
        return _new(stage, destination)
    audience = stage.chance.choice(ours)
    stage.sandbox.delete_segment(audience)
    return f"audience {audience} deleted by hand"


def _replaced(stage: Stage, destination: str) -> str:
    """An audience that holds one type of identifier shall hold another: it is deleted and made again."""
    known = {account.activation for account in ledger.read(stage.state) if account.audience_id}
    there = [one for one in stage.world.declared.values() if one.destination == destination and one.id in known]
    if destination not in RETAIL or not there:
        return _gone(stage, destination)
    one = stage.chance.choice(there)
    stage.world.change(one.id, types=("customer_id",) if one.types == ("email",) else ("email",))
    return f"{one.id} is to hold {stage.world.declared[one.id].types[0]}"


WAYS: dict[str, Callable[[Stage, str], str]] = {"new": _new, "gone": _gone, "replaced": _replaced}


def something_to_create(stage: Stage, destination: str, way: str, moment: str) -> str:
    """Bring it about that the next run creates an audience there, or two; what was done, in words."""
    done = [WAYS[way](stage, destination)]
    if moment == TURNING_UP:
        done.append(_new(stage, destination))
    stage.world.write(stage.shop)
    return "; ".join(done)


# -- the death -------------------------------------------------------------------------------------------------------


def death(stage: Stage, destination: str, moment: str) -> Mishap:
    """Orders for the process and for the sandbox, by which the next run dies at that moment of a create."""
    mishap = Mishap(words=[f"dies in a create: {moment}"])
    if moment == WAITING:
        stage.sandbox.fault("slow", "/create", seconds=PATIENCE)
        mishap.watch = kill_who_waits
    elif moment == TURNING_UP:
        # Three times is as often as a run tries; none of them took effect, as far as anyone can see by then.
        stage.sandbox.fault("drop-before", "/create", times=3)
        stage.sandbox.fault("slow", "/create", seconds=2.0)
        mishap.watch = lambda process, sandbox: turn_up(process, stage)
    else:
        points = [point for point in MOMENTS[moment] if _is_about(point, destination)]
        at, when, _ = stage.chance.choice(points)
        mishap.orders["points"] = [{"at": at, "when": when, "nth": 1, "deed": "kill"}]
    mishap.orders["patience"] = PATIENCE
    return mishap


def _is_about(point: Point, destination: str) -> bool:
    service = point[0].partition(".")[0]
    return service not in ("MarketingSolutions", "RetailMedia") or (service == "RetailMedia") == (destination in RETAIL)


def kill_who_waits(process: Popen[str], sandbox: Sandbox) -> None:
    """Kill a run as soon as a create has taken effect whose answer is held back."""
    if _held_back(process, sandbox):
        process.kill()


def turn_up(process: Popen[str], stage: Stage) -> None:
    """While an answer is held back, the creates that nobody answered take effect after all."""
    if not _held_back(process, stage.sandbox):
        return
    stage.place.look()
    for intent in ledger.unanswered(stage.state):
        take_effect(intent, stage.sandbox)


def _held_back(process: Popen[str], sandbox: Sandbox) -> bool:
    while process.poll() is None:
        if any(call.fault == "slow" for call in sandbox.calls("/create")):
            return True
        time.sleep(0.02)
    return False


def some_death(stage: Stage) -> tuple[str, Mishap]:
    """Any of them: what was done, and the mishap."""
    destination, moment = stage.chance.choice(tuple(ACCOUNTS)), stage.chance.choice(tuple(MOMENTS))
    way = "replaced" if moment == DELETED else stage.chance.choice(tuple(WAYS))
    return something_to_create(stage, destination, way, moment), death(stage, destination, moment)
