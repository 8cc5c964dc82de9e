"""A project whose only memory is a bucket: planned, applied, finished and kept fresh on four machines."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from tests.end_to_end.shop import CANARY, Person, Shop, hashes, mail
from tests.end_to_end.test_promises import BATCHED, wait_until
from tests.object_store import ObjectStore, running_store
from tests.sandbox_client import Sandbox

pytestmark = pytest.mark.chaos

MOBILE = "123e4567-e89b-42d3-a456-42661417400"


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with running_store() as running:
        yield running


class Machine:
    """One machine: a checkout, a home and a cache of its own, and nothing else but what the bucket holds."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.checkout = folder / "checkout"
        self._shop = shop
        shutil.copytree(shop.folder, self.checkout)
        (folder / "home").mkdir()
        caches = ("HEADCOUNT_CACHE", "HEADCOUNT_STATE", "XDG_CACHE_HOME")
        self._environment = {name: value for name, value in shop.environment.items() if name not in caches}
        self._environment["HOME"] = str(folder / "home")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "runner", *arguments],
            cwd=self.checkout,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        """What the command said, on standard output and standard error."""
        with self.start(*arguments) as process:
            out, err = process.communicate()
        self._shop.outputs += [out, err]
        assert process.returncode == code, f"exit {process.returncode}\n{out}\n{err}"
        return out + err


@pytest.fixture
def project(shop: Shop, store: ObjectStore) -> Shop:
    """Two audiences in batches of two, one of them of two identifier types; the state is in a bucket."""
    shop.environment.update(store.environment())
    shop.write("activations/project.yaml", f"kind: Project\nstate: {store.make_bucket(f'b{uuid4().hex}')}\n")
    shop.write("activations/shop.yaml", (shop.folder / "activations/shop.yaml").read_text() + BATCHED)
    shop.activation("loyal", schedule={"every": "1h"}, guardrails={"max_removed": None})
    mapping = {"email": "email", "mobile_ad_id": "idfa"}
    shop.activation("both", mapping=mapping, schedule={"every": "1h"}, guardrails={"max_removed": None})
    shop.people(people(*range(8)))
    return shop


def people(*numbers: int) -> list[Person]:
    return [Person(person.email, f"{MOBILE}{number}") for number, person in zip(numbers, mail(*numbers), strict=True)]


def memberships(sandbox: Sandbox) -> dict[tuple[str, str], set[str]]:
    kinds = {"Loyal": ("email",), "Both": ("email", "madid")}
    return {
        (segment.name, kind): set(sandbox.members(segment.id, kind))
        for segment in sandbox.segments()
        for kind in kinds[segment.name]
    }


def expected(*numbers: int) -> dict[tuple[str, str], set[str]]:
    mobile = {f"{MOBILE}{number}" for number in numbers}
    return {("Loyal", "email"): hashes(*numbers), ("Both", "email"): hashes(*numbers), ("Both", "madid"): mobile}


def kill_while_sending(machine: Machine, sandbox: Sandbox, nth: int, *arguments: str) -> None:
    """Kill the machine with SIGKILL while its nth batch has arrived and has no answer."""
    sandbox.fault("slow", path="contact-list", skip=nth - 1, times=None, seconds=60)
    with machine.start(*arguments) as process:
        wait_until(lambda: len(sandbox.calls("contact-list")) >= nth)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    sandbox.clear_faults()


def test_planned_on_one_applied_on_another_finished_by_a_third_kept_fresh_by_a_fourth(
    project: Shop, sandbox: Sandbox, store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    one, two = (Machine(project, tmp_path_factory.mktemp(name)) for name in ("one", "two"))
    one.run("plan", "--out", "plan.json", "--detailed-exitcode", code=2)
    shutil.copy(one.checkout / "plan.json", two.checkout)

    kill_while_sending(two, sandbox, 4, "apply", "plan.json", "--yes")
    assert memberships(sandbox) != expected(*range(8))

    project.people(people(*range(3, 9)))
    three = Machine(project, tmp_path_factory.mktemp("three"))
    shutil.copy(one.checkout / "plan.json", three.checkout)
    assert "another run holds the state" in three.run("apply", "plan.json", "--yes", code=5)
    store.let_pass(seconds=60)
    assert "settled what an earlier run left unfinished" in three.run("apply", "plan.json", "--yes")
    assert memberships(sandbox) == expected(*range(3, 9))

    project.people(people(*range(5, 10)))
    four = Machine(project, tmp_path_factory.mktemp("four"))
    assert "2 activations not due" in four.run("sync", "--due")
    assert memberships(sandbox) == expected(*range(3, 9))
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat(timespec="seconds")
    four.run("sync", "--due", "--at", later)
    assert memberships(sandbox) == expected(*range(5, 10))

    shutil.copytree(four.checkout / "data", one.checkout / "data", dirs_exist_ok=True)
    assert "Nothing to do: 2 activations as declared." in one.run("plan", "--detailed-exitcode")
    assert not [machine for machine in (one, two, three, four) if (machine.checkout / ".headcount").exists()]
    contents = store.objects(bucket_of(project)).values()
    assert contents
    assert not [content for content in contents if CANARY.encode() in content]


def bucket_of(project: Shop) -> str:
    """The bucket that the Project document names."""
    return (project.folder / "activations/project.yaml").read_text().split("s3://")[1].split("/")[0]
