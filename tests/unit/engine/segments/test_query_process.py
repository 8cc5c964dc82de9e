"""Segments in a process of their own: the system holds it to its limits, it knows no secret and leaves nothing."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from runner.core.destination import Credentials, Secret
from runner.core.errors import SegmentError, UsageError
from runner.engine.embedded import EmbeddedEngine
from runner.engine.segments.query_process import QueryProcess
from runner.engine.segments.segment_query import query_of
from tests import builders
from tests.unit.engine.conftest import World, activation

MEMORY = "300MB"
ENOUGH = 1_100_000_000
"""Bytes that the process may have had in memory, however it was attacked: the limit, and what comes with it."""

BEYOND_MEMORY = {
    "a long text": "select repeat(repeat('x', 100000), 30000) as email",
    "a long list": "select list_reverse(range(500000000))::varchar as email",
    "a long aggregate": "select string_agg(repeat('x', 1000000), '') as email from range(5000)",
    "a wide format": "select printf('%1000000000d', 1) as email",
}
DOUBLED = ", ".join(f"a{n + 1} as (select * from a{n} union all select * from a{n})" for n in range(40))
BEYOND_TIME = {
    "one call": "select jaro_winkler_similarity(repeat('ab', 3000000), repeat('ba', 3000000))::varchar as email",
    "a series": "select count(*)::varchar as email from generate_series(timestamp '1900-01-01', '2100-01-01', "
    "interval 1 microsecond)",
    "binding": f"with a0 as (select 'x' as email), {DOUBLED} select * from a40",
    "parsing": f"select {'.'.join(['a'] * 50_000)} as email",
}
KILLED = {"one call", "parsing"}
"""What runs on until the system ends it, seconds after its deadline, on a whole processor."""


@pytest.fixture
def seconds() -> float:
    return 60.0


@pytest.fixture
def world(tmp_path: Path, seconds: float) -> Iterator[World]:
    engine = EmbeddedEngine(
        tmp_path / "scratch", threads=1, memory_limit=MEMORY, time_limit=seconds, queries=QueryProcess
    )
    yield World(tmp_path, engine)
    engine.close()
    assert list((tmp_path / "scratch").iterdir()) == []


def code_of(world: World, sql: str) -> str:
    with pytest.raises(SegmentError) as caught:
        world.evaluate(sql)
    assert caught.value.finding is not None
    return caught.value.finding.code


@pytest.mark.parametrize("name", BEYOND_MEMORY)
def test_the_system_refuses_the_memory_that_the_engine_would_take(people: World, name: str) -> None:
    assert code_of(people, BEYOND_MEMORY[name]) == "sql-out-of-memory"
    assert people.evaluate("select email from shop.people").people == 3
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < ENOUGH


@pytest.mark.parametrize("seconds", [1.0])
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in KILLED else []) for name in BEYOND_TIME]
)
def test_what_no_interrupt_reaches_is_killed_at_its_deadline(people: World, name: str) -> None:
    assert code_of(people, BEYOND_TIME[name]) == "sql-time-limit"
    assert people.evaluate("select email from shop.people").people == 3


@pytest.mark.parametrize("seconds", [1.0])
def test_checking_has_a_deadline_too(world: World) -> None:
    [finding] = world.check(BEYOND_TIME["parsing"])

    assert finding.code == "sql-time-limit"


def test_findings_and_errors_are_those_of_a_segment_run_in_this_process(people: World) -> None:
    [finding] = people.check("select emial as email from shop.people")

    assert finding.message == 'there is no column "emial"; did you mean "email"?'
    assert finding.location.file == "activations/a.yaml"
    assert code_of(people, "select error(email) as email from shop.people") == "sql-failed"


def test_a_process_that_was_prepared_is_the_one_that_runs_segments(people: World) -> None:
    people.engine.evaluator.prepare(people.sources)
    [prepared] = children()
    assert people.evaluate("select email from shop.people").people == 3
    assert children() == [prepared]


def test_the_process_is_started_without_the_environment_and_asked_without_the_credentials(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRITEO_CLIENT_SECRET", "s3cret-of-criteo")
    people.evaluate("select email from shop.people")
    for child in children():
        assert b"s3cret" not in Path(f"/proc/{child}/environ").read_bytes()

    destination = builders.destination(credentials=Credentials(Secret("id"), Secret("s3cret-of-criteo")))
    asked = query_of(builders.activation(destination=destination))
    assert b"s3cret" not in pickle.dumps((asked, people.sources))


def test_a_folder_full_of_python_does_not_run_in_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A branch may hold a module that is named as one of ours is."""
    (world.folder / "duckdb.py").write_text(f"open({str(world.folder / 'ran')!r}, 'w')")
    monkeypatch.chdir(world.folder)

    assert world.evaluate("select 'a@example.com' as email").people == 1
    assert not (world.folder / "ran").exists()


def test_a_limit_that_is_no_amount_says_so(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path, memory_limit="plenty", queries=QueryProcess)

    with pytest.raises(UsageError, match="HEADCOUNT_MEMORY_LIMIT=plenty is not an amount of memory"):
        engine.evaluator.evaluate(activation("select 'a@example.com' as email"), ())
    engine.close()


def test_a_killed_run_leaves_neither_its_process_nor_its_files(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from runner.engine.embedded import EmbeddedEngine
        from tests.unit.engine.conftest import activation
        engine = EmbeddedEngine(Path({str(tmp_path)!r}), threads=1, on_progress=lambda *_: print("running", flush=True))
        engine.evaluator.evaluate(activation("select 'a@example.com' as email"), ())
        endless = "select count(*)::varchar as email from range(1000000000000) t(i) where hash(i) = 1"
        engine.evaluator.evaluate(activation(endless), ())
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        [folder] = tmp_path.iterdir()
        assert list(folder.rglob("wire.parquet")) != []
        child = children(process.pid)
        os.kill(process.pid, signal.SIGKILL)

    patience = monotonic() + 30
    while (folder.exists() or any(alive(one) for one in child)) and monotonic() < patience:
        sleep(0.05)
    assert not folder.exists()
    assert [one for one in child if alive(one)] == []


def children(of: int | None = None) -> list[int]:
    """The processes that another one started, where the system lists them."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = status.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == (of or os.getpid()) and state != "Z":
                found.append(int(status.parent.name))
    return found


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
