"""A sandbox over real HTTP, a shop that talks to it, and the canary that must not be seen anywhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from runner.sandbox import SandboxOptions
from tests.end_to_end.shop import CANARY, Shop
from tests.postgres import Postgres, running_postgres_for_tests
from tests.sandbox_client import Sandbox, running
from tests.snowflake import PROGRAM, Snowflake, running_snowflake
from tests.spark import Spark, running_spark


@pytest.fixture(scope="session")
def afterwards() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Has something done that no test need wait for; all of it must have succeeded when the tests end."""
    begun: list[Future[None]] = []
    with ThreadPoolExecutor(thread_name_prefix="afterwards") as pool:
        yield lambda work: begun.append(pool.submit(work))
    for work in begun:
        work.result()


@pytest.fixture
def sandbox(afterwards: Callable[[Callable[[], None]], None]) -> Iterator[Sandbox]:
    """A sandbox of its own for each test. It takes 0.2 s to stop, which the next test does not wait for."""
    with ExitStack() as stack:
        yield stack.enter_context(running(SandboxOptions(keep_identifiers=True)))
        afterwards(stack.pop_all().close)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A database server for all tests of a process: it takes a second to start."""
    with running_postgres_for_tests() as server:
        yield server


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    """A Spark Connect server for all tests of a process."""
    with running_spark(tmp_path_factory.mktemp("spark")) as server:
        yield server


@pytest.fixture(scope="session")
def snowflake() -> Iterator[Snowflake]:
    """A stand-in for Snowflake, where there is one."""
    if not os.environ.get(PROGRAM):
        pytest.skip(f"`make test-snowflake` installs fakesnow, and says in {PROGRAM} where it is")
    with running_snowflake() as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path, sandbox: Sandbox) -> Iterator[Shop]:
    """A shop whose every output and state file is searched for the canary at the end."""
    made = Shop(tmp_path, sandbox.url)
    yield made
    traces = [CANARY, CANARY.upper(), CANARY.split("@")[0]]
    for text in made.outputs:
        assert not any(trace in text for trace in traces), "an identifier leaked into output"
    for path in made.state_files():
        content = path.read_bytes()
        assert not any(trace.encode() in content for trace in traces), f"an identifier leaked into {path.name}"
