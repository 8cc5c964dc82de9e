"""A segment of which nobody is held, only counted: the counts are those of a plain reading of the rules."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.holdout import Holdout
from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, Evaluation, MembershipFiles, Rejected, TypeDelta
from runner.core.project import Activation
from runner.core.sql_quoting import literal
from runner.engine.embedded import EmbeddedEngine
from tests import builders
from tests.plain_duckdb import plain
from tests.unit.engine import naive
from tests.unit.engine.conftest import World, activation

EMAIL, PHONE, AD_ID, GUM = (
    IdentifierType.EMAIL,
    IdentifierType.PHONE_NUMBER,
    IdentifierType.MOBILE_AD_ID,
    IdentifierType.GUM_ID,
)
Row = tuple[str | None, ...]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


NUMBERS = st.integers(0, 3)
HOLDOUT = Holdout(Fraction(1, 2), "key", "group", builders.HERE)
UUID = "{:08x}-1111-4111-8111-00000000000a"
SPELLINGS = {
    EMAIL: (
        lambda number: f"p{number}@example.com",
        lambda number: f" P{number}@Example.com\u00a0",
        lambda number: f"p{number}@example.com ",
    ),
    PHONE: (lambda number: f"+3361234567{number}", lambda number: f"00 33 61 23 45 67 {number}"),
    AD_ID: (UUID.format, lambda number: f" {UUID.format(number).upper()}"),
    GUM: (lambda number: f"gum-{number}", lambda number: f"gum-{number}\t", lambda number: f"GUM-{number}"),
}
HASHES = {
    EMAIL: (
        lambda number: sha(f"p{number}@example.com").upper(),
        lambda number: f" {sha(f'p{number}@example.com')}",
        lambda number: hashlib.md5(f"p{number}".encode(), usedforsecurity=False).hexdigest(),
    ),
    PHONE: (lambda number: sha(f"3361234567{number}"),),
}
NOBODY = st.sampled_from([None, "", " \t", "no\x01body", "x" * 1100, "0123456789", UUID.format(0).replace("1", "0")])


def values(kind: IdentifierType, hashes: str) -> st.SearchStrategy[str | None]:
    """Values of a type: in clear, as hashes, or both."""
    given_hashes = HASHES.get(kind, ())
    spellings = {"clear": SPELLINGS[kind], "hashed": given_hashes, "both": (*SPELLINGS[kind], *given_hashes)}[hashes]
    people = st.builds(lambda spell, number: spell(number), st.sampled_from(spellings or SPELLINGS[kind]), NUMBERS)
    return st.one_of(people, people, NOBODY)


@st.composite
def segments(draw: st.DrawFn) -> tuple[tuple[IdentifierType, ...], list[Row], Holdout | None]:
    """The types of some columns, rows of these and of a key, and perhaps a holdout by that."""
    types = tuple(draw(st.lists(st.sampled_from(list(SPELLINGS)), min_size=1, max_size=3)))
    hashes = draw(st.sampled_from(["clear", "clear", "hashed", "both"]))
    keys = st.sampled_from([None, " ", *(f"k{number}" for number in range(6))])
    rows = draw(st.lists(st.tuples(*(values(kind, hashes) for kind in types), keys), max_size=8))
    return types, rows, draw(st.sampled_from([None, HOLDOUT]))


def segment_of(types: tuple[IdentifierType, ...], rows: list[Row], holdout: Holdout | None) -> Activation:
    names = [f"c{number}" for number in range(len(types))]
    columns = ", ".join(f"{name}::varchar as {name}" for name in (*names, "key"))
    texts = (f"({', '.join('null' if one is None else literal(one) for one in row)})" for row in rows)
    given_rows = (
        f"values {', '.join(texts)}" if rows else f"select {', '.join('null' for _ in (*names, 'key'))} where false"
    )
    mapping: dict[IdentifierType, tuple[str, ...]] = {}
    for kind, name in zip(types, names, strict=True):
        mapping[kind] = (*mapping.get(kind, ()), name)
    made = activation(f"select {columns} from ({given_rows}) t({', '.join((*names, 'key'))})", mapping)
    return replace(made, holdout=holdout)


def is_kept(key: str | None, holdout: Holdout | None) -> bool:
    """Whether the row with this key is looked at at all."""
    if holdout is None:
        return True
    text = (key or "").strip()
    return bool(text) and int(sha(f"{holdout.name}:{text}")[:15], 16) >= holdout.share * 16**15


def lowered(text: str) -> str:
    return str(plain().execute("select lower(?)", [text]).fetchall()[0][0])


def by_the_rules(
    types: tuple[IdentifierType, ...], rows: list[Row], holdout: Holdout | None
) -> tuple[int, dict[IdentifierType, int], dict[IdentifierType, int], set[Rejected]]:
    """People, distinct identifiers and blank values per type, and what is rejected."""
    people, found = 0, {kind: set[str]() for kind in types}
    blank, rejected = Counter[IdentifierType](), Counter[tuple[IdentifierType, str]]()
    for *texts, key in (row for row in rows if is_kept(row[-1], holdout)):
        outcomes = [(kind, *naive.outcome(kind, text, lowered)) for kind, text in zip(types, texts, strict=True)]
        people += any(what == "wire" for _, what, _ in outcomes)
        for kind, what, detail in outcomes:
            match what:
                case "wire":
                    found[kind].add(detail)
                case "blank":
                    blank[kind] += 1
                case _:
                    rejected[kind, detail] += 1
        assert key is None or key
    distinct = {kind: len(identifiers) for kind, identifiers in found.items()}
    return people, distinct, {kind: blank[kind] for kind in found}, {Rejected(*one, n) for one, n in rejected.items()}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("counted")
    engine = EmbeddedEngine(folder / "scratch", threads=1)
    yield World(folder, engine)
    engine.close()


def counted(world: World, segment: Activation) -> tuple[Evaluation, ComparedMembership]:
    engine = world.engine
    nobody = MembershipFiles()
    return engine.memberships.evaluate_and_compare(engine.evaluator, segment, world.sources, nobody, counts_only=True)


def test_counts_are_those_of_the_rules(world: World) -> None:
    rows: list[Row] = [
        ("p1@example.com", sha("33612345671"), "k0"),
        (" P1@example.com", None, "k1"),
        (None, "+33612345671", "k2"),
        ("nobody", "+33612345672", None),
    ]
    for holdout in (None, HOLDOUT):
        assert_counted_by_the_rules(world, (EMAIL, PHONE), rows, holdout)
    assert_counted_by_the_rules(world, (EMAIL, EMAIL), [("p1@example.com", sha("p1@example.com"), "k")], None)
    assert_counted_by_the_rules(world, (EMAIL,), [], None)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(segment=segments())
def test_counts_of_any_rows_are_those_of_the_rules(
    world: World, segment: tuple[tuple[IdentifierType, ...], list[Row], Holdout | None]
) -> None:
    assert_counted_by_the_rules(world, *segment)


def assert_counted_by_the_rules(
    world: World, types: tuple[IdentifierType, ...], rows: list[Row], holdout: Holdout | None
) -> None:
    """And as what would be sent to an empty audience comes to."""
    made = segment_of(types, rows, holdout)
    people, distinct, blank, rejected = by_the_rules(types, rows, holdout)

    evaluation, compared = counted(world, made)

    assert (evaluation.rows, evaluation.people) == (len(rows), people)
    assert evaluation.held_out + evaluation.without_key == sum(not is_kept(row[-1], holdout) for row in rows)
    assert (dict(evaluation.blank), set(evaluation.rejected)) == (blank, rejected)
    assert compared.delta == {kind: TypeDelta(0, count, count, 0) for kind, count in distinct.items()}
    whole = world.engine.evaluator.evaluate(made, world.sources)
    assert replace(whole, path=None) == replace(evaluation, path=None)
    assert list(compared.delta) == list(world.engine.memberships.compare(whole, MembershipFiles()).delta)


def test_nobody_is_hashed_nor_written_down_to_be_counted(world: World) -> None:
    for texts in ("'a@example.com', 'A@example.com '", f"'{sha('a@example.com')}', '{sha('a@example.com').upper()}'"):
        sql = f"select unnest([{texts}]) as email"
        evaluation, compared = counted(world, activation(sql, {EMAIL: "email"}))
        assert (evaluation.path, evaluation.people, compared.differing) == (None, 2, {})
        assert compared.delta == {EMAIL: TypeDelta(0, 1, 1, 0)}


def test_clear_addresses_and_hashes_in_one_type_are_compared_as_hashes(world: World) -> None:
    sql = f"select unnest(['a@example.com', '{sha('a@example.com')}', 'b@example.com']) as email"
    evaluation, compared = counted(world, activation(sql, {EMAIL: "email"}))
    assert compared.delta == {EMAIL: TypeDelta(0, 2, 2, 0)}
    assert (evaluation.path, evaluation.people) == (None, 3)


def test_texts_that_a_hash_of_blocks_confuses_are_counted_apart(world: World) -> None:
    """Counters eight characters apart, and digits against letters 0x40 apart."""
    counters = "lpad(i::varchar, 8, '0') || lpad((i * 7 % 1000)::varchar, 8, '0') || '@example.com'"
    letters = "chr((97 + i % 10)::integer) || i || '@example.com'"
    sql = f"select unnest([{counters}, {letters}]) as email from range(20000) t(i)"
    _, compared = counted(world, activation(sql, {EMAIL: "email"}))
    assert compared.delta[EMAIL].added == 40_000
    _, compared = counted(world, activation(f"{sql} union all {sql}", {EMAIL: "email"}))
    assert compared.delta[EMAIL].added == 40_000
