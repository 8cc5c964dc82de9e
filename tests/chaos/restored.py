"""A backup is put back after a run that it knows nothing of: that is noticed, and made good as the message says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos import checks, ledger
from tests.chaos.deeds import Identifiers, Stage, rename, requery
from tests.chaos.late import most_people_move
from tests.chaos.mishaps import Mishap, both
from tests.chaos.places import InBucket
from tests.chaos.world import members

if TYPE_CHECKING:
    from tests.chaos.history import History

RESTORED = "an old backup of the state is put back"
SAID = "is an older one, from a backup perhaps"
DEATHS = (("StateStore.mark_taken", "after"), *((at, when) for at, when, _ in both("send", "after", 1)))
WHILE_REBUILT = (
    ("StateStore.require_refill", "after"),
    ("StateStore.begin_run", "after"),
    ("AccountClient.clear", "before"),
    ("AccountClient.clear", "after"),
)
"""Where the run that the backup does not know may die, and the one that makes good."""


def an_old_backup(history: History, stage: Stage) -> bool:
    """Whether one could be put back: there is an audience, and a run sent something after the backup was made."""
    # An audience whose creation was not answered is found and filled by the run that the backup does not know: one that
    # holds people is then somebody else's to the backup, which is right and needs an import.
    if not any(account.audience_id for account in ledger.read(stage.state)) or ledger.unanswered(stage.state):
        return False
    history.wait_for_late_calls(stage)
    stage.place.unlock()
    if isinstance(stage.place, InBucket):  # the last run may have been another machine's: this one must know of it
        stage.shop.run("plan", code=None)
    backup, known = stage.place.backup(), ledger.newest_run(stage.state)
    most_people_move(stage)
    before = _held(stage)
    history.run_and_check(stage, _may_die(stage, DEATHS), ["sync", *stage.allowed])
    if _held(stage) == before:
        return False
    if isinstance(stage.place, InBucket):  # any machine may have made the run: this one sees it
        stage.shop.run("plan", code=None)
    assert ledger.newest_run(stage.state) != known, "something was sent by a run that the state does not know"
    newer = stage.place.backup()
    stage.place.restore(backup)
    history.story.append(f"   {RESTORED}")
    _is_refused(stage)
    if stage.chance.random() < 0.3:
        stage.shop.run("state", "accept")
        assert SAID not in stage.shop.run("plan", code=None).err, "it is refused though a person accepted it"
        stage.place.restore(newer)
        history.story.append("   accepted; and then the newer one is found after all")
        assert SAID not in stage.shop.run("plan", code=None).err, "a newer state is taken for an older one"
        return True
    for deed in (rename, requery):  # rebuilding leaves alone what is declared otherwise by now
        if stage.chance.random() < 0.5:
            history.story.append(f"   {deed(stage)}")
    stage.world.write(stage.shop)
    _rebuild(history, stage)
    return True


def _held(stage: Stage) -> dict[str, Identifiers]:
    return {segment.id: members(stage.sandbox, segment) for segment in stage.sandbox.segments()}


def _is_refused(stage: Stage) -> None:
    stage.sandbox.forget_calls()
    for command in (("plan",), ("apply", "--yes", "--prune"), ("sync",), ("sync", "--due")):
        told = stage.shop.run(*command, code=None)
        assert (told.code, SAID in told.err) == (1, True), f"{command} by an old backup: {told}"
    assert "headcount sync --rebuild" in told.err
    assert not stage.sandbox.calls(), "something was asked of Criteo by an old backup"


def _rebuild(history: History, stage: Stage) -> None:
    """Rebuild every audience, by a run that may die first; then nothing is taken for certain that is not true."""
    known = sorted({account.activation for account in ledger.read(stage.state)})
    options = [part for one in known for part in ("--rebuild", one)]
    mishap = _may_die(stage, WHILE_REBUILT)
    process = history.start(stage, ["sync", *options, *stage.allowed], mishap.orders, machine={})
    out, err = process.communicate(timeout=180)
    checks.ended_well(process.returncode, out, err)
    stage.shop.outputs += [out, err]
    stage.place.unlock()
    stage.place.look()
    (stage.shop.folder / "points").unlink(missing_ok=True)
    history.story.append(f"   sync --rebuild, all; {', '.join(mishap.words) or 'undisturbed'} -> {process.returncode}")
    if process.returncode < 0 and SAID in stage.shop.run("plan", code=None).err:
        _rebuild(history, stage)
        return
    history.check(stage)


def _may_die(stage: Stage, moments: tuple[tuple[str, str], ...]) -> Mishap:
    if stage.chance.random() < 0.4:
        return Mishap()
    (at, when), nth = stage.chance.choice(moments), stage.chance.randint(1, 4)
    point = {"at": at, "when": when, "nth": nth, "deed": "kill"}
    return Mishap(orders={"points": [point]}, words=[f"kill {when} {at} #{nth}"])
