"""The contract of a membership store, held against DuckDB and against the fake of the unit tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from runner.core.membership import Evaluation
from runner.engine.embedded import EmbeddedEngine
from runner.engine.interface import MembershipStore
from tests.contract.memberships_contract import Evaluate, MembershipsContract, People
from tests.fakes.engine import FakeMemberships
from tests.plain_duckdb import plain


def evaluated(path: Path, people: People) -> Evaluation:
    most = max((len(ids) for ids in people.values()), default=0)
    return Evaluation(path, tuple(people), most, most, dict.fromkeys(people, 0), ())


class TestDuckDB(MembershipsContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[MembershipStore]:
        engine = EmbeddedEngine(tmp_path / "scratch", threads=1)
        yield engine.memberships
        engine.close()

    @pytest.fixture
    def evaluation(self, tmp_path: Path) -> Evaluate:
        numbers = count()

        def write(people: People) -> Evaluation:
            path = tmp_path / f"evaluation-{next(numbers)}.parquet"
            most = max((len(ids) for ids in people.values()), default=0)
            columns = {kind: [*sorted(ids), *([None] * (most - len(ids)))] for kind, ids in people.items()}
            select = ", ".join(f"encode(unnest(${kind}::varchar[])) as {kind}" for kind in columns)
            with plain() as connection:
                connection.execute(f"copy (select {select}) to '{path}' (format parquet)", columns)
            return evaluated(path, people)

        return write


class TestFake(MembershipsContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> MembershipStore:
        return FakeMemberships(tmp_path)

    @pytest.fixture
    def evaluation(self, tmp_path: Path) -> Evaluate:
        numbers = count()

        def write(people: People) -> Evaluation:
            path = tmp_path / f"evaluation-{next(numbers)}.json"
            path.write_text(json.dumps({kind: sorted(ids) for kind, ids in people.items()}))
            return evaluated(path, people)

        return write
