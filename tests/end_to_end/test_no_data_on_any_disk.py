"""A project from an empty folder over a warehouse, planned on one machine and applied on another, whose only memory is
an encrypted bucket: no person is left on the disk of either, and where a command is killed, no address.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.end_to_end.test_promises import wait_until
from tests.object_store import ObjectStore, running_store
from tests.plain_duckdb import plain
from tests.postgres import PASSWORD, ROLE, Postgres
from tests.sandbox_client import Sandbox
from tests.spark import Spark

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
CANARY = "canary.bird"
"""Every address of the customers begins with it."""

MANY = 700_000
"""Rows that come before a warehouse takes its time: enough for a part of a file to be on the disk."""


def address(number: int) -> str:
    return f"{CANARY}.{number}@leak-detector.example"


def digest(number: int) -> bytes:
    return hashlib.sha256(address(number).encode()).digest()


RECENT, OLD = range(1, 5), range(5, 9)
"""Customers who bought yesterday, and those who bought long ago."""


# -- what is looked for ------------------------------------------------------------------------------------------------


def in_clear(content: bytes) -> bool:
    """Whether an address is in it."""
    return CANARY.encode() in content


def in_any_form(content: bytes) -> bool:
    """Whether an address of a customer is in it, or the SHA-256 of one, as bytes or as hex digits."""
    hashes = [digest(number) for number in (*RECENT, *OLD)]
    lower = content.lower()
    return in_clear(lower) or any(one in content or one.hex().encode() in lower for one in hashes)


def unpacked(content: bytes, path: Path) -> Iterator[bytes]:
    """What is in a file: its bytes, and what they are compressed from."""
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    if content.startswith(b"PAR1") and content.endswith(b"PAR1"):
        rows = plain().execute(f"select * from read_parquet('{path}')").fetchall()
        yield b"\n".join(one if isinstance(one, bytes) else str(one).encode() for row in rows for one in row)


def files_with(found: Callable[[bytes], bool], folder: Path) -> list[str]:
    """The files below a folder in which something is found."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [
        str(path.relative_to(folder))
        for path in files
        if any(found(content) for content in unpacked(path.read_bytes(), path))
    ]


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    hashed = f"select unhex('{digest(3).hex()}') as identifier"
    plain().execute(f"copy ({hashed}) to '{tmp_path / 'hashed'}' (format parquet, compression zstd)")
    plain().execute(f"copy (select '{address(3)}' as mail) to '{tmp_path / 'clear'}' (format parquet)")
    (tmp_path / "packed").write_bytes(gzip.compress(f"x {digest(4).hex().upper()}".encode()))
    (tmp_path / "innocent").write_bytes(gzip.compress(hashlib.sha256(b"somebody").digest()))
    assert sorted(files_with(in_any_form, tmp_path)) == ["clear", "hashed", "packed"]
    assert files_with(in_clear, tmp_path) == ["clear"]


# -- the warehouses ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Warehouse:
    """A database of customers. `edits` of the starter's files are what a user writes; `customers` puts a select there
    as the table: `small` one of a few, `many` one of many, `later` one that yields nothing for a long time."""

    name: str
    edits: dict[str, str]
    customers: Callable[[str], None]
    small: str
    many: str
    later: str


def rows(day: Callable[[int], str]) -> str:
    """A select of the customers."""
    bought = [(number, 1) for number in RECENT] + [(number, 200) for number in OLD]
    return " union all ".join(f"select '{address(one)}' as email, {day(days)} as last_purchase" for one, days in bought)


def in_postgres(postgres: Postgres) -> Warehouse:
    def customers(select: str) -> None:
        ended = f"select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = '{ROLE}'"
        made = f"create view customers as {select}; grant select on customers to {ROLE}"
        postgres.run(f"{ended}; drop view if exists customers; {made};")

    small = rows(lambda days: f"current_date - {days}")
    customers(small)
    starter = "uri: postgresql://headcount@db.example.com:5432/shop?sslmode=verify-full&sslrootcert=system"
    many = f"select '{CANARY}.' || i || '@many.example' as email, current_date as last_purchase"
    return Warehouse(
        "postgres",
        {starter: f"uri: {postgres.uri}"},
        customers,
        small,
        f"{many} from generate_series(1, {MANY}) i",
        "select pg_sleep(600)::text, current_date",
    )


def in_spark(spark: Spark) -> Warehouse:
    def customers(select: str) -> None:
        spark.run(f"create or replace global temporary view customers as {select}")

    small = rows(lambda days: f"date_sub(current_date(), {days})")
    customers(small)
    many = f"select concat('{CANARY}.', id, '@many.example') as email, current_date() as last_purchase"
    return Warehouse(
        "spark",
        {
            "url: sc://spark.example.com:15002": f"url: {spark.url}",
            "auth: {method: token, token: \"{{ env('SPARK_TOKEN') }}\"}\n": "",
            "from customers\n": "from global_temp.customers\n",
        },
        customers,
        small,
        f"{many} from range({MANY})",
        "select cast(count(*) as string), current_date() from range(400000) a join range(9999) b on a.id < b.id",
    )


@pytest.fixture(params=["postgres", "spark"])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    server = request.getfixturevalue(request.param)
    return in_postgres(server) if request.param == "postgres" else in_spark(server)


# -- the machines ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with running_store() as running:
        yield running


