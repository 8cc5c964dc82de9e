"""Since which run an identifier is a member: a plain reading in Python beside the files, over histories of runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.identifiers import IdentifierType, Operation
from runner.core.membership import Evaluation, MembershipFiles
from runner.engine.embedded import EmbeddedEngine
from runner.engine.memberships import compaction
from tests.plain_duckdb import plain

EMAIL = IdentifierType.EMAIL
Runs = dict[bytes, int | None]


def identifier(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    engine = EmbeddedEngine(tmp_path_factory.mktemp("engine"), threads=1)
    yield engine
    engine.close()


class Audience:
    """A membership as the state keeps it, and beside it what is to be read from it: the run of each member."""

    def __init__(self, engine: EmbeddedEngine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.held = MembershipFiles()
        self.runs: Runs = {}
        self._files = 0

    def path(self) -> Path:
        self._files += 1
        return self.folder / f"{self._files}.parquet"

    def segment(self, people: frozenset[int]) -> Evaluation:
        path = self.path()
        rows = "select unnest($values::blob[]) as email"
        plain().execute(
            f"copy (select email, 1::utinyint as email_kind from ({rows})) to '{path}'",
            {"values": [identifier(number) for number in people]},
        )
        return Evaluation(path, (EMAIL,), len(people), len(people), {EMAIL: 0}, ())

    def run(self, number: int, people: frozenset[int], arrived: tuple[str, ...]) -> None:
        """A run in which the batches, of one identifier each, are answered, may have arrived, or never left."""
        memberships = self.engine.memberships
        compared = memberships.compare(self.segment(people), self.held)
        outbox = self.path()
        batches = memberships.write_outbox(compared, outbox, 1, number)
        if not batches:
            return
        how = {batch.number: arrived[batch.number % len(arrived)] for batch in batches}
        taken, in_flight = (
            frozenset(each for each, became in how.items() if became == word) for word in ("taken", "in flight")
        )
        rows = plain().execute(f"select batch, operation, identifier from '{outbox}'").fetchall()
        for batch, operation, value in rows:
            self._expect(value, Operation(operation), how[batch], number)
        held = self.held
        path = self.path()
        settled = memberships.settle(
            MembershipFiles(held.members, outbox, taken, in_flight, changes=held.changes, counts=held.counts), path
        )
        whole, changes = (held.members, path) if settled.changes_only else (path, None)
        self.held = MembershipFiles(whole, changes=changes)

    def _expect(self, value: bytes, operation: Operation, became: str, number: int) -> None:
        if became == "never left":
            return
        if operation is Operation.ADD:
            self.runs[value] = number
        elif became == "taken":
            self.runs.pop(value, None)

    def stored(self) -> Runs:
        """What the files say, read without the engine: changes overrule the whole."""
        found: Runs = {}
        if self.held.members is not None:
            found.update(plain().execute(f"select identifier, run from '{self.held.members}'").fetchall())
        if self.held.changes is not None:
            query = f"select identifier, run, gone from '{self.held.changes}'"
            for value, run, gone in plain().execute(query).fetchall():
                found.pop(value, None)
                if not gone:
                    found[value] = run
        return found


HISTORY = st.lists(
    st.tuples(
        st.frozensets(st.integers(0, 7)),
        st.lists(st.sampled_from(["taken", "taken", "in flight", "never left"]), min_size=1, max_size=4).map(tuple),
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.slow
@given(history=HISTORY, changes=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_member_has_the_run_that_added_it_last(
    engine: EmbeddedEngine,
    tmp_path_factory: pytest.TempPathFactory,
    history: list[tuple[frozenset[int], tuple[str, ...]]],
    changes: bool,
) -> None:
    audience = Audience(engine, tmp_path_factory.mktemp("state"))
    with pytest.MonkeyPatch.context() as patch:
        if changes:
            patch.setattr(compaction, "WHOLE_BELOW", 0)
            patch.setattr(compaction, "LEAST_TIMES", 0.0)
        for number, (people, arrived) in enumerate(history, start=3):
            audience.run(number, people, arrived)
            assert audience.stored() == audience.runs


def test_members_of_files_of_before_have_no_run_and_go_on_without(engine: EmbeddedEngine, tmp_path: Path) -> None:
    audience = Audience(engine, tmp_path)
    path = audience.path()
    rows = "select 'email' as identifier_type, unnest($values::blob[]) as identifier, false as unknown"
    plain().execute(f"copy ({rows}) to '{path}'", {"values": [identifier(1), identifier(2)]})
    audience.held, audience.runs = MembershipFiles(path), {identifier(1): None, identifier(2): None}

    audience.run(9, frozenset({2, 3}), ("taken",))

    assert audience.stored() == {identifier(2): None, identifier(3): 9}


def test_an_outbox_of_before_adds_members_without_a_run(engine: EmbeddedEngine, tmp_path: Path) -> None:
    rows = "select 0 as batch, 'add' as operation, 'email' as identifier_type, $one::blob as identifier"
    outbox, members = tmp_path / "outbox.parquet", tmp_path / "members.parquet"
    plain().execute(f"copy ({rows}) to '{outbox}'", {"one": identifier(1)})

    engine.memberships.settle(MembershipFiles(None, outbox, taken=frozenset({0})), members)

    assert plain().execute(f"select identifier, run from '{members}'").fetchall() == [(identifier(1), None)]


def test_the_run_takes_at_most_two_bytes_a_member(engine: EmbeddedEngine, tmp_path: Path) -> None:
    sizes = []
    for runs in (1, 300):
        before, after = tmp_path / f"before-{runs}.parquet", tmp_path / f"after-{runs}.parquet"
        rows = (
            "select 'email' as identifier_type, unhex(sha256(i::varchar)) as identifier, false as unknown, "
            f"(hash(i) % {runs})::uinteger as run from range(80000) t(i)"
        )
        plain().execute(f"copy ({rows}) to '{before}'")
        engine.memberships.settle(MembershipFiles(before), after)
        sizes.append(after.stat().st_size)
    assert sizes[1] - sizes[0] < 2 * 80_000
    assert sizes[0] < 36.5 * 80_000
