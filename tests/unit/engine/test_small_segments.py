"""Small segments evaluated and compared together, against each by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.errors import SegmentError, StateError
from runner.core.holdout import Holdout
from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, Evaluation, MembershipFiles
from runner.core.project import Activation
from runner.engine.embedded import EmbeddedEngine
from runner.engine.segments.bind import bound
from runner.engine.segments.query_process import QueryProcess
from tests.plain_duckdb import plain
from tests.unit.engine.conftest import World, activation

EMAIL, PHONE, GUM = IdentifierType.EMAIL, IdentifierType.PHONE_NUMBER, IdentifierType.GUM_ID
NUMBERS = st.integers(0, 7)
VALUES = st.sampled_from(("p{}@example.com", " P{}@Example.com\t", "no address {}", "  ", None))
MAPPINGS: tuple[Mapping[IdentifierType, tuple[str, ...]], ...] = (
    {EMAIL: ("email",)},
    {EMAIL: ("email", "other")},
    {EMAIL: ("email",), GUM: ("gum",)},
)
ALL = "select email, other, gum from shop.people where who = {}"

Row = tuple[int, str | None, str | None, str | None]
Known = tuple[Evaluation, ComparedMembership]


def wire_form(kind: IdentifierType, number: int) -> bytes:
    text = f"p{number}@example.com" if kind is EMAIL else f"gum {number}"
    return hashlib.sha256(text.encode()).digest() if kind is EMAIL else text.encode()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in a folder whose name has what patterns, paths and quotes are made of."""
    folder = tmp_path_factory.mktemp("small") / "it's=[one]*?"
    folder.mkdir()
    engine = EmbeddedEngine(folder / "scratch", threads=1)
    yield World(folder, engine)
    engine.close()


def held_of(folder: Path, name: str, members: Mapping[tuple[IdentifierType, int], bool]) -> MembershipFiles:
    """A settled membership: of each type and number, whether it is unknown."""
    path = folder / f"{name}.parquet"
    connection = plain()
    connection.execute("create temp table t(identifier_type varchar, identifier blob, unknown boolean)")
    for (kind, number), unknown in members.items():
        connection.execute("insert into t values (?, ?, ?)", [str(kind), wire_form(kind, number), unknown])
    connection.execute(f"copy t to '{str(path).replace(chr(39), 2 * chr(39))}' (format parquet)")
    kinds = {kind for kind, _ in members}
    counts = {
        kind: (sum(one == kind for one, _ in members), sum(members[key] for key in members if key[0] == kind))
        for kind in kinds
    }
    return MembershipFiles(path, counts=counts)


def people_of(world: World, rows: list[Row]) -> None:
    path = world.folder / "people.csv"
    lines = [",".join("" if one is None else f'"{one}"' for one in row) for row in rows]
    path.write_text("\n".join(["who,email,other,gum", '99,"x@example.com","x@example.com","x"', *lines, ""]))
    world.tables["people"] = (str(path),)


def together(world: World, asked: list[tuple[Activation, MembershipFiles]]) -> Mapping[int, Known]:
    """What is evaluated and compared together of it, as a plan does."""
    evaluations = world.engine.evaluator.evaluate_small([one for one, _ in asked], world.sources)
    places = tuple(evaluations)
    compared = world.engine.memberships.compare_small([(evaluations[place], asked[place][1]) for place in places])
    return {places[at]: (evaluations[places[at]], one) for at, one in compared.items()}


def alone(world: World, one: Activation, held: MembershipFiles) -> Known:
    return world.engine.memberships.evaluate_and_compare(world.engine.evaluator, one, world.sources, held)


