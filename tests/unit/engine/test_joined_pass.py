"""A segment compared while it runs, as is done with great memberships, against the two steps one after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.errors import SegmentError, StateError
from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, Evaluation, MembershipFiles
from runner.engine.embedded import EmbeddedEngine
from tests.plain_duckdb import plain
from tests.unit.engine.conftest import World, activation

EMAIL, GUM = IdentifierType.EMAIL, IdentifierType.GUM_ID
NUMBERS = st.integers(0, 7)
FATES = ("certain", "unknown", "never", "added", "removed", "add in flight", "removal in flight")
SINCE = ("not changed", "certain since", "unknown since", "gone since")
"""What the file of changes says of a person, whatever the membership file does."""


def digest(number: int) -> bytes:
    return hashlib.sha256(f"p{number}@example.com".encode()).digest()


SPELLINGS = (
    lambda number: f"p{number}@example.com",
    lambda number: f" P{number}@Example.com\t",
    lambda number: digest(number).hex().upper(),
    lambda number: hashlib.md5(f"p{number}".encode(), usedforsecurity=False).hexdigest(),
    lambda number: "?" * number,
    lambda _: "  ",
    lambda _: None,
)
"""Ways to write a person, some twice the same one; some are nobody."""


@pytest.fixture(scope="module")
def great(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which every membership is held to be a great one."""
    folder = tmp_path_factory.mktemp("joined")
    engine = EmbeddedEngine(folder / "scratch", threads=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runner.engine.joined_pass.JOIN_FROM", 0)
        yield World(folder, engine)
    engine.close()


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[str | None], dict[int, str], bool, dict[int, str]]:
    """Values of a segment, what became of each person in the membership and since, whether another type is held."""
    values = draw(st.lists(st.builds(lambda spell, number: spell(number), st.sampled_from(SPELLINGS), NUMBERS)))
    return (
        values,
        draw(st.dictionaries(NUMBERS, st.sampled_from(FATES))),
        draw(st.booleans()),
        draw(st.dictionaries(NUMBERS, st.sampled_from(SINCE))),
    )


def write(path: Path, columns: str, rows: list[tuple[object, ...]]) -> Path:
    connection = plain()
    connection.execute(f"create temp table t({columns})")
    if rows:
        connection.executemany(f"insert into t values ({', '.join('?' * len(rows[0]))})", rows)
    connection.execute(f"copy t to '{path}' (format parquet)")
    return path


def held_of(
    folder: Path, fates: dict[int, str], another_type: bool, since: dict[int, str] | None = None
) -> MembershipFiles:
    rows: list[tuple[object, ...]] = [
        ("email", digest(number), fate == "unknown")
        for number, fate in fates.items()
        if fate in ("certain", "unknown", "removed", "removal in flight")
    ]
    rows += [("gum_id", b"gum", False)] * another_type
    sent = {
        "added": (0, "add"),
        "add in flight": (1, "add"),
        "removed": (2, "remove"),
        "removal in flight": (3, "remove"),
    }
    batches: list[tuple[object, ...]] = [
        (*sent[fate], "email", digest(number)) for number, fate in fates.items() if fate in sent
    ]
    members = write(folder / "members.parquet", "identifier_type varchar, identifier blob, unknown boolean", rows)
    columns = "batch integer, operation varchar, identifier_type varchar, identifier blob"
    outbox = write(folder / "outbox.parquet", columns, batches)
    changed: list[tuple[object, ...]] = [
        ("email", digest(number), what == "unknown since", what == "gone since")
        for number, what in (since or {}).items()
        if what != "not changed"
    ]
    columns = "identifier_type varchar, identifier blob, unknown boolean, gone boolean"
    changes = write(folder / "changes.parquet", columns, changed) if since is not None else None
    return MembershipFiles(members, outbox, frozenset({0, 2}), frozenset({1, 3}), changes)


def joined(world: World, sql: str, held: MembershipFiles) -> tuple[Evaluation, ComparedMembership]:
    store = world.engine.memberships
    return store.evaluate_and_compare(world.engine.evaluator, activation(sql), world.sources, held)


def outbox_of(world: World, compared: ComparedMembership, path: Path) -> set[tuple[object, ...]]:
    if not world.engine.memberships.write_outbox(compared, path, 1000):
        return set()
    rows = plain().execute(f"select operation, identifier_type, identifier from '{path}'").fetchall()
    assert len(rows) == len(set(rows))
    return set(rows)


@settings(max_examples=20)
@given(situation=situations())
def test_a_segment_compared_while_it_runs_differs_in_nothing(
    great: World, situation: tuple[list[str | None], dict[int, str], bool, dict[int, str]]
) -> None:
    values, fates, another_type, since = situation
    great.table("people", "select null::varchar as email where false")
    write(great.folder / "people.parquet", "email varchar", [(value,) for value in values])
    held = held_of(great.folder, fates, another_type, since)
    select = "select email from shop.people"

    apart = great.engine.evaluator.evaluate(activation(select), great.sources)
    apart_compared = great.engine.memberships.compare(apart, held)
    together, together_compared = joined(great, select, held)

    assert together.path is None
    assert replace(together, path=apart.path) == apart
    assert together_compared.delta == apart_compared.delta
    assert outbox_of(great, together_compared, great.folder / "together.parquet") == outbox_of(
        great, apart_compared, great.folder / "apart.parquet"
    )


