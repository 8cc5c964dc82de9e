"""A run whose state is unlocked while it waits to send a batch again, and another that meanwhile sends the opposite."""

from __future__ import annotations

import time
from subprocess import Popen
from typing import TYPE_CHECKING

from tests.chaos import checks
from tests.chaos.deeds import Stage
from tests.chaos.late import most_people_move
from tests.chaos.mishaps import Mishap
from tests.sandbox_client import Sandbox

if TYPE_CHECKING:
    from tests.chaos.history import History

UNLOCKED = "unlocked while it waits to try again"
HELD_BACK = 3
"""Seconds for which Criteo sends a call away, and the run waits."""


def unlocked_while_it_waits(history: History, stage: Stage) -> Mishap:
    """Prepare the sandbox so that the run has to wait; whoever unlocks the state then lets another run do its work."""
    stage.sandbox.fault("429", "contact-list", skip=stage.chance.randint(0, 3), times=1, seconds=HELD_BACK)

    def rob(process: Popen[str], sandbox: Sandbox) -> None:
        while not any(call.fault == "429" for call in sandbox.calls("contact-list")):
            if process.poll() is not None:
                return  # it had too little to send
            time.sleep(0.02)
        stage.place.unlock()
        sent = sandbox.calls(identifiers=True)
        most_people_move(stage)
        sandbox.forget_calls()
        other = history.start(stage, ["sync", *stage.allowed], {})
        out, err = other.communicate(timeout=60)
        checks.ended_well(other.returncode, out, err)
        stage.shop.outputs += [out, err]
        history.story.append(f"   another run, for other people: {other.returncode}, after {len(sent)} calls")

    return Mishap(words=[UNLOCKED], watch=rob)