def outbox_of(world: World, compared: ComparedMembership) -> set[tuple[object, ...]]:
    path = world.engine.workspace.next_folder() / "outbox.parquet"
    if not world.engine.memberships.write_outbox(compared, path, 1000):
        return set()
    quoted = str(path).replace("'", "''")
    rows = plain().execute(f"select operation, identifier_type, identifier from read_parquet('{quoted}')").fetchall()
    return set(rows)


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[Row], list[tuple[int, dict[tuple[IdentifierType, int], bool]]]]:
    """Who is in the table, and of each of some activations what it maps and who is held."""
    value = st.builds(lambda form, number: form and form.format(number), VALUES, NUMBERS)
    gum = st.one_of(st.none(), st.builds("gum {}".format, NUMBERS))
    rows = draw(st.lists(st.tuples(st.integers(0, 3), value, value, gum), max_size=12))
    key = st.tuples(st.sampled_from((EMAIL, GUM)), NUMBERS)
    audiences = st.tuples(st.integers(0, 2), st.dictionaries(key, st.booleans(), max_size=6))
    return rows, draw(st.lists(audiences, min_size=2, max_size=4))


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(situation=situations())
def test_segments_compared_together_differ_in_nothing_from_each_by_itself(
    many: World, situation: tuple[list[Row], list[tuple[int, dict[tuple[IdentifierType, int], bool]]]]
) -> None:
    rows, audiences = situation
    people_of(many, rows)
    asked = []
    for place, (which, members) in enumerate(audiences):
        known = {key: unknown for key, unknown in members.items() if key[0] in MAPPINGS[which]}
        held = held_of(many.folder, f"members-{place}", known)
        asked.append((activation(ALL.format(place), MAPPINGS[which]), held))

    found = together(many, asked)

    times = [which for which, _ in audiences]
    assert found.keys() == {place for place, (which, _) in enumerate(audiences) if times.count(which) > 1}
    for place, (evaluation, compared) in found.items():
        by_itself, compared_by_itself = alone(many, *asked[place])
        assert replace(evaluation, path=by_itself.path, number=None) == by_itself
        assert compared.delta == compared_by_itself.delta
        assert outbox_of(many, compared) == outbox_of(many, compared_by_itself)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(situation=situations(), named=st.dictionaries(st.tuples(st.sampled_from((EMAIL, GUM)), NUMBERS), st.just(False)))
def test_those_named_by_a_suppression_are_left_out_of_segments_in_one_file_as_of_each(
    many: World,
    situation: tuple[list[Row], list[tuple[int, dict[tuple[IdentifierType, int], bool]]]],
    named: dict[tuple[IdentifierType, int], bool],
) -> None:
    rows, audiences = situation
    people_of(many, rows)
    file = held_of(many.folder, "named", named).members
    assert file is not None
    store, evaluator = many.engine.memberships, many.engine.evaluator
    activations = [activation(ALL.format(place), MAPPINGS[which]) for place, (which, _) in enumerate(audiences)]
    held = [held_of(many.folder, f"members-{place}", known) for place, (_, known) in enumerate(audiences)]

    whole = evaluator.evaluate_small(activations, many.sources)
    each = {place: evaluator.evaluate(activations[place], many.sources) for place in whole}
    found, found_of_each = (store.found((file,), some.values()) for some in (whole, each))
    left = dict(zip(whole, store.without_each(tuple(whole.values()), (found,)), strict=True))

    assert store.counted(found) == store.counted(found_of_each)
    for place, one in left.items():
        alone = store.without(each[place], (found_of_each,))
        assert replace(one, path=alone.path, number=None) == alone
        by_itself = store.without(whole[place], (found,))
        assert (by_itself.people, by_itself.suppressed) == (one.people, one.suppressed)
        outboxes = [outbox_of(many, store.compare(rest, held[place])) for rest in (one, alone)]
        assert outboxes[0] == outboxes[1]
        beside, beside_alone = store.left_out(whole[place], one), store.left_out(each[place], alone)
        assert store.counted(beside) == store.counted(beside_alone)


def held(world: World, place: int) -> MembershipFiles:
    return held_of(world.folder, f"held-{place}", {(EMAIL, 1): False})


def asked_of(world: World, *texts: str) -> list[tuple[Activation, MembershipFiles]]:
    return [(activation(text), held(world, place)) for place, text in enumerate(texts)]


EVERYBODY = "select email from shop.people"