def test_a_segment_that_was_joined_cannot_be_compared_again(great: World) -> None:
    great.table("people", "select 'p1@example.com' as email")
    held = held_of(great.folder, {1: "certain"}, another_type=False)
    evaluation, _ = joined(great, "select email from shop.people", held)

    with pytest.raises(StateError, match="changed after the segment was compared"):
        great.engine.memberships.compare(evaluation, MembershipFiles())


def test_several_types_are_compared_afterwards(great: World) -> None:
    great.table("people", "select 'p1@example.com' as email, 'gum' as gum")
    held = held_of(great.folder, {1: "certain"}, another_type=True)
    both = activation("select email, gum from shop.people", {EMAIL: "email", GUM: "gum"})

    store = great.engine.memberships
    evaluation, compared = store.evaluate_and_compare(great.engine.evaluator, both, great.sources, held)

    assert evaluation.path is not None
    assert not any(part.added or part.removed for part in compared.delta.values())


@pytest.mark.parametrize(("least", "most"), [(1_000_000, 2_000_000), (0, 1)], ids=["small", "too great"])
def test_a_membership_outside_the_window_is_compared_afterwards(
    people: World, monkeypatch: pytest.MonkeyPatch, least: int, most: int
) -> None:
    monkeypatch.setattr("runner.engine.joined_pass.JOIN_FROM", least)
    monkeypatch.setattr("runner.engine.joined_pass.JOIN_TO", most)
    held = held_of(people.folder, {1: "certain"}, another_type=False)

    evaluation, _ = joined(people, "select email from shop.people", held)

    assert evaluation.path is not None


@pytest.mark.parametrize("damage", ["truncated", "gone", "overwritten"])
def test_a_damaged_membership_is_named_and_the_segment_is_not_to_blame(great: World, damage: str) -> None:
    great.table("people", "select 'p1@example.com' as email")
    held = held_of(great.folder, {1: "certain"}, another_type=False)
    assert held.members is not None
    content = held.members.read_bytes()
    held.members.write_bytes(b"\0" * len(content) if damage == "overwritten" else content[: len(content) // 2])
    if damage == "gone":
        held.members.unlink()

    with pytest.raises(StateError, match=f"{held.members} cannot be read: it is missing or damaged"):
        joined(great, "select email from shop.people", held)


@pytest.mark.parametrize(
    "sql",
    [
        "select email from read_parquet('{members}')",
        "select email from '{members}'",
        'select email from "{members}"',
        'with recursive "{members}" as (select hex(identifier) as email from "{members}" union all '
        'select email from "{members}" where false) select email from "{members}"',
    ],
)
def test_segment_sql_cannot_read_the_membership_it_is_compared_with(great: World, sql: str) -> None:
    great.table("people", "select 'p1@example.com' as email")
    held = held_of(great.folder, {1: "certain"}, another_type=False)

    with pytest.raises(SegmentError):
        joined(great, sql.format(members=held.members), held)


def test_a_segment_that_names_the_membership_in_an_error_is_to_blame_itself(great: World) -> None:
    great.table("people", "select 'p1@example.com' as email")
    held = held_of(great.folder, {1: "certain"}, another_type=False)

    with pytest.raises(SegmentError, match=r"a function was given a value|failed while it ran"):
        joined(great, f"select error('{held.members}') as email from shop.people", held)


def test_damage_in_the_middle_of_a_membership_is_not_blamed_on_the_segment(great: World) -> None:
    great.table("people", "select 'p1@example.com' as email")
    held = held_of(great.folder, {1: "certain"}, another_type=False)
    assert held.members is not None
    row = "'email' as identifier_type, encode(hash(range)::varchar) as identifier, false as unknown"
    plain().execute(f"copy (select {row} from range(50_000)) to '{held.members}' (compression zstd)")
    content = bytearray(held.members.read_bytes())
    for place in range(len(content) // 2, len(content) // 2 + 200):
        content[place] ^= 0x5A
    held.members.write_bytes(content)

    with pytest.raises(StateError, match=f"{held.members} cannot be read"):
        joined(great, "select email from shop.people", held)


def test_a_segment_that_fails_beside_a_membership_says_so_itself(great: World) -> None:
    great.table("people", "select 'p1@example.com' as email")
    held = held_of(great.folder, {1: "certain"}, another_type=False)

    with pytest.raises(SegmentError) as error:
        joined(great, "select error(email) as email from shop.people", held)

    assert "p1@" not in str(error.value)
