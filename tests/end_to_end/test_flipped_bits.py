"""A bit of the state that flips: each command says what it said before, or that the state is damaged."""

from __future__ import annotations

import random

import pytest

from tests.end_to_end.shop import Result, Shop, mail
from tests.sandbox_client import Sandbox

COMMANDS = {
    ("plan", "--format", "json"): "changes",
    ("status", "--format", "json"): "activations",
    ("history", "--format", "json"): "runs",
}


def _said(result: Result, command: tuple[str, ...]) -> object:
    """What a command says, but for how long its segments took."""
    said = result.json[COMMANDS[command]]
    for one in said:
        (one.get("segment") or {}).pop("seconds", None)
    return said


def told(shop: Shop) -> dict[tuple[str, ...], Result]:
    return {command: shop.run(*command, code=None) for command in COMMANDS}


@pytest.mark.parametrize("seed", range(3))
def test_no_command_says_anything_else_and_none_changes_anything(shop: Shop, sandbox: Sandbox, seed: int) -> None:
    shop.activation()
    shop.activation("lapsed")
    shop.apply()
    shop.people(mail(2, 3, 4))
    shop.run("sync", "--select", "loyal")
    before, chance = told(shop), random.Random(seed)
    database = shop.folder / ".headcount" / "state.db"
    content, damaged = database.read_bytes(), 0
    sandbox.forget_calls()
    for _ in range(6):
        changed = bytearray(content)
        at = chance.choice([position for position, byte in enumerate(content) if byte])
        changed[at] ^= 1 << chance.randrange(8)
        database.write_bytes(changed)
        for command, result in told(shop).items():
            if result.code == before[command].code:
                assert _said(result, command) == _said(before[command], command)
            else:
                damaged += 1
                assert result.code == 1
                assert "state.db" in result.err
                assert not result.out
                if command[0] == "plan":  # what decides nothing, such as the SQL of a past run, stops only its readers
                    assert shop.apply("--allow-removals", "loyal", code=1).out == ""
        for leftover in database.parent.glob("state.db*"):
            leftover.unlink()
    database.write_bytes(content)
    assert damaged
    assert not [call for call in sandbox.calls("audience") if call.method != "GET" and "search" not in call.path]
