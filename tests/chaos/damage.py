"""What a broken disk does to the files of a state, or a broken store to its objects, and what is to be seen of it.

A file that the state points to is never read wrongly and never taken for empty: a plan either comes to what it came to
before, since it has no use for what was damaged, or it names the file.
"""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from tests.chaos import ledger
from tests.chaos.deeds import Stage
from tests.chaos.places import InBucket, newcomer
from tests.end_to_end.shop import Result

PAGE = 4096


def _emptied(content: bytearray, chance: random.Random) -> bytes:
    return b""


def _truncated(content: bytearray, chance: random.Random) -> bytes:
    return bytes(content[: chance.randrange(len(content))])


def _zeroed(content: bytearray, chance: random.Random) -> bytes:
    """A page that reads as zeros."""
    start = chance.randrange(len(content)) // PAGE * PAGE
    content[start : start + PAGE] = bytes(len(content[start : start + PAGE]))
    return bytes(content)


def _flipped(content: bytearray, chance: random.Random) -> bytes:
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(content)


DAMAGES: dict[str, Callable[[bytearray, random.Random], bytes]] = {
    "emptied": _emptied,
    "truncated": _truncated,
    "zeroed": _zeroed,
    "flipped": _flipped,
}


def damage_and_look(stage: Stage) -> str:
    """Damage one file of the state, see that plan and apply notice, and put it back as it was; what was done."""
    kind = stage.chance.choice((*DAMAGES, "removed"))
    if isinstance(stage.place, InBucket):
        return damage_in_bucket(stage, stage.place, stage.chance.choice(whole_objects(stage.place)), kind)
    files = whole_files(stage)
    if not files:
        return ""
    path = stage.chance.choice(files)
    look(stage, path, kind)
    return f"{path.name} {kind}"


def whole_files(stage: Stage) -> list[Path]:
    """The files that may be damaged: the database and those that it points to."""
    return [path for path in (stage.state / "state.db", *ledger.files(stage.state)) if path.is_file()]


def whole_objects(place: InBucket) -> list[str]:
    """The objects that may be damaged; what no record points to any more is among them."""
    return sorted(name for name in place.contents() if "/probes/" not in name)


def look(stage: Stage, path: Path, kind: str) -> bool:
    """Whether the damage made a difference; where it did, it was told. The state is as before then."""
    whole = stage.state.with_name("whole")
    before = stage.shop.run("plan", "--format", "json", code=None)
    shutil.copytree(stage.state, whole)
    try:
        damage(path, kind, stage.chance)
        return _noticed(stage, path, kind, _changes(before))
    finally:
        shutil.rmtree(stage.state)
        whole.rename(stage.state)


def damage(path: Path, kind: str, chance: random.Random) -> None:
    """Do that to the file."""
    content = bytearray(path.read_bytes())
    if kind == "removed":
        path.unlink()
    elif content:
        path.write_bytes(DAMAGES[kind](content, chance))


def damage_in_bucket(stage: Stage, place: InBucket, name: str, kind: str) -> str:
    """Damage an object, see that a machine that has nothing of the state notices, and do what it is told to do.

    That is to bring back the object, or to rebuild the one audience whose file it was.
    """
    place.unlock()
    content = place.contents()[name]
    before = stage.shop.run("plan", "--format", "json", code=None, **newcomer(stage.state))
    damaged = None if kind == "removed" else DAMAGES[kind](bytearray(content), stage.chance) if content else content
    place.put(name, damaged)
    said = f"{name.removeprefix('project/')} {kind}"
    audience = name.startswith(("project/members/", "project/outbox/"))
    # Where whom a suppression names is not known, nobody is added; what adds nobody goes on, as pruning does.
    everything = not audience and not name.startswith("project/suppressions/")
    short, as_newcomer = PurePosixPath(name).name, newcomer(stage.state)
    told = _told(stage, short, kind, _changes(before), everything=everything, **as_newcomer)
    if audience and told and _rebuilt(stage, told):
        place.look()
        return f"{said}, rebuilt"
    place.put(name, content)
    after = stage.shop.run("plan", "--format", "json", code=None, **newcomer(stage.state))
    assert _changes(after) == _changes(before), f"{said}, and brought back, and the plan is another one: {after.err}"
    return said


def _rebuilt(stage: Stage, told: str) -> bool:
    """Whether the command that the message names could do its work: it leaves alone what is not applied as declared."""
    rebuild = re.search(r"headcount sync --rebuild ([\w-]+)", told)
    assert rebuild is not None, f"it is not said what to do: {told}"
    done = stage.shop.run("sync", "--rebuild", rebuild[1], *stage.allowed, code=None, **newcomer(stage.state))
    document = stage.shop.run("plan", "--format", "json", code=None, **newcomer(stage.state)).json
    rest = next((change for change in document["changes"] if change["id"] == rebuild[1]), None)
    healed = rest is None or "headcount sync --rebuild" not in (rest["hint"] or "")
    assert healed or f"{rebuild[1]}" in done.out + done.err, f"{rebuild[0]} did nothing and did not say why: {done}"
    return healed


def _noticed(stage: Stage, path: Path, kind: str, before: object) -> bool:
    return bool(_told(stage, path.name, kind, before, everything=path.name == "state.db"))


def _told(stage: Stage, name: str, kind: str, before: object, *, everything: bool, **environment: str) -> str:
    """What a plan says of the damage, empty where it comes to the same; `everything` when nothing can go on."""
    stage.sandbox.forget_calls()
    plan = stage.shop.run("plan", "--format", "json", code=None, **environment)
    if _changes(plan) == before:
        return ""
    told = plan.out + plan.err
    assert plan.code == 1, f"with {name} {kind} the plan is another one and ends with {plan.code}: {told}"
    assert name in told, f"with {name} {kind} the plan does not name the file: {told}"
    if everything:
        done = stage.shop.run("apply", "--yes", "--prune", *stage.allowed, code=None, **environment)
        assert done.code == 1, f"with {name} {kind} apply ends with {done.code}: {done.out}{done.err}"
        calls = stage.sandbox.calls("audience")
        changed = [call for call in calls if call.method != "GET" and "search" not in call.path]
        assert not changed, f"with {name} {kind} apply changed something in Criteo: {changed}"
    return told


def _changes(plan: Result) -> object:
    """What a plan would do, without how long its segments took, and with whom it could not be compared."""
    changes = plan.json["changes"] if plan.out else None
    for change in changes or ():
        if change["segment"] is not None:
            del change["segment"]["seconds"]
        if change.get("overlap") is not None:
            for count in ("compared", "unreadable"):  # those of other audiences, which is no business of this one
                del change["overlap"][count]
    return changes
