"""A state that is bound to one API meets another: nothing is done until a person binds it to that one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos import ledger
from tests.chaos.deeds import Stage
from tests.chaos.world import OPTIONS
from tests.sandbox_client import running

if TYPE_CHECKING:
    from tests.chaos.history import History

ELSEWHERE = "another API"
SAID = "belongs to Criteo at"
COMMANDS = (("plan",), ("apply", "--yes", "--prune"), ("sync",), ("sync", "--due"))


def another_api(history: History, stage: Stage) -> bool:
    """Whether the state was bound, so that another API could be tried: another Criteo, or the same by another name."""
    if not ledger.is_bound(stage.state):
        return False
    stage.place.unlock()
    if stage.chance.random() < 0.5:
        history.story.append("   another Criteo is spoken to")
        with running(OPTIONS) as other:
            _is_refused(stage, other.url)
            assert not other.calls(), "something was asked of another Criteo"
            _bind(stage, other.url)
    else:
        history.story.append("   the same Criteo is spoken to by another name")
        other_name = stage.sandbox.url.replace("127.0.0.1", "localhost")
        _is_refused(stage, other_name)
        _bind(stage, other_name)
    _is_refused(stage, stage.sandbox.url)
    _bind(stage, stage.sandbox.url)
    stage.place.look()
    history.check(stage)
    return True


def _is_refused(stage: Stage, url: str) -> None:
    stage.sandbox.forget_calls()
    for command in COMMANDS:
        told = stage.shop.run(*command, code=None, CRITEO_API_URL=url)
        assert (told.code, SAID in told.err) == (1, True), f"{command} at another API: {told}"
    assert not stage.sandbox.calls(), "something was asked of Criteo by a command that was refused"


def _bind(stage: Stage, url: str) -> None:
    stage.shop.run("state", "bind", "--yes", CRITEO_API_URL=url)
    told = stage.shop.run("plan", code=None, CRITEO_API_URL=url)
    assert SAID not in told.err, f"it is refused though it was bound: {told}"
