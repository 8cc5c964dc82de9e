"""A state in a work tree: a branch that tracks it takes nothing away without a word."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.shop import Shop
from tests.sandbox_client import Sandbox


@pytest.fixture
def committed(shop: Shop) -> Shop:
    """An applied shop on branch main, whose state git ignores."""
    shop.activation()
    shop.apply()
    shop.write(".gitignore", ".headcount/\ndata/\n")
    shop.git("init", "-q", "-b", "main")
    shop.git("add", ".")
    shop.git("commit", "-qm", "first")
    return shop


def branch_with_a_state(shop: Shop, elsewhere: Path) -> None:
    """Make a branch `theirs` in which somebody else's state is committed."""
    shop.git("clone", "-q", str(shop.folder), str(elsewhere))
    theirs = Shop(elsewhere, shop.environment["CRITEO_API_URL"])
    theirs.activation("theirs")
    theirs.apply("--select", "theirs")
    theirs.git("switch", "-qc", "theirs")
    theirs.git("add", "-f", ".headcount/state.db", ".headcount/.gitignore", ".headcount/lock")
    theirs.git("commit", "-qm", "a state")
    shop.git("fetch", "-q", str(elsewhere), "theirs:theirs")


COMMANDS = pytest.mark.parametrize(
    "command",
    [["plan"], ["apply", "--yes"], ["sync"], ["status"], ["history"], ["state", "list"]],
    ids=lambda one: one[0],
)


@COMMANDS
def test_a_state_that_git_tracks_is_refused_and_nothing_is_sent(
    committed: Shop, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory, command: list[str]
) -> None:
    branch_with_a_state(committed, tmp_path_factory.mktemp("theirs") / "shop")
    committed.git("checkout", "-q", "theirs")
    sandbox.forget_calls()

    told = committed.run(*command, code=1).err

    assert "git tracks .headcount/" in told
    assert "git rm -r --cached .headcount" in told
    assert [call for call in sandbox.calls() if call.method != "GET" and "oauth" not in call.path] == []


def test_after_the_way_back_the_state_is_missed_and_comes_back_whole(
    committed: Shop, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = committed.run("history", "--format", "json").out
    branch_with_a_state(committed, tmp_path_factory.mktemp("theirs") / "shop")
    committed.git("checkout", "-q", "theirs")
    committed.git("checkout", "-q", "main")
    assert not (committed.folder / ".headcount/state.db").exists()

    for command in (["plan"], ["apply", "--yes"], ["sync"]):
        told = committed.run(*command, code=1).err
        assert "state.db is missing: that is still there as state.db.second-" in told
    [move] = [line for line in told.splitlines() if "mv " in line]
    subprocess.run(["sh", "-c", move.split("-> ")[1].split("   (")[0]], cwd=committed.folder, check=True)

    assert committed.run("history", "--format", "json").out == before
    assert committed.plan()["loyal"]["action"] == "unchanged"


def test_a_tracked_link_in_its_place_is_refused(committed: Shop, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (committed.folder / ".headcount").rename(elsewhere / "state")
    (committed.folder / ".headcount").symlink_to(elsewhere / "state")
    committed.git("add", "-f", ".headcount")
    assert "git tracks .headcount" in committed.run("plan", code=1).err


def test_a_state_beside_what_git_tracks_is_fine_and_ignores_itself(committed: Shop) -> None:
    committed.write(".gitignore", "data/\n")
    assert committed.git("status", "--porcelain", "--", ".headcount") == ""
    assert committed.plan()["loyal"]["action"] == "unchanged"
