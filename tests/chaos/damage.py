"""What a broken disk does to the files of a state, and what is to be seen of it.

A file that the state points to is never read wrongly and never taken for empty: a plan either comes to what it came to
before, since it has no use for what was damaged, or it names the file.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.chaos import ledger
from tests.chaos.deeds import Stage
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
    files = whole_files(stage)
    if not files:
        return ""
    path, kind = stage.chance.choice(files), stage.chance.choice((*DAMAGES, "removed"))
    look(stage, path, kind)
    return f"{path.name} {kind}"


def whole_files(stage: Stage) -> list[Path]:
    """The files that may be damaged: the database and those that it points to."""
    return [path for path in (stage.state / "state.db", *ledger.files(stage.state)) if path.is_file()]


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


def _noticed(stage: Stage, path: Path, kind: str, before: object) -> bool:
    stage.sandbox.forget_calls()
    allowed = [part for one in sorted(stage.world.declared) for part in ("--allow-removals", one)]
    plan = stage.shop.run("plan", "--format", "json", code=None)
    if _changes(plan) == before:
        return False
    told = plan.out + plan.err
    assert plan.code == 1, f"with {path.name} {kind} the plan is another one and ends with {plan.code}: {told}"
    assert path.name in told, f"with {path.name} {kind} the plan does not name the file: {told}"
    if path.name != "state.db":
        return True
    done = stage.shop.run("apply", "--yes", "--prune", *allowed, code=None)
    assert done.code == 1, f"with {path.name} {kind} apply ends with {done.code}: {done.out}{done.err}"
    changed = [call for call in stage.sandbox.calls("audience") if call.method != "GET" and "search" not in call.path]
    assert not changed, f"with {path.name} {kind} apply changed something in Criteo: {changed}"
    return True


def _changes(plan: Result) -> object:
    return plan.json["changes"] if plan.out else None
