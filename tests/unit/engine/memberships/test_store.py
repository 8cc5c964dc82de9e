"""Set algebra against Python sets: D is the segment, M what is certainly held, U what is uncertain."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count, groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.errors import StateError
from runner.core.identifiers import IdentifierType, Operation
from runner.core.membership import Evaluation, MembershipFiles, SettledMembership
from runner.engine.embedded import EmbeddedEngine
from tests.plain_duckdb import plain

EMAIL, MOBILE, GUM = IdentifierType.EMAIL, IdentifierType.MOBILE_AD_ID, IdentifierType.GUM_ID
TYPES = (EMAIL, MOBILE, GUM)
SMALL = st.integers(0, 11)
Sets = dict[IdentifierType, frozenset[int]]


def identifier(kind: IdentifierType, number: int) -> bytes:
    digest = hashlib.sha256(f"{kind}{number}".encode()).digest()
    return digest if kind is EMAIL else digest[:16] if kind is MOBILE else f"gum-{number}".encode()


def wire(kind: IdentifierType, number: int) -> str:
    raw = identifier(kind, number)
    if kind is GUM:
        return raw.decode()
    text = raw.hex()
    return text if kind is EMAIL else "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


@dataclass
class Bench:
    """An engine and a folder; files are written with plain DuckDB."""

    folder: Path
    engine: EmbeddedEngine
    numbers: Iterator[int]

    def path(self) -> Path:
        return self.folder / f"{next(self.numbers)}.parquet"

    def evaluation(self, now: Sets, mapped: tuple[IdentifierType, ...]) -> Evaluation:
        """A file as an evaluation leaves it: a column per type, repetitions and nulls included."""
        rows = max((len(now[kind]) for kind in mapped), default=0)
        columns = {
            kind: [identifier(kind, number) for number in now[kind]] * 2 + [None] * (2 * (rows - len(now[kind])) + 1)
            for kind in mapped
        }
        path = self.path()
        select = ", ".join(f"unnest($values{place}::blob[]) as {kind}" for place, kind in enumerate(columns))
        values = {f"values{place}": column for place, column in enumerate(columns.values())}
        self._write(f"select {select}", values, path)
        return Evaluation(path, mapped, 2 * rows + 1, rows, dict.fromkeys(mapped, 0), ())

    def members(self, certain: Sets, unknown: Sets) -> Path:
        path = self.path()
        rows = [(str(kind), identifier(kind, number), False) for kind in TYPES for number in certain[kind]]
        rows += [(str(kind), identifier(kind, number), True) for kind in TYPES for number in unknown[kind]]
        self._write_rows("identifier_type varchar, identifier blob, unknown boolean", rows, path)
        return path

    def settle(self, held: MembershipFiles) -> tuple[MembershipFiles, SettledMembership]:
        """What is held once it is settled, and what the engine says of it."""
        path = self.path()
        result = self.engine.memberships.settle(held, path)
        counts = {kind: (number, result.unknown.get(kind, 0)) for kind, number in result.members.items()}
        whole, changes = (held.members, path) if result.changes_only else (path, None)
        return MembershipFiles(whole, changes=changes, counts=counts), result

    def read_members(self, held: MembershipFiles) -> tuple[Sets, Sets]:
        """The certain and the unknown members of a settled membership, each identifier seen once in each file."""
        assert held.members is not None
        rows = plain().execute(f"select identifier_type, identifier, unknown from '{held.members}'").fetchall()
        assert len({row[:2] for row in rows}) == len(rows)
        if held.changes is not None:
            query = f"select identifier_type, identifier, unknown, gone from '{held.changes}'"
            changes = plain().execute(query).fetchall()
            overruled = {row[:2] for row in changes}
            assert len(overruled) == len(changes)
            rows = [row for row in rows if row[:2] not in overruled] + [row[:3] for row in changes if not row[3]]
        known = {(str(kind), identifier(kind, number)): number for kind in TYPES for number in range(12)}

        def chosen(flag: bool) -> Sets:
            return {
                kind: frozenset(known[row[0], row[1]] for row in rows if row[0] == kind and row[2] is flag)
                for kind in TYPES
            }

        return chosen(False), chosen(True)

    def read_outbox(self, path: Path) -> list[tuple[int, str, str, bytes]]:
        return (
            plain()
            .execute(f"select batch, operation, identifier_type, identifier from '{path}' order by batch")
            .fetchall()
        )

    def _write_rows(self, columns: str, rows: list[tuple[object, ...]], path: Path) -> None:
        connection = plain()
        connection.execute(f"create temp table t({columns})")
        if rows:
            connection.executemany(f"insert into t values ({', '.join('?' * len(rows[0]))})", rows)
        connection.execute(f"copy t to '{path}' (format parquet)")

    def _write(self, query: str, values: dict[str, list[bytes | None]], path: Path) -> None:
        connection = plain()
        connection.execute(f"create temp table t as {query}", values)
        connection.execute(f"copy t to '{path}' (format parquet)")


@pytest.fixture(scope="module", params=["whole", "changes"])
def bench(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Memberships are written whole each time, those of six and more in portions; or they are held to be so great that
    they are compared in several portions and only changes of them are written."""
    folder = tmp_path_factory.mktemp("deltas")
    engine = EmbeddedEngine(folder / "scratch", threads=1)
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "whole":
            patch.setattr("runner.engine.memberships.differences.GREATEST_PORTION", 5)
        else:
            patch.setattr("runner.engine.memberships.differences.PORTION", 3)
            patch.setattr("runner.engine.memberships.compaction.WHOLE_BELOW", 0)
            patch.setattr("runner.engine.memberships.compaction.LEAST_TIMES", 0)
        yield Bench(folder, engine, count())
    engine.close()


