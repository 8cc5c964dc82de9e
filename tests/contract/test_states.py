"""The contract of a state, held against a folder, a bucket and the fake of the unit tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.state import open_state
from runner.state.interface import State
from tests.contract.state_contract import StateContract
from tests.fakes.state import FakeState
from tests.unit.state.conftest import bucket, store

__all__ = ["bucket", "store"]


class TestFolder(StateContract):
    @pytest.fixture
    def state(self, tmp_path: Path) -> Iterator[State]:
        state = open_state(str(tmp_path / "state"), {})
        yield state
        state.close()


class TestBucket(StateContract):
    @pytest.fixture
    def state(self, bucket: str, tmp_path: Path) -> Iterator[State]:
        state = open_state(bucket, {"HEADCOUNT_CACHE": str(tmp_path)})
        yield state
        state.close()


class TestFake(StateContract):
    @pytest.fixture
    def state(self, tmp_path: Path) -> FakeState:
        return FakeState(tmp_path)
