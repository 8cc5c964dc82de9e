"""A run that dies while a call of it is still on its way, and a run that ends before that call takes effect."""

from __future__ import annotations

import time
from subprocess import Popen
from typing import TYPE_CHECKING

from tests.chaos.deeds import Stage
from tests.chaos.mishaps import Mishap
from tests.chaos.world import GROUPS
from tests.sandbox_client import Sandbox

if TYPE_CHECKING:
    from tests.chaos.history import History

ON_ITS_WAY = "killed while a call is on its way"
SECONDS = 4.0
"""After which the call takes effect: when the next run has ended."""


def outlived_by_its_call(history: History, stage: Stage, arguments: list[str]) -> None:
    """Let a run send something and die; most people move; and the next run is done before the call takes effect."""
    stage.sandbox.fault("late", "contact-list", skip=stage.chance.randint(0, 2), times=1, seconds=SECONDS)
    history.run_and_check(stage, Mishap(words=[ON_ITS_WAY], watch=_kill, late=SECONDS), arguments)
    most_people_move(stage)
    history.run_and_check(stage, Mishap(), arguments)


def most_people_move(stage: Stage) -> None:
    """So that nearly every audience has something to add and to remove."""
    for someone in stage.world.people:
        someone.groups ^= {group for group in range(GROUPS) if stage.chance.random() < 0.7}
    stage.world.write(stage.shop)


def _kill(process: Popen[str], sandbox: Sandbox) -> None:
    while process.poll() is None:
        if any(call.fault == "late" for call in sandbox.calls("contact-list")):
            process.kill()
            return
        time.sleep(0.02)