def some_sets() -> st.SearchStrategy[Sets]:
    return st.fixed_dictionaries({kind: st.frozensets(SMALL) for kind in TYPES})


@st.composite
def histories(draw: st.DrawFn) -> tuple[Sets, Sets, Sets, Sets, tuple[IdentifierType, ...], int, str]:
    """What is held, what the segment was when a delta was written and is now, and how far that delta came."""
    certain, other, then, now = (draw(some_sets()) for _ in range(4))
    unknown = {kind: other[kind] - certain[kind] for kind in TYPES}
    mapped = tuple(draw(st.lists(st.sampled_from(TYPES), min_size=1, unique=True)))
    fates = draw(st.text("ntf", min_size=40, max_size=40))
    return certain, unknown, then, now, mapped, draw(st.integers(1, 5)), fates


def difference(now: Sets, certain: Sets, unknown: Sets, kind: IdentifierType) -> tuple[frozenset[int], frozenset[int]]:
    """What design.md says: add (D − M) ∪ (D ∩ U), remove (M − D) ∪ (U − D)."""
    d, m, u = now[kind], certain[kind], unknown[kind]
    return (d - m) | (d & u), (m - d) | (u - d)


def only(now: Sets, mapped: tuple[IdentifierType, ...]) -> Sets:
    return {kind: now[kind] if kind in mapped else frozenset() for kind in TYPES}


