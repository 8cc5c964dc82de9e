"""What a full disk or too little memory is called: never damage, never a bad query, and never with DuckDB's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import pytest

from runner.core.errors import SegmentError, StateError
from runner.core.identifiers import IdentifierType
from runner.core.membership import Evaluation, MembershipFiles
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.session import limits
from runner.engine.duckdb.workspace import Workspace
from runner.engine.embedded import EmbeddedEngine
from runner.engine.interface import HASHED
from runner.engine.memberships.membership_store import DuckDBMembershipStore
from tests.plain_duckdb import plain
from tests.unit.engine.conftest import World, activation
from tests.unit.engine.memberships.test_store import TYPES, Bench, everyone

SECRET = "secret@example.com"
FULL = duckdb.IOException(f'IO Error: Could not write file "/tmp/spill/1": No space left on device {SECRET}')
UNNAMED = duckdb.InternalException(f"INTERNAL Error: {SECRET}")
SHORT = duckdb.OutOfMemoryException(f"Out of Memory Error: failed to pin block {SECRET}")
FAILURES = [FULL, UNNAMED, SHORT, MemoryError(SECRET), OSError(28, "No space left on device", SECRET)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    engine = EmbeddedEngine(tmp_path / "scratch", threads=1)
    yield Bench(tmp_path, engine, count())
    engine.close()


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception, after: int = 0) -> None:
    """Let all statements but the first `after` fail."""
    rows, calls = cancellable.Running.rows, count()

    def broken(running: cancellable.Running, *args: Any, **options: Any) -> Any:
        if next(calls) >= after:
            running.stop()
            raise error
        return rows(running, *args, **options)

    monkeypatch.setattr(cancellable.Running, "rows", broken)


def sentence(attempt: Callable[[], object]) -> str:
    with pytest.raises((StateError, SegmentError)) as caught:
        attempt()
    text = f"{caught.value.message} -> {caught.value.hint}"
    assert SECRET not in text
    return text


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_a_membership_is_not_called_damaged_when_the_machine_is_at_fault(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: Exception, after: int
) -> None:
    members = bench.members(everyone(range(5)), everyone(range(0)))
    now = bench.evaluation(everyone(range(3)), TYPES)
    outbox = bench.path()
    bench.engine.memberships.write_outbox(bench.engine.memberships.compare(now, MembershipFiles(members)), outbox, 5)
    for attempt in (
        lambda: bench.engine.memberships.compare(None, MembershipFiles(members)).delta,
        lambda: bench.engine.memberships.write_outbox(
            bench.engine.memberships.compare(now, MembershipFiles(members)), bench.path(), 5
        ),
        lambda: bench.engine.memberships.settle(MembershipFiles(members), bench.path()),
        lambda: list(bench.engine.memberships.batches(outbox)),
    ):
        with monkeypatch.context() as patch:
            failing(patch, error, after if "write_outbox" not in attempt.__code__.co_names else 0)
            text = sentence(attempt)

        assert "damaged" not in text
        assert str(members) not in text
        if error is FULL:
            assert "cannot be used: No space left on device" in text
            assert "TMPDIR" in text


def test_a_damaged_membership_can_be_made_good_by_a_rebuild(bench: Bench) -> None:
    members = bench.members(everyone(range(5)), everyone(range(0)))
    members.write_bytes(b"\0" * 200)

    text = sentence(lambda: bench.engine.memberships.compare(None, MembershipFiles(members)).delta)

    assert f"{members} cannot be read: it is missing or damaged" in text
    assert "`headcount sync --rebuild` of this activation" in text


def test_a_membership_damaged_inside_is_named_when_it_is_settled(bench: Bench) -> None:
    members = bench.folder / "large.parquet"
    row = "'email' as identifier_type, encode(hash(range)::varchar) as identifier, false as unknown"
    plain().execute(f"copy (select {row} from range(50_000)) to '{members}' (compression zstd)")
    content = bytearray(members.read_bytes())
    for place in range(len(content) // 2, len(content) // 2 + 200):
        content[place] ^= 0x5A
    members.write_bytes(content)

    assert f"{members} cannot be read" in sentence(
        lambda: bench.engine.memberships.settle(MembershipFiles(members), bench.path())
    )


@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_a_segment_that_the_machine_cannot_run_stops_only_itself(
    people: World, monkeypatch: pytest.MonkeyPatch, error: Exception, after: int
) -> None:
    with monkeypatch.context() as patch:
        failing(patch, error, after)
        text = sentence(lambda: people.evaluate("select email from shop.people"))

    assert people.evaluate("select email from shop.people").people == 3
    if error in (FULL, FAILURES[-1]) and after > 0:
        assert "cannot be used: No space left on device" in text


def test_a_folder_that_cannot_be_made_stops_one_activation(people: World, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = Path.mkdir
    members = people.folder / "m.parquet"

    def full(self: Path, *args: Any, **options: Any) -> None:
        if "scratch" in self.parts:
            raise OSError(28, "No space left on device")
        mkdir(self, *args, **options)

    monkeypatch.setattr(Path, "mkdir", full)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: people.evaluate("select email from shop.people"),
        lambda: people.engine.memberships.compare(None, MembershipFiles(members)).delta,
        lambda: people.engine.memberships.settle(MembershipFiles(), members),
    )
    for attempt in attempts:
        assert "the folder for temporary files" in sentence(attempt)
    [finding] = people.engine.evaluator.check(activation("select email from shop.people"), people.sources)
    assert finding.code == "temporary-folder"


def test_an_unforeseen_fault_is_not_hidden(people: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> NoReturn:
        raise LookupError("a fault of ours")

    monkeypatch.setattr(cancellable, "run", broken)

    with pytest.raises(LookupError):
        people.evaluate("select email from shop.people")


@pytest.mark.slow
def test_rows_of_two_columns_are_left_out_in_less_memory_than_two_joins_would_need(tmp_path: Path) -> None:
    """Ten million people of whom a suppression names two fifths failed in 2 GB; a million did in 200 MB."""
    workspace = Workspace(tmp_path / "small", limits("200MB", 2, None))
    store, segment, named = DuckDBMembershipStore(workspace), tmp_path / "million.parquet", tmp_path / "named.parquet"
    one, two = "unhex(sha256(number::varchar))", "unhex(sha256('b' || number))"
    kind, people = f"{HASHED}::utinyint", 1_000_000
    columns = f"{one} as email, {kind} as email_kind, {two} as email_2, {kind} as email_2_kind"
    duckdb.execute(f"copy (select {columns} from range({people}) t(number)) to '{segment}' (row_group_size 40960)")
    each = (
        f"select 'email' as identifier_type, {text} as identifier from range(400_000) t(number)" for text in (one, two)
    )
    duckdb.execute(f"copy ({' union all '.join(each)}) to '{named}'")
    whole = Evaluation(segment, (IdentifierType.EMAIL,), people, people, {}, (), columns={IdentifierType.EMAIL: 2})
    left = store.without(whole, (store.found((named,), [whole]),))
    assert (left.people, left.suppressed) == (600_000, 400_000)
    assert store.counted(store.left_out(whole, left)) == {IdentifierType.EMAIL: 800_000}
    workspace.close()
