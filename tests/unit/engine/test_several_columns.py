"""One type of identifier in several columns: every one that holds a value is an identifier of that person."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.core.errors import SegmentError
from runner.core.identifiers import IdentifierType
from runner.core.membership import Evaluation, MembershipFiles, Rejected, TypeDelta
from runner.engine.embedded import EmbeddedEngine
from tests.plain_duckdb import plain
from tests.unit.engine.conftest import World

EMAIL, PHONE = IdentifierType.EMAIL, IdentifierType.PHONE_NUMBER
TWO = {EMAIL: ("email", "hashed")}


def sha(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def delta(world: World, evaluation: Evaluation, held: MembershipFiles | None = None) -> dict[IdentifierType, TypeDelta]:
    return dict(world.engine.memberships.compare(evaluation, held or MembershipFiles()).delta)


def settled(world: World, evaluation: Evaluation) -> MembershipFiles:
    """The membership that the evaluation comes to."""
    return _settled(world.engine, evaluation, world.folder)


def _settled(engine: EmbeddedEngine, evaluation: Evaluation, folder: Path) -> MembershipFiles:
    outbox, members = folder / "outbox.parquet", folder / "members.parquet"
    batches = engine.memberships.write_outbox(engine.memberships.compare(evaluation, MembershipFiles()), outbox, 50_000)
    if not batches:
        return MembershipFiles()
    taken = frozenset(batch.number for batch in batches)
    engine.memberships.settle(MembershipFiles(None, outbox, taken), members)
    return MembershipFiles(members)


def test_every_value_is_an_identifier_and_clear_and_hashed_forms_of_one_are_one(world: World) -> None:
    hashed = hashlib.sha256(b"a@example.com").hexdigest()
    other = hashlib.sha256(b"other@example.com").hexdigest()
    world.table(
        "c", f"select * from (values ('a@example.com', '{hashed}'), ('b@example.com', '{other}')) t(email, hashed)"
    )

    found = world.evaluate("select email, hashed from shop.c", TWO)

    assert (found.rows, found.people) == (2, 2)
    assert delta(world, found)[EMAIL].added == 3
    files = settled(world, found)
    members = {row[0] for row in plain().execute(f"select identifier from '{files.members}'").fetchall()}
    assert members == {sha("a@example.com"), sha("b@example.com"), sha("other@example.com")}


def test_people_are_rows_and_blank_and_rejected_values_are_counted_one_by_one(world: World) -> None:
    rows = "('a@example.com', null), (null, ''), ('nobody', 'x'), (' ', 'B@example.com'), ('c@example.com', 'x')"
    world.table("c", f"select * from (values {rows}) t(email, hashed)")

    found = world.evaluate("select email, hashed from shop.c", TWO)

    assert (found.rows, found.people, found.types) == (5, 3, (EMAIL,))
    assert found.blank == {EMAIL: 4}
    assert found.rejected == (Rejected(EMAIL, "not an e-mail address", 3),)


def test_several_types_may_have_several_columns(world: World) -> None:
    sql = "select 'a@b.com' as e1, 'c@d.com' as e2, '+33612345678' as p1, '+33612345679' as p2, null as p3"
    found = world.evaluate(sql, {EMAIL: ("e1", "e2"), PHONE: ("p1", "p2", "p3")})

    assert (found.people, found.types, found.blank) == (1, (EMAIL, PHONE), {EMAIL: 0, PHONE: 1})
    assert {kind: part.added for kind, part in delta(world, found).items()} == {EMAIL: 2, PHONE: 2}


def test_each_column_must_be_there_and_hold_identifiers(world: World) -> None:
    found = world.check("select 'a@b.com' as email, 1.5::double as hashed", TWO)
    assert [one.code for one in found] == ["mapping-column-type"]
    found = world.check("select 'a@b.com' as email, 'x' as hash", TWO)
    assert [one.code for one in found] == ["mapping-unknown-column"]
    assert 'did you mean "hash"?' in found[0].message
    with pytest.raises(SegmentError, match='no column "hashed"'):
        world.evaluate("select 'a@b.com' as email", TWO)


ADDRESSES = st.none() | st.sampled_from(
    ["", "a@example.com", "A@example.com ", "b@example.com", "c@x.example", "nobody"]
)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.tuples(ADDRESSES, ADDRESSES, ADDRESSES), max_size=6), held=st.lists(ADDRESSES, max_size=4))
@example(rows=[("a@example.com", "a@example.com", None)], held=["b@example.com"])
def test_the_same_people_in_columns_or_in_rows_are_the_same_membership(
    engine: EmbeddedEngine, rows: list[tuple[str | None, ...]], held: list[str | None]
) -> None:
    with TemporaryDirectory() as folder:
        before = _settled(engine, _evaluated(engine, [(one,) for one in held]), Path(folder))
        in_columns = _evaluated(engine, rows)
        in_rows = _evaluated(engine, [(one,) for row in rows for one in row])
        compared = [engine.memberships.compare(one, before).delta for one in (in_columns, in_rows)]
    assert compared[0] == compared[1]
    assert in_columns.blank == in_rows.blank
    assert in_columns.rejected == in_rows.rejected
    assert in_columns.rows == len(rows)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> object:
    made = EmbeddedEngine(tmp_path_factory.mktemp("scratch"), threads=1)
    yield made
    made.close()


def _evaluated(engine: EmbeddedEngine, rows: Sequence[tuple[str | None, ...]]) -> Evaluation:
    from tests.unit.engine.conftest import activation

    width = len(rows[0]) if rows else 1
    names = [f"c{number}" for number in range(width)]
    values = [f"({', '.join('null' if one is None else repr(one) for one in row)})" for row in rows]
    none = f"select {', '.join(f'null::varchar as {name}' for name in names)} where false"
    sql = f"select * from (values {', '.join(values)}) t({', '.join(names)})" if rows else none
    casts = ", ".join(f"{name}::varchar as {name}" for name in names)
    return engine.evaluator.evaluate(activation(f"select {casts} from ({sql})", {EMAIL: tuple(names)}), ())
