"""The walk-through, as it stands in the documents: every command of it is run, over a real Postgres, the jobs on
machines of their own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from runner.sandbox import SandboxOptions
from tests.object_store import ObjectStore, running_store
from tests.postgres import PASSWORD, Postgres, running_postgres_for_tests
from tests.sandbox_client import Sandbox, running

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[1] / "docs" / "walk-through.md"
BUYERS = {90: 10, 120: 13}
"""How many of the page's customers bought something in so many days: one every nine days."""

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running(SandboxOptions()) as server:
        yield server


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with running_store() as running:
        yield running


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with running_postgres_for_tests() as server:
        yield server


class Walk:
    """Someone who follows the page: a laptop, and a CI that gives every job a fresh machine."""

    def __init__(self, folder: Path, sandbox: Sandbox, store: ObjectStore, postgres: Postgres) -> None:
        self._folder = folder
        self._laptop = folder / "laptop"
        self._jobs = 0
        self._laptop.mkdir()
        (folder / "artifacts").mkdir()
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("CRITEO_", "HEADCOUNT_"))},
            **store.environment(),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "CRITEO_API_URL": sandbox.url,
            "CRITEO_CLIENT_ID": "sandbox",
            "CRITEO_CLIENT_SECRET": "sandbox",
            "PGPASSWORD": PASSWORD,
            "DATABASE": postgres.uri,
            "HEADCOUNT_STATE_KEY": KEY,
            "REPOSITORY": str(folder / "repository.git"),
            "ARTIFACTS": str(folder / "artifacts"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            **{
                f"GIT_{who}_{what}": "someone@example.com"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        }
        self._run("git init --quiet --bare --initial-branch main repository.git", folder, "laptop")

    def on_the_laptop(self, script: str) -> str:
        project = self._laptop / "audiences"
        return self._run(script, project if project.exists() else self._laptop, "laptop")

    def in_a_job(self, script: str) -> str:
        """On a machine that has a checkout of the branch that the laptop is on, and nothing else."""
        self._jobs += 1
        name = f"job-{self._jobs}"
        branch = self._run("git branch --show-current", self._laptop / "audiences", "laptop").strip()
        self._run(f'git clone --quiet --branch {branch} "$REPOSITORY" {name}', self._folder, name)
        return self._run(script, self._folder / name, name)

    def _run(self, script: str, folder: Path, machine: str) -> str:
        home = self._folder / "homes" / machine
        home.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            env={**self._environment, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def holds_a_customer(content: bytes) -> bool:
    """Whether an address of one of the page's customers is in it, or its SHA-256."""
    for number in range(1, 41):
        address = f"customer-{number}@example.com".encode()
        hashed = sha256(address)
        if any(form in content for form in (address, hashed.digest(), hashed.hexdigest().encode())):
            return True
    return False


def blocks() -> list[tuple[str, str]]:
    """The page's blocks in order, and what each is: `sh`, `sh job` or `sql`."""
    return re.findall(r"^```(sh|sh job|sql)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_every_command_runs_and_the_audience_is_in_criteo(
    tmp_path: Path, sandbox: Sandbox, store: ObjectStore, postgres: Postgres
) -> None:
    store.make_bucket("audiences")
    walk, sizes = Walk(tmp_path, sandbox, store, postgres), []
    for kind, script in blocks():
        if kind == "sql":
            postgres.run(script)
            continue
        out = walk.in_a_job(script) if kind == "sh job" else walk.on_the_laptop(script)
        if "headcount apply" in script:
            [segment] = sandbox.segments()
            sizes.append(len(sandbox.members(segment.id, "email")))
    assert sizes == [BUYERS[90], BUYERS[120]]
    assert "Nothing to do: 1 activation as declared." in out
    assert "SQL changed" in (tmp_path / "artifacts" / "plan.md").read_text()
    assert not [path for path in tmp_path.rglob(".headcount") if path.is_dir()]
    assert "prod/control.json" in store.objects("audiences")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and holds_a_customer(path.read_bytes())]
