"""People withdraw while only a part of the audiences is looked at, and whom a suppression names cannot be known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.chaos import checks, ledger
from tests.chaos.deeds import Stage
from tests.chaos.late import most_people_move
from tests.chaos.mishaps import Mishap

if TYPE_CHECKING:
    from tests.chaos.history import History

ELSEWHERE = "withdrawal from an audience not selected"
CLOSED = "suppression that fails"


def from_what_is_not_selected(history: History, stage: Stage) -> bool:
    """Whether people who withdrew left every audience in a run that only one was selected for, which ended well."""
    never, chance = stage.world.never, stage.chance
    stage.world.never = replace(never, is_declared=True, is_everybody=False, data="there")
    inside = [someone for someone in stage.world.people if someone.groups]
    for someone in chance.sample(inside, min(4, len(inside))):
        someone.never = True
    stage.world.write(stage.shop)
    one = chance.choice(sorted(stage.world.declared))
    codes = history.run_and_check(
        stage, Mishap(words=[ELSEWHERE]), ["apply", "--yes", "--select", one, *stage.allowing]
    )
    if codes != [0]:
        return False
    checks.nobody_named(stage.world, ledger.read(stage.state), stage.sandbox)
    return True


def nobody_is_added_while_it_fails(history: History, stage: Stage) -> bool:
    """Whether the suppression failed in a run of all audiences, which then added nobody to any of them."""
    stage.world.never = replace(stage.world.never, is_declared=True, is_everybody=False, data="lost")
    stage.world.write(stage.shop)
    most_people_move(stage)
    codes = history.run_and_check(stage, Mishap(words=[CLOSED]), ["apply", "--yes", "--prune", *stage.allowing])
    added = [call for call in stage.sandbox.calls(identifiers=True) if call.operation == "add" and call.identifiers]
    assert not added, f"people were added to {sorted({str(call.segment_id) for call in added})} while {CLOSED} is there"
    stage.world.never.data = "there"
    stage.world.write(stage.shop)
    return codes == [1]