@dataclass(frozen=True)
class Machine:
    """A machine: a disk with a project, a home and a folder for temporary files, and an environment."""

    disk: Path
    environment: dict[str, str]

    @classmethod
    def new(cls, disk: Path, environment: dict[str, str]) -> Machine:
        places = {"HOME": disk / "home", "TMPDIR": disk / "temporary"}
        for folder in (disk / "project", *places.values()):
            folder.mkdir(parents=True)
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "PYTHONPYCACHEPREFIX") if name in os.environ}
        return cls(disk, {**kept, **environment, **{name: str(path) for name, path in places.items()}})

    @property
    def project(self) -> Path:
        return self.disk / "project"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "runner", *arguments],
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        """What a command says, which is kept on the machine's disk as a log of CI."""
        with self.start(*arguments) as process:
            out, err = process.communicate()
        with (self.disk / "log.txt").open("a", encoding="utf-8") as log:
            log.write(out + err)
        assert process.returncode == code, f"exit {process.returncode}\n{out}\n{err}"
        return out + err

    def killed(self, when: Callable[[], bool], *arguments: str) -> None:
        """Kill a command and every process of it at once, without a chance to tidy up."""
        with self.start(*arguments) as process:
            try:
                wait_until(lambda: when() or process.poll() is not None, seconds=60)
                assert process.poll() is None, process.communicate()
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()

    def carry(self, other: Machine) -> None:
        """Take the project along to another machine, the saved plan in it too."""
        shutil.copytree(self.project, other.project, dirs_exist_ok=True)

    def temporary(self, name: str) -> bool:
        """Whether a temporary file of this name has something in it."""
        return any(path.stat().st_size for path in (self.disk / "temporary").rglob(name))


@dataclass(frozen=True)
class Site:
    """Two machines that share a bucket, a warehouse and an ad account; the project is on the first one."""

    one: Machine
    two: Machine
    store: ObjectStore
    bucket: str

    def left_behind(self, found: Callable[[bytes], bool] = in_any_form) -> list[str]:
        """Where on the disks of both, or in the bucket, something is found."""
        objects = [name for name, content in self.store.objects(self.bucket).items() if in_any_form(content)]
        return [path for one in (self.one, self.two) for path in files_with(found, one.disk)] + objects


@pytest.fixture
def site(tmp_path: Path, sandbox: Sandbox, store: ObjectStore, warehouse: Warehouse) -> Site:
    """A project that `init` wrote into an empty folder, with what a user fills in."""
    bucket = f"b{uuid4().hex}"
    location = store.make_bucket(bucket)
    credentials = {"CRITEO_API_URL": sandbox.url, "PGPASSWORD": PASSWORD, "HEADCOUNT_STATE_KEY": KEY}
    environment = store.environment() | credentials
    one, two = (Machine.new(tmp_path / name, environment) for name in ("one", "two"))
    one.run("init", "--source", warehouse.name)
    for before, after in warehouse.edits.items():
        written = [path for path in (one.project / "activations").glob("*.yaml") if before in path.read_text()]
        assert len(written) == 1, before
        written[0].write_text(written[0].read_text().replace(before, after))
    (one.project / "activations/project.yaml").write_text(f"kind: Project\nstate: {location}\n")
    return Site(one, two, store, bucket)


def members(sandbox: Sandbox) -> set[str]:
    return sandbox.members(sandbox.segment("Recent buyers").id, "email")


PEOPLE = {digest(number).hex() for number in RECENT}


@pytest.mark.slow
def test_a_project_from_an_empty_folder_leaves_no_person_on_the_disks_that_plan_and_apply_it(
    site: Site, sandbox: Sandbox
) -> None:
    site.one.run("validate")
    assert "1 to create" in site.one.run("plan", "--out", "plan.json")
    site.one.carry(site.two)
    site.two.run("apply", "plan.json", "--yes")
    assert members(sandbox) == PEOPLE
    site.two.run("sync")
    assert "Nothing to do" in site.one.run("plan", "--verbose")
    assert re.search(r"\brecent-buyers\b", site.one.run("status"))
    assert site.left_behind() == []
    assert any(name.startswith("project/members/") for name in site.store.objects(site.bucket))


@pytest.mark.chaos
def test_a_command_that_is_killed_leaves_no_address_behind_and_the_next_one_removes_the_hashes(
    site: Site, sandbox: Sandbox, warehouse: Warehouse
) -> None:
    site.one.run("plan", "--out", "plan.json")
    site.one.carry(site.two)

    warehouse.customers(f"{warehouse.many} union all {warehouse.later}")
    site.one.killed(lambda: site.one.temporary("wire.parquet"), "plan")
    assert site.left_behind(in_clear) == []
    warehouse.customers(warehouse.small)
    site.one.run("plan")
    assert site.left_behind() == []
    assert list((site.one.disk / "temporary").iterdir()) == []

    sandbox.fault("slow", path="contact-list", times=None, seconds=60)
    site.two.killed(lambda: bool(sandbox.calls("contact-list")), "apply", "plan.json", "--yes")
    sandbox.clear_faults()
    assert site.left_behind(in_clear) == []
    site.store.let_pass(seconds=60)
    site.two.run("apply", "plan.json", "--yes")
    assert members(sandbox) == PEOPLE
    assert site.left_behind() == []
    assert list((site.two.disk / "temporary").iterdir()) == []
