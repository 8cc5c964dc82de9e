"""A sandbox over real HTTP, a shop that talks to it, and the canary that must not be seen anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.sandbox import Sandbox, SandboxOptions, running
from tests.end_to_end.shop import CANARY, Shop


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running(SandboxOptions(keep_identifiers=True)) as server:
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