@pytest.mark.parametrize(
    "text",
    [
        "select emial as email from shop.people",
        "select email from shop.nobody",
        "select error(email) as email from shop.people",
        "select email from",
        "select n::decimal(9, 2) / 3 as email from shop.people",
        "select email from shop.people, range(100_000)",
        "select mapped_email as email from segment",
        "select mapped_email as email from temp.segment",
        "copy (select 1) to 'x.csv'",
    ],
)
def test_one_that_fails_or_is_great_or_forbidden_is_left_to_itself_and_takes_no_other_along(
    people: World, text: str
) -> None:
    found = together(people, asked_of(people, EVERYBODY, text, f"{EVERYBODY} where n < 3;"))

    assert {place: evaluation.people for place, (evaluation, _) in found.items()} == {0: 3, 2: 2}


def test_one_that_yields_nobody_loses_its_members(people: World) -> None:
    found = together(people, asked_of(people, EVERYBODY, f"{EVERYBODY} where n > 9"))

    evaluation, compared = found[1]
    assert (evaluation.rows, compared.delta[EMAIL].removed, compared.delta[EMAIL].after) == (0, 1, 0)


def test_segments_over_different_tables_are_evaluated_in_one_go(people: World) -> None:
    people.table("others", "select 'other@example.com' as email")
    both = "select email from shop.people union all select email from shop.others"

    found = together(people, asked_of(people, EVERYBODY, "select email from shop.others", both))

    assert [found[place][0].people for place in range(3)] == [3, 1, 4]


def test_warnings_about_each_are_its_own(people: World) -> None:
    found = together(people, asked_of(people, EVERYBODY, f"{EVERYBODY} limit 1"))

    assert [len(found[place][0].warnings) for place in range(2)] == [0, 1]


def test_what_is_not_small_or_not_simple_is_left_to_itself(people: World) -> None:
    some = asked_of(people, *[EVERYBODY] * 6)
    held_out = replace(some[2][0], holdout=Holdout(Fraction(1, 10), "n", "", people.sources[0].location))
    changed = replace(some[3][1], changes=some[3][1].members)
    unfinished = replace(some[4][1], outbox=some[4][1].members, taken=frozenset({0}))
    another_type = replace(some[5][1], counts={EMAIL: (1, 0), GUM: (1, 0)})
    asked = [
        *some[:2],
        (held_out, some[2][1]),
        (some[3][0], changed),
        (some[4][0], unfinished),
        (some[5][0], another_type),
    ]

    assert together(people, asked).keys() == {0, 1}


def test_nobody_of_another_segment_is_added_where_nobody_is_held_yet(people: World) -> None:
    asked = [
        (one, MembershipFiles()) for one, _ in asked_of(people, f"{EVERYBODY} where n < 3", f"{EVERYBODY} where n > 2")
    ]
    evaluated = people.engine.evaluator.evaluate_small([one for one, _ in asked], people.sources)
    for place, added in enumerate((2, 1)):
        compared = people.engine.memberships.compare(evaluated[place], MembershipFiles())
        assert compared.delta[EMAIL].added == added
        assert outbox_of(people, compared) == outbox_of(people, alone(people, *asked[place])[1])


def test_where_a_file_is_replaced_meanwhile_each_is_left_to_itself(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replaced(*arguments: Any) -> Any:
        people.table("people", "select 'another' || i || '@example.com' as email, i as n from range(1, 9) t(i)")
        return bound(*arguments)

    monkeypatch.setattr("runner.engine.segments.small_segments.bound", replaced)
    assert together(people, asked_of(people, EVERYBODY, f"{EVERYBODY} where n > 1")) == {}


def test_a_membership_that_is_damaged_is_named(people: World) -> None:
    asked = asked_of(people, EVERYBODY, EVERYBODY)
    assert asked[1][1].members is not None
    asked[1][1].members.write_bytes(b"PAR1")

    with pytest.raises(StateError, match=r"held-1\.parquet"):
        together(people, asked)


@pytest.mark.slow
def test_after_one_that_ends_the_process_of_segments_others_are_evaluated_together(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path / "scratch", threads=1, memory_limit="300MB", queries=QueryProcess)
    world = World(tmp_path, engine)
    world.table("people", "select 'p1@example.com' as email")
    text = "select repeat(repeat('x', 100000), 30000) as email"

    with suppress(SegmentError):
        together(world, asked_of(world, EVERYBODY, text))
    again = together(world, asked_of(world, EVERYBODY, EVERYBODY))
    engine.close()

    assert [evaluation.people for evaluation, _ in again.values()] == [1, 1]
