"""What holds for all tests."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.memory import in_memory

# How long one example takes says more about the machine than about the code.
settings.register_profile("headcount", deadline=None, max_examples=60)
settings.load_profile("headcount")


def pytest_configure(config: pytest.Config) -> None:
    """Put temporary folders into memory, unless someone has said where they should be; and listen to Ctrl-C.

    A shell that starts the tests in the background has it ignored, which the processes that they start would inherit.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = in_memory()
    if folder is not None and config.option.basetemp is None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder))


_SERVERS = frozenset({"postgres", "spark", "warehouse"})
"""The fixtures that are a real Postgres, a real Spark Connect server, or either."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what a real database server answers: those tests have a target of their own."""
    for item in items:
        called = getattr(item, "callspec", None)
        chosen = {str(value) for value in called.params.values()} if called is not None else set()
        if _SERVERS.intersection(getattr(item, "fixturenames", ())) or chosen & {"postgres", "spark"}:
            item.add_marker(pytest.mark.warehouse)


def pytest_collection_finish() -> None:
    """Leave out of every later collection of garbage what is there for good: thousands of tests and their modules."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where bytecode may not be written, every process that a test starts would compile the package again."""
    with pytest.MonkeyPatch.context() as patch:
        if sys.dont_write_bytecode:
            patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
            patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("bytecode")))
        yield


@pytest.fixture(scope="session", autouse=True)
def segments_run_in_this_process() -> Iterator[None]:
    """A test that calls the command line in this process runs segments in it, too: each would start a process more.

    Tests that start a process of their own have the real thing, and those that ask for `segments_run_apart`.
    """
    from runner.engine import embedded
    from runner.engine.segments.segment_runner import SegmentRunner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "QueryProcess", SegmentRunner)
        yield


@pytest.fixture
def segments_run_apart(segments_run_in_this_process: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have segments run where they run for users: in a process of their own."""
    from runner.engine import embedded
    from runner.engine.segments.query_process import QueryProcess

    monkeypatch.setattr(embedded, "QueryProcess", QueryProcess)
