"""An erasure that dies anywhere is ended by asking the same again, and nobody is left behind in a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.shop import Person, Shop, hashes, mail, minutes_pass, sha
from tests.sandbox_client import Sandbox

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
GONE = (1, 2, 60)
"""Two who are in the audiences, and one whom the suppression named when it was looked at last."""
POINTS = [
    ("StateStore.begin_run", "after"),
    ("StateStore.add_receipt", "after"),
    ("DuckDBMembershipStore.write_outbox", "after"),
    ("StateStore.open_delta", "after"),
    ("StateStore.mark_in_flight", "after"),
    ("MarketingSolutions.send", "after"),
    ("StateStore.mark_taken", "after"),
    ("StateStore.close_delta", "before"),
    ("StateStore.close_delta", "after"),
    ("StateStore.rewrite", "before"),
    ("StateStore.rewrite", "after"),
    ("StateStore.rewrite_suppression", "before"),
    ("StateStore.rewrite_suppression", "after"),
    ("StateStore.complete_receipt", "before"),
    ("StateStore.end_run", "before"),
]


def traces(shop: Shop) -> list[str]:
    needles = [bytes.fromhex(sha(one.email)) for one in mail(*GONE)] + [sha(one.email).encode() for one in mail(*GONE)]
    return [str(path) for path in shop.state_files() if any(needle in path.read_bytes() for needle in needles)]


def dies(shop: Shop, at: str, when: str) -> None:
    """Run the erasure in a process that is killed at a point, where changes of memberships have files of their own."""
    log = shop.folder / "reached"
    point = {"at": at, "when": when, "nth": 1, "deed": "kill"}
    environment = {"CHAOS": json.dumps({"points": [point], "log": str(log)}), "CHAOS_GREAT": "beside"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.victim", "forget", "erase.txt", "--yes"],
        cwd=shop.folder,
        env={**shop.environment, **environment, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert log.exists(), done.stdout + done.stderr
    assert done.returncode == -9


@pytest.mark.parametrize(("at", "when"), POINTS)
def test_what_died_is_ended_by_asking_again(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, at: str, when: str
) -> None:
    from runner.engine.memberships import compaction

    monkeypatch.setattr(compaction, "WHOLE_BELOW", 0)
    monkeypatch.setattr(compaction, "LEAST_TIMES", 0.4)
    never = {"sql": "select email from shop.people where kind = 'never'", "mapping": {"email": "email"}}
    shop.write("activations/never.yaml", json.dumps({"kind": "Suppression", "name": "no-consent", **never}))
    shop.people([*mail(*range(1, 40)), *nevers(1, 60)])
    shop.activation("loyal", sql="select email from shop.people where kind = 'all'")
    shop.activation("second", sql="select email from shop.people where kind = 'all' and email <> 'x'")
    shop.apply()
    shop.people([*mail(*range(1, 40)), *nevers(60)])
    shop.run("sync")  # number 1 comes back, in a file of changes
    shop.people([*mail(*range(3, 40)), *nevers()])
    shop.write("erase.txt", "".join(f"{one.email}\n" for one in mail(*GONE, 50)))

    dies(shop, at, when)
    first = shop.run("forget", "erase.txt", "--yes", code=None)
    minutes_pass(monkeypatch, 6)
    again = shop.run("forget", "erase.txt", "--yes")

    assert first.code in (0, 1)
    assert "Erased: no audience and no file of the state holds any of them" in again.out
    assert traces(shop) == []
    left = hashes(*range(3, 40))
    for name in ("Loyal", "Second"):
        assert sandbox.members(sandbox.segment(name).id, "email") == left
    for one in mail(*GONE):
        assert "In none of 2 audiences." in shop.run("why", one.email).out
    assert "suppressed by no-consent" in shop.run("why", mail(50)[0].email).out
    assert "2 unchanged" in shop.run("plan").out or "Nothing to do" in shop.run("plan").out


def nevers(*further: int) -> list[Person]:
    return [Person(one.email, kind="never") for one in mail(*range(50, 60), *further)]