@pytest.mark.slow
@settings(max_examples=8)
@given(history=histories())
def test_deltas_obey_set_algebra_after_any_interruption(
    bench: Bench, history: tuple[Sets, Sets, Sets, Sets, tuple[IdentifierType, ...], int, str]
) -> None:
    certain, unknown, then, now, mapped, size, fates = history
    then, now = only(then, mapped), only(now, mapped)
    members, outbox = bench.members(certain, unknown), bench.path()
    batches = bench.engine.memberships.write_outbox(
        bench.engine.memberships.compare(bench.evaluation(then, mapped), MembershipFiles(members)), outbox, size
    )

    # the outbox holds the delta, removals first, in dense batches of one operation and one type
    written = bench.read_outbox(outbox) if batches else []
    for kind in TYPES:
        add, remove = difference(then, certain, unknown, kind)
        for operation, wanted in ((Operation.ADD, add), (Operation.REMOVE, remove)):
            sent = [row[3] for row in written if row[1:3] == (operation, kind)]
            assert len(sent) == len(wanted)
            assert set(sent) == {identifier(kind, number) for number in wanted}
    assert [batch.number for batch in batches] == list(range(len(batches)))
    operations = [batch.operation for batch in batches]
    assert operations == sorted(operations, key=[Operation.REMOVE, Operation.ADD].index)
    for batch in batches:
        rows = [row for row in written if row[0] == batch.number]
        assert {row[1:3] for row in rows} == {(batch.operation, batch.identifier_type)}
        assert len(rows) == batch.identifiers <= size

    # some batches are taken, some in flight, some never sent
    taken = frozenset(batch.number for batch in batches if fates[batch.number % 40] == "t")
    flying = frozenset(batch.number for batch in batches if fates[batch.number % 40] == "f")
    held = MembershipFiles(members, outbox if batches else None, taken, flying)
    expected_certain, expected_unknown = {}, {}
    for kind in TYPES:
        m, u = set(certain[kind]), set(unknown[kind])
        for row in written:
            number = next(n for n in range(12) if identifier(kind, n) == row[3]) if row[2] == kind else None
            if number is None or row[0] not in taken | flying:
                continue
            m.discard(number)
            u.discard(number)
            if row[0] in flying:
                u.add(number)
            elif row[1] == Operation.ADD:
                m.add(number)
        expected_certain[kind], expected_unknown[kind] = frozenset(m), frozenset(u)

    # the settled view, as counts
    delta = bench.engine.memberships.compare(bench.evaluation(now, mapped), held).delta
    for kind in TYPES:
        m, u = expected_certain[kind], expected_unknown[kind]
        add, remove = difference(now, expected_certain, expected_unknown, kind)
        if kind not in delta:
            assert kind not in mapped
            assert not m | u
            continue
        counts = delta[kind]
        assert (counts.before, counts.after, counts.unknown) == (len(m | u), len(now[kind]), len(u))
        assert (counts.added, counts.removed) == (len(add), len(remove))

    # settling writes that view down, and changes nothing more when done again
    settled, result = bench.settle(held)
    assert bench.read_members(settled) == (expected_certain, expected_unknown)
    assert result.members == {
        k: len(expected_certain[k] | expected_unknown[k]) for k in TYPES if expected_certain[k] | expected_unknown[k]
    }
    assert result.unknown == {k: len(expected_unknown[k]) for k in TYPES if expected_unknown[k]}
    assert bench.engine.memberships.compare(bench.evaluation(now, mapped), settled).delta == delta
    assert bench.engine.memberships.compare(bench.evaluation(now, mapped), replace(settled, counts=None)).delta == delta
    again, _ = bench.settle(settled)
    assert bench.read_members(again) == bench.read_members(settled)

    # a clean run on top makes the membership equal to the segment
    final_outbox = bench.path()
    last = bench.engine.memberships.write_outbox(
        bench.engine.memberships.compare(bench.evaluation(now, mapped), settled), final_outbox, size
    )
    done = replace(settled, outbox=final_outbox if last else None, taken=frozenset(batch.number for batch in last))
    final, _ = bench.settle(done)
    assert bench.read_members(final) == (now, {kind: frozenset() for kind in TYPES})
    assert all(
        not part.added and not part.removed
        for part in bench.engine.memberships.compare(bench.evaluation(now, mapped), final).delta.values()
    )
    assert (
        bench.engine.memberships.write_outbox(
            bench.engine.memberships.compare(bench.evaluation(now, mapped), final), bench.path(), size
        )
        == ()
    )


def everyone(numbers: range) -> Sets:
    return {kind: frozenset(numbers) for kind in TYPES}


def test_batches_come_back_in_order_as_they_go_into_calls(bench: Bench) -> None:
    outbox = bench.path()
    batches = bench.engine.memberships.write_outbox(
        bench.engine.memberships.compare(bench.evaluation(everyone(range(12)), TYPES), MembershipFiles()), outbox, 5
    )

    read = list(bench.engine.memberships.batches(outbox))

    assert [number for number, _ in read] == [batch.number for batch in batches] == list(range(9))
    assert [len(identifiers) for _, identifiers in read] == [5, 5, 2] * 3
    for kind in TYPES:
        sent = {
            value
            for batch, (_, values) in zip(batches, read, strict=True)
            if batch.identifier_type is kind
            for value in values
        }
        assert sent == {wire(kind, number) for number in range(12)}


