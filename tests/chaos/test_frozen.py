"""A machine that stands still in the middle of a run, loses the state to another one, and then goes on."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from subprocess import Popen

import pytest

from tests.chaos.deeds import Stage, people_come_and_go
from tests.chaos.history import History
from tests.chaos.mishaps import Mishap
from tests.sandbox_client import Sandbox

pytestmark = pytest.mark.chaos

TERMS = [6.0, 0.3, 0.5]
"""Long enough for a slow machine to renew its lease in time, and to be the one that stands still."""

ALL = ("apply", "--yes", "--prune")


def is_frozen(process: Popen[str]) -> bool:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize("at", ["StateStore.mark_in_flight", "StateStore.intend"])
def test_a_machine_that_lost_the_state_while_it_stood_still_sends_nothing_more(at: str) -> None:
    def lived(history: History, stage: Stage) -> None:
        stage.shop.run("apply", "--yes")
        people_come_and_go(stage)
        stage.world.declare(stage.chance, destination="one")
        stage.world.write(stage.shop)
        frozen = {"points": [{"at": at, "when": "after", "nth": 1, "deed": "freeze"}], "terms": TERMS}
        sent: list[int] = []

        def another_takes_over(process: Popen[str], sandbox: Sandbox) -> None:
            while not is_frozen(process):
                assert process.poll() is None, "it came to its end before it stood still"
                time.sleep(0.05)
            people_come_and_go(stage)
            stage.world.write(stage.shop)
            time.sleep(TERMS[0] + 2.0)  # the store's clock tells whole seconds
            other = history.start(stage, [*ALL, *stage.allowed], {"terms": TERMS})
            out, err = other.communicate(timeout=60)
            assert other.returncode == 0, out + err
            sent.append(len(changes(sandbox)))
            os.kill(process.pid, signal.SIGCONT)

        (code,) = history.run_and_check(stage, Mishap(orders=frozen, watch=another_takes_over), [*ALL, *stage.allowed])
        assert code == 1
        assert "state" in history.said
        assert len(changes(stage.sandbox)) == sent[0], "it sent something after it had lost the state"
        history.come_clean(stage)

    History(11, bucket=True).play(lived)


def changes(sandbox: Sandbox) -> list[str]:
    calls = sandbox.calls("audience")
    return [call.path for call in calls if call.method != "GET" and "search" not in call.path]