@pytest.mark.parametrize("again", [None, 0, 17, 39], ids=["nobody", "the first", "one between", "the last"])
def test_who_is_in_a_new_audience_twice_is_added_once_wherever_they_stand(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, again: int | None
) -> None:
    monkeypatch.setattr("runner.engine.memberships.differences.LOOKED_AT_FIRST", 2)
    monkeypatch.setattr("runner.engine.memberships.differences.HASHED_AT_ONCE", 8)
    values = [identifier(EMAIL, number) for number in (*range(40), *([] if again is None else [again]))]
    path = bench.path()
    plain().execute(f"copy (select unnest($1::blob[]) as email) to '{path}'", [values])
    evaluation = Evaluation(path, (EMAIL,), len(values), len(values), {EMAIL: 0}, ())

    compared = bench.engine.memberships.compare(evaluation, MembershipFiles())

    assert compared.delta[EMAIL].added == 40
    assert (EMAIL in compared.as_evaluated) is (again is None)


def test_nothing_declared_removes_everything_held(bench: Bench) -> None:
    members = bench.members(everyone(range(3)), everyone(range(3, 5)))

    delta = bench.engine.memberships.compare(None, MembershipFiles(members)).delta

    assert {kind: (part.before, part.after, part.removed) for kind, part in delta.items()} == dict.fromkeys(
        TYPES, (5, 0, 5)
    )


def test_a_type_that_is_no_longer_mapped_is_removed(bench: Bench) -> None:
    members = bench.members(everyone(range(3)), everyone(range(0)))

    delta = bench.engine.memberships.compare(
        bench.evaluation(everyone(range(3)), (EMAIL,)), MembershipFiles(members)
    ).delta

    assert {kind: (part.added, part.removed) for kind, part in delta.items()} == {
        EMAIL: (0, 0),
        MOBILE: (0, 3),
        GUM: (0, 3),
    }


def test_what_is_held_is_not_counted_again_where_that_was_recorded(bench: Bench) -> None:
    held = MembershipFiles(bench.members(everyone(range(3)), everyone(range(3, 5))), counts={EMAIL: (50, 20)})

    counts = bench.engine.memberships.compare(bench.evaluation(everyone(range(3)), (EMAIL,)), held).delta[EMAIL]

    assert (counts.before, counts.unknown) == (50, 20)


def test_a_mapped_type_without_any_identifier_is_in_the_delta_all_the_same(bench: Bench) -> None:
    delta = bench.engine.memberships.compare(bench.evaluation(everyone(range(0)), (EMAIL,)), MembershipFiles()).delta

    assert delta[EMAIL].after == delta[EMAIL].before == 0


def test_settling_nothing_writes_an_empty_membership(bench: Bench) -> None:
    path = bench.path()

    assert bench.engine.memberships.settle(MembershipFiles(), path).members == {}
    assert bench.read_members(MembershipFiles(path)) == (everyone(range(0)), everyone(range(0)))


def test_identifiers_that_share_their_first_half_are_told_apart(bench: Bench) -> None:
    twins = [b"\x01" * 16, *(b"\x01" * 31 + bytes([last]) for last in range(3))]
    path, members = bench.path(), bench.path()
    query = "select unnest($values::blob[]) as email"
    bench._write(query, {"values": [*twins]}, path)
    bench._write_rows(
        "identifier_type varchar, identifier blob, unknown boolean", [("email", twins[1], False)], members
    )
    evaluation = Evaluation(path, (EMAIL,), 4, 4, {EMAIL: 0}, ())

    assert bench.engine.memberships.compare(evaluation, MembershipFiles()).delta[EMAIL].added == 4
    assert bench.engine.memberships.compare(evaluation, MembershipFiles(members)).delta[EMAIL].added == 3
    bench._write(query, {"values": [twins[0], twins[2]]}, path.with_name("others.parquet"))
    others = Evaluation(path.with_name("others.parquet"), (EMAIL,), 2, 2, {EMAIL: 0}, ())
    assert bench.engine.memberships.compare(others, MembershipFiles(members)).delta[EMAIL].removed == 1


def test_a_file_of_the_state_is_there_whole_or_not_at_all(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bench.folder / "whole" / "outbox.parquet"

    def broken(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(StateError, match="No space left on device"):
        bench.engine.memberships.write_outbox(
            bench.engine.memberships.compare(bench.evaluation(everyone(range(3)), TYPES), MembershipFiles()), path, 5
        )

    assert list(path.parent.iterdir()) == []


def test_a_file_of_the_state_is_for_its_owner_only(bench: Bench) -> None:
    path = bench.path()
    bench.engine.memberships.settle(MembershipFiles(bench.members(everyone(range(3)), everyone(range(0)))), path)

    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", ["missing", "cut", "overwritten"])
def test_a_damaged_state_is_named_and_never_taken_for_an_empty_one(bench: Bench, damage: str) -> None:
    members = bench.members(everyone(range(10)), everyone(range(0)))
    content = members.read_bytes()
    if damage == "missing":
        members.unlink()
    else:
        members.write_bytes(content[: len(content) // 2] if damage == "cut" else b"\0" * len(content))
    now = bench.evaluation(everyone(range(3)), TYPES)

    for attempt in (
        lambda: bench.engine.memberships.compare(now, MembershipFiles(members)).delta,
        lambda: bench.engine.memberships.settle(MembershipFiles(members), bench.path()),
        lambda: bench.engine.memberships.write_outbox(
            bench.engine.memberships.compare(now, MembershipFiles(members)), bench.path(), 5
        ),
        lambda: list(bench.engine.memberships.batches(members)),
    ):
        with pytest.raises(StateError, match=str(members)):
            attempt()


def test_a_membership_of_several_portions_is_written_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.engine.memberships.differences.GREATEST_PORTION", 10)
    bench = Bench(tmp_path, EmbeddedEngine(tmp_path / "scratch", threads=1), count())
    outbox = bench.path()
    batches = bench.engine.memberships.write_outbox(
        bench.engine.memberships.compare(bench.evaluation(everyone(range(40)), (EMAIL,)), MembershipFiles()), outbox, 50
    )
    taken = frozenset(batch.number for batch in batches)

    members = bench.path()
    settled = bench.engine.memberships.settle(MembershipFiles(None, outbox, taken), members)

    assert settled.members == {EMAIL: 40}
    rows = plain().execute(f"select identifier from read_parquet('{members}')").fetchall()
    quarters = [identifier[0] // 64 for (identifier,) in rows]
    assert sorted(quarter for quarter, _ in groupby(quarters)) == [0, 1, 2, 3]
    bench.engine.close()


def test_a_comparison_in_portions_leaves_the_memory_limit_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.engine.memberships.differences.PORTION", 3)
    bench = Bench(tmp_path, EmbeddedEngine(tmp_path / "scratch", threads=1, memory_limit="345MB"), count())
    limit = "select current_setting('memory_limit')"
    before = bench.engine.workspace.connection().execute(limit).fetchall()

    bench.engine.memberships.compare(bench.evaluation(everyone(range(12)), (EMAIL,)), MembershipFiles())

    assert bench.engine.workspace.connection().execute(limit).fetchall() == before
    bench.engine.close()


@pytest.mark.parametrize(("portion", "greatest", "files"), [(100, 100, 1), (3, 100, 4), (100, 2, 8), (7, 7, 2)])
def test_sets_are_compared_in_a_few_portions_and_in_more_where_these_would_be_too_great(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portion: int, greatest: int, files: int
) -> None:
    monkeypatch.setattr("runner.engine.memberships.differences.PORTION", portion)
    monkeypatch.setattr("runner.engine.memberships.differences.GREATEST_PORTION", greatest)
    scratch = tmp_path / "job[1]"  # no pattern
    bench = Bench(tmp_path, EmbeddedEngine(scratch, threads=1), count())

    delta = bench.engine.memberships.compare(bench.evaluation(everyone(range(12)), (EMAIL,)), MembershipFiles()).delta

    assert delta[EMAIL].added == 12
    assert len(list(scratch.glob("*/*/email/*.parquet"))) == files
    bench.engine.close()
