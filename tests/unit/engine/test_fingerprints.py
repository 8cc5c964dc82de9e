"""Segments compared by fingerprints: random histories come to what a plain reading of the rules says, run for run."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.core.errors import SegmentError
from runner.core.findings import Finding
from runner.core.fingerprints import FIRST_LENGTH, PARTS, SECOND_LENGTH, Fingerprinting, Salt
from runner.core.holdout import Holdout
from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, Evaluation, MembershipFiles
from runner.core.project import Activation
from runner.core.sql_quoting import literal
from runner.engine import fingerprint_sql, fingerprinted_pass
from runner.engine.embedded import EmbeddedEngine
from runner.engine.fingerprinted_pass import BYTES_A_MEMBER
from runner.engine.segments.evaluator import DuckDBSegmentEvaluator
from tests import builders
from tests.plain_duckdb import plain
from tests.unit.engine import naive
from tests.unit.engine.conftest import World, activation

EMAIL, PHONE = IdentifierType.EMAIL, IdentifierType.PHONE_NUMBER
SALT = Salt("a", "0123456789abcdef", "0123456789abcdef012")
OTHER = Salt("b", "fedcba9876543210", "fedcba9876543210fed")
Wire = tuple[str, bytes]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One in which fingerprints pay from one member on."""
    folder = tmp_path_factory.mktemp("fingerprints")
    engine = EmbeddedEngine(folder / "scratch", threads=1)
    with pytest.MonkeyPatch.context() as patch:
        for module in ("fingerprinted_pass", "memberships.differences"):
            patch.setattr(f"runner.engine.{module}.LEAST", 1)
        yield World(folder, engine)
    engine.close()


def digest(number: int) -> bytes:
    return hashlib.sha256(f"p{number}@example.com".encode()).digest()


SPELLINGS = (
    lambda number: f"p{number}@example.com",
    lambda number: f"P{number}@Example.com",
    lambda number: f" p{number}@example.com\u00a0",
    lambda number: digest(number).hex().upper(),
)
NOBODY = st.sampled_from([None, "", " \t", "nobody", "p1@example", "x" * 300 + "@example.com"])
NUMBERS = st.integers(0, 9)
TEXTS = st.one_of(st.builds(lambda spell, number: spell(number), st.sampled_from(SPELLINGS), NUMBERS), NOBODY)


@dataclass
class Audience:
    """An audience as the state and the destination have it, brought on by runs; `sent` is what the last one sent."""

    world: World
    held: MembershipFiles = field(default_factory=MembershipFiles)
    there: set[Wire] = field(default_factory=set)
    unknown: set[Wire] = field(default_factory=set)
    sent: dict[str, set[Wire]] = field(default_factory=dict)
    runs: int = 0

    def path(self, name: str) -> Path:
        number = len(list(self.world.folder.glob(f"{name}-*")))
        return self.world.folder / f"{name}-{number}.parquet"

    def compare(self, segment: Activation, by: Fingerprinting | None) -> tuple[Evaluation, ComparedMembership]:
        engine = self.world.engine
        return engine.memberships.evaluate_and_compare(engine.evaluator, segment, (), self.held, by)

    def run(
        self,
        segment: Activation,
        salt: Salt | None = SALT,
        *,
        fate: Mapping[int, str] | None = None,
    ) -> tuple[Evaluation, ComparedMembership]:
        """A run that sends batches of one, each of which arrives unless `fate` says "lost" or "unsent" of it."""
        self.runs += 1
        by = None if salt is None else Fingerprinting(salt, self.runs % PARTS)
        evaluation, compared = self.compare(segment, by)
        if salt is not None and not compared.mistaken:
            self.assert_counted_alike(segment, compared, salt)
        self.send(compared, fate or {})
        if compared.mistaken:
            self.held = replace(self.held, fingerprints={})
        if compared.refreshed:
            path = self.path("members")
            origin = self.world.engine.memberships.fingerprint(self.held, compared, path)
            self.held = MembershipFiles(path, counts=self.held.counts, fingerprints={path: origin})
        return evaluation, compared

    def assert_counted_alike(self, segment: Activation, compared: ComparedMembership, salt: Salt) -> None:
        """A plan, which only counts, comes to the same numbers."""
        engine, by = self.world.engine, Fingerprinting(salt, None)
        _, counted = engine.memberships.evaluate_and_compare(
            engine.evaluator, segment, (), self.held, by, counts_only=bool(self.held.files)
        )
        assert counted.delta == compared.delta

    def send(self, compared: ComparedMembership, fate: Mapping[int, str]) -> None:
        store = self.world.engine.memberships
        outbox, members = self.path("outbox"), self.path("members")
        batches = store.write_outbox(compared, outbox, 1)
        self.sent = {"add": set(), "remove": set()}
        if not batches:
            return
        rows = plain().execute(f"select batch, operation, identifier_type, identifier from '{outbox}'").fetchall()
        taken, in_flight = set(), set()
        for number, operation, kind, identifier in rows:
            wire = (kind, identifier)
            assert wire not in self.sent[operation], "sent twice"
            self.sent[operation].add(wire)
            match fate.get(number, "taken"):
                case "taken":
                    taken.add(number)
                    self.unknown.discard(wire)
                    (self.there.add if operation == "add" else self.there.discard)(wire)
                case "lost":
                    in_flight.add(number)
                    self.there.discard(wire)
                    self.unknown.add(wire)
        origins = {**self.held.fingerprints, **({outbox: compared.origin} if compared.origin else {})}
        unfinished = replace(self.held, outbox=outbox, taken=frozenset(taken), in_flight=frozenset(in_flight))
        settled = store.settle(replace(unfinished, fingerprints=origins), members)
        whole, changes = (self.held.members, members) if settled.changes_only else (members, None)
        if settled.fingerprints is not None:
            origins[members] = settled.fingerprints
        counts = {kind: (count, settled.unknown.get(kind, 0)) for kind, count in settled.members.items()}
        self.held = MembershipFiles(whole, changes=changes, counts=counts, fingerprints=origins)


def segment_of(world: World, rows: list[tuple[str | None, ...]], *types: IdentifierType) -> Activation:
    """A segment that yields these rows, as texts."""
    names = [f"c{number}" for number in range(len(types))]
    values = ", ".join(f"({', '.join('null' if one is None else literal(one) for one in row)})" for row in rows)
    casts = ", ".join(f"{name}::varchar as {name}" for name in names)
    none = ", ".join("null" for _ in names)
    sql = f"select {casts} from (values {values or f'({none})'}) t({', '.join(names)}){'' if rows else ' where false'}"
    mapping: dict[IdentifierType, tuple[str, ...]] = {}
    for kind, name in zip(types, names, strict=True):
        mapping[kind] = (*mapping.get(kind, ()), name)
    return activation(sql, mapping)


def wires(rows: list[tuple[str | None, ...]], *types: IdentifierType) -> set[Wire]:
    """Whom the rows name, by a plain reading of the rules."""
    found = set()
    for row in rows:
        for kind, text in zip(types, row, strict=True):
            outcome, wire = naive.outcome(kind, text, str.lower)
            if outcome == "wire":
                hashed = kind in (EMAIL, PHONE)
                found.add((str(kind), bytes.fromhex(wire) if hashed else wire.encode()))
    return found


RUNS = st.tuples(
    st.lists(TEXTS, max_size=8),
    st.dictionaries(st.integers(0, 6), st.sampled_from(["lost", "unsent"]), max_size=2),
    st.sampled_from([SALT, SALT, SALT, SALT, None, OTHER]),
)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(history=st.lists(RUNS, min_size=2, max_size=5), small=st.booleans())
@example(history=[(["p1@example.com"], {}, SALT), (["P1@Example.com", "p1@example.com"], {}, SALT)], small=True)
@example(
    history=[(["p1@example.com"], {}, SALT), ([], {}, SALT), (["p1@example.com"], {}, SALT), ([], {}, SALT)], small=True
)
def test_a_history_with_fingerprints_comes_to_what_the_rules_say(
    world: World, history: list[tuple[list[str | None], dict[int, str], Salt | None]], small: bool
) -> None:
    audience = Audience(world)
    with pytest.MonkeyPatch.context() as patch:
        if small:  # what changes is kept beside the membership
            patch.setattr("runner.engine.memberships.compaction.WHOLE_BELOW", 0)
            patch.setattr("runner.engine.memberships.compaction.LEAST_TIMES", 0)
        for texts, fate, salt in history:
            run_comes_to_what_the_rules_say(world, audience, [(text,) for text in texts], (EMAIL,), salt, fate)


def run_comes_to_what_the_rules_say(
    world: World,
    audience: Audience,
    rows: list[tuple[str | None, ...]],
    types: tuple[IdentifierType, ...],
    salt: Salt | None,
    fate: dict[int, str],
) -> None:
    segment, wanted = segment_of(world, rows, *types), wires(rows, *types)
    there, unknown = set(audience.there), set(audience.unknown)
    plan, planned = audience.compare(segment, None if salt is None else Fingerprinting(salt))
    apart = world.engine.evaluator.evaluate(segment, ())

    evaluation, compared = audience.run(segment, salt, fate=fate)

    assert audience.sent["add"] == (wanted - there) | (wanted & unknown)
    assert audience.sent["remove"] == (there - wanted) | (unknown - wanted)
    assert compared.delta == planned.delta == world.engine.memberships.compare(apart, compared.held).delta
    for one in (plan, evaluation):
        assert replace(one, path=None, fingerprints=None) == replace(apart, path=None)


PHONES = st.none() | st.sampled_from(["+33612345678", "33612345678", "0033 612345679", "06", "x"])
SEVERAL = st.lists(st.tuples(TEXTS, TEXTS, PHONES), max_size=8)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    history=st.lists(
        st.tuples(
            SEVERAL,
            st.dictionaries(st.integers(0, 6), st.sampled_from(["lost", "unsent"]), max_size=2),
            st.sampled_from([SALT, SALT, SALT, SALT, OTHER]),
        ),
        min_size=2,
        max_size=5,
    ),
    small=st.booleans(),
)
@pytest.mark.parametrize("types", [(EMAIL, EMAIL, PHONE), (EMAIL, IdentifierType.GUM_ID, PHONE)], ids=str)
def test_a_history_of_several_columns_comes_to_what_the_rules_say(
    world: World, types: tuple[IdentifierType, ...], history: list[tuple[Any, dict[int, str], Salt]], small: bool
) -> None:
    audience = Audience(world)
    with pytest.MonkeyPatch.context() as patch:
        if small:
            patch.setattr("runner.engine.memberships.compaction.WHOLE_BELOW", 0)
            patch.setattr("runner.engine.memberships.compaction.LEAST_TIMES", 0)
        for rows, fate, salt in history:
            run_comes_to_what_the_rules_say(world, audience, rows, types, salt, fate)


def looked_up(evaluation: Evaluation) -> bool:
    """Whether the segment was looked up by fingerprints."""
    return evaluation.path is None


def test_a_known_text_is_not_hashed_and_a_new_one_is(world: World) -> None:
    audience = Audience(world)
    audience.run(segment_of(world, [("p1@example.com",), ("P2@example.com ",)], EMAIL))
    again = segment_of(world, [("p1@example.com",), ("P2@example.com ",), ("p3@example.com",)], EMAIL)

    evaluation, compared = audience.run(again)

    assert looked_up(evaluation)
    assert (compared.delta[EMAIL].added, compared.delta[EMAIL].removed) == (1, 0)
    assert (evaluation.rows, evaluation.people) == (3, 3)
    assert looked_up(audience.run(again)[0])
    assert audience.sent == {"add": set(), "remove": set()}


def test_who_is_unknown_is_sent_once_more(world: World) -> None:
    audience = Audience(world)
    people = segment_of(world, [("p1@example.com",), ("p2@example.com",), ("P2@example.com",)], EMAIL)
    audience.run(people, fate={0: "lost", 1: "lost"})

    evaluation, compared = audience.run(people)

    assert looked_up(evaluation)
    assert compared.delta[EMAIL].added == 2
    assert audience.sent == {"add": {("email", digest(1)), ("email", digest(2))}, "remove": set()}


def test_who_was_removed_beside_the_membership_is_gone_and_who_was_added_there_is_no_other_member(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.engine.memberships.compaction.WHOLE_BELOW", 0)
    monkeypatch.setattr("runner.engine.memberships.compaction.LEAST_TIMES", 0)
    audience = Audience(world)
    all_of_them = segment_of(world, [("p1@example.com",), ("p2@example.com",), ("p3@example.com",)], EMAIL)
    two = segment_of(world, [("p1@example.com",), ("p2@example.com",)], EMAIL)
    audience.run(all_of_them)
    audience.run(two)
    assert audience.held.changes is not None

    assert looked_up(audience.run(two)[0])
    assert audience.sent == {"add": set(), "remove": set()}

    assert looked_up(audience.run(all_of_them)[0])
    assert audience.sent == {"add": {("email", digest(3))}, "remove": set()}

    assert looked_up(audience.run(two)[0])
    assert audience.sent == {"add": set(), "remove": {("email", digest(3))}}


def test_more_members_than_fit_into_memory_are_compared_the_long_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitting = fingerprinted_pass.most_at_once(world.engine.workspace.connection())
    monkeypatch.setattr("runner.engine.fingerprinted_pass.BYTES_A_MEMBER", BYTES_A_MEMBER * (fitting // 2))
    audience = Audience(world)
    two = segment_of(world, [("p1@example.com",), ("p2@example.com",)], EMAIL)
    three = segment_of(world, [("p1@example.com",), ("p3@example.com",), ("p4@example.com",)], EMAIL)
    audience.run(two)
    assert looked_up(audience.run(three)[0])

    evaluation, compared = audience.run(two)

    assert not looked_up(evaluation)
    assert (compared.delta[EMAIL].added, compared.delta[EMAIL].removed) == (1, 2)
    assert audience.held.origin is not None
    assert looked_up(audience.run(three)[0])


def test_a_segment_that_lacks_memory_beside_the_members_runs_without_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    audience = Audience(world)
    audience.run(segment_of(world, [("p1@example.com",)], EMAIL))
    other = segment_of(world, [("p2@example.com",)], EMAIL)

    def short(code: str) -> Callable[..., Any]:
        def fail(*_: object) -> Any:
            raise SegmentError("it failed", finding=Finding(builders.HERE, code, "it failed"))

        return fail

    monkeypatch.setattr("runner.engine.fingerprinted_pass.written_beside", short("sql-time-limit"))
    with pytest.raises(SegmentError):
        audience.compare(other, Fingerprinting(SALT))
    monkeypatch.setattr("runner.engine.fingerprinted_pass.written_beside", short("sql-out-of-memory"))
    evaluation, _ = audience.run(other)

    assert not looked_up(evaluation)
    assert audience.sent == {"add": {("email", digest(2))}, "remove": {("email", digest(1))}}


@pytest.mark.parametrize(
    ("memory", "fits", "does_not"), [("2GB", 30_000_000, 36_000_000), ("4GB", 60_000_000, 72_000_000)]
)
def test_how_many_members_are_looked_up_depends_on_the_memory(memory: str, fits: int, does_not: int) -> None:
    connection = duckdb.connect(config={"memory_limit": memory})
    assert fits < fingerprinted_pass.most_at_once(connection) < does_not


def test_a_membership_without_fingerprints_gets_them_by_the_next_run_that_writes(world: World) -> None:
    audience = Audience(world)
    people = segment_of(world, [("p1@example.com",), ("p2@example.com",)], EMAIL)
    audience.run(people, salt=None)
    assert audience.held.origin is None

    for salt in (SALT, OTHER):
        assert not audience.compare(people, Fingerprinting(salt))[1].refreshed
        evaluation, _ = audience.run(people, salt)
        assert not looked_up(evaluation)
        assert audience.sent == {"add": set(), "remove": set()}
        assert audience.held.origin is not None
        assert audience.held.origin.salt == salt.id
        assert looked_up(audience.run(people, salt)[0])


@pytest.mark.parametrize("types", [(EMAIL,), (EMAIL, PHONE)], ids=["one column", "two columns"])
def test_members_that_are_written_otherwise_now_are_written_again_where_they_are_many(
    world: World, types: tuple[IdentifierType, ...]
) -> None:
    def ten(otherwise: int) -> Activation:
        texts = [f"{'P' if number < otherwise else 'p'}{number}@example.com" for number in range(10)]
        return segment_of(world, [(text, "+33612345678")[: len(types)] for text in texts], *types)

    audience = Audience(world)
    audience.run(ten(0))
    assert not audience.run(ten(1))[1].refreshed
    two = ten(2)

    assert audience.run(two)[1].refreshed

    assert audience.sent == {"add": set(), "remove": set()}
    assert not audience.run(two)[1].refreshed


@pytest.mark.parametrize("types", [(EMAIL,), (EMAIL, PHONE)], ids=["one column", "two columns"])
@pytest.mark.parametrize("text", ["p2@example.com", "nobody"], ids=["somebody else", "nobody"])
def test_a_hash_that_tells_nobody_apart_is_found_out_within_the_runs_that_it_takes(
    world: World, monkeypatch: pytest.MonkeyPatch, types: tuple[IdentifierType, ...], text: str
) -> None:
    for module in ("fingerprinted_rows", "looked_up_rows"):
        constant = f"runner.engine.segments.{module}.halves"
        monkeypatch.setattr(constant, lambda text, salt: (f"if({text} is null, null, 77::ubigint)",) * 2)
    audience = Audience(world)
    audience.run(segment_of(world, [("p1@example.com", None)[: len(types)]], *types))
    other = segment_of(world, [(text, None)[: len(types)]], *types)

    for _ in range(PARTS):
        _, compared = audience.run(other)
        if compared.mistaken:
            break

    assert compared.mistaken
    assert audience.there == wires([(text,)], EMAIL)
    assert audience.held.origin is None


@pytest.mark.parametrize("constant", [0, 1])
def test_a_text_that_has_one_half_of_a_member_s_fingerprint_is_another_one(
    world: World, monkeypatch: pytest.MonkeyPatch, constant: int
) -> None:
    def alike(text: str, salt: Salt) -> tuple[str, str]:
        both = list(fingerprint_sql.halves(text, salt))
        both[constant] = f"if({text} is null, null, 77::ubigint)"
        return both[0], both[1]

    monkeypatch.setattr("runner.engine.segments.fingerprinted_rows.halves", alike)
    audience = Audience(world)
    audience.run(segment_of(world, [("p1@example.com",), ("p2@example.com",)], EMAIL))

    evaluation, _ = audience.run(segment_of(world, [("p1@example.com",), ("p3@example.com",)], EMAIL))

    assert looked_up(evaluation)
    assert audience.sent == {"add": {("email", digest(3))}, "remove": {("email", digest(2))}}


def test_a_hash_with_other_results_is_another_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    audience = Audience(world)
    people = segment_of(world, [("p1@example.com",)], EMAIL)
    audience.run(people)
    assert looked_up(audience.compare(people, Fingerprinting(SALT))[0])

    monkeypatch.setattr("runner.engine.fingerprint_sql.RULES", 2)
    assert not looked_up(audience.compare(people, Fingerprinting(SALT))[0])


def test_who_is_held_out_is_not_found(world: World) -> None:
    audience = Audience(world)
    people = segment_of(world, [(f"p{number}@example.com",) for number in range(20)], EMAIL)
    held_out = replace(people, holdout=Holdout(Fraction(1, 2), "c0", "half", builders.HERE))
    audience.run(people)

    evaluation, compared = audience.run(held_out)

    assert looked_up(evaluation)
    assert 0 < evaluation.held_out < 20
    assert compared.delta[EMAIL].removed == evaluation.held_out
    assert evaluation.people == 20 - evaluation.held_out


def test_structured_texts_have_fingerprints_of_their_own_under_any_salts() -> None:
    """Counters eight characters apart, and digits against letters 0x40 apart, are where blocks of eight bytes meet."""
    rows = """select format('{:08d}{:08d}@example.com', i % 40, i // 40) as text from range(1600) t(i)
        union select format('user{:04d}@shop{:03d}.example', i % 40, i // 40) from range(1600) t(i)
        union select translate(format('{:08d}{:08d}', i, i), '0123456789', 'pqrstuvwxy') from range(800) t(i)
        union select format('{:08d}{:08d}', i, i) from range(800) t(i)"""
    source = random.Random(19)
    connection = plain()
    connection.execute(f"create temp table texts as {rows}")
    for _ in range(100):
        first, second = (
            "".join(source.choices("0123456789abcdef", k=length)) for length in (FIRST_LENGTH, SECOND_LENGTH)
        )
        halves = fingerprint_sql.halves("text", Salt("s", first, second))
        [(texts, both)] = connection.execute(
            f"select count(*), count(distinct ({halves[0]}, {halves[1]})) from texts"
        ).fetchall()
        assert texts == both


def test_the_salts_differ_in_length_modulo_the_block_of_the_hash() -> None:
    assert FIRST_LENGTH % 8 != SECOND_LENGTH % 8


@pytest.mark.parametrize("types", [(EMAIL,), (EMAIL, PHONE)], ids=["one column", "two columns"])
@pytest.mark.parametrize("collation", ["nocase", "noaccent", "nocase.noaccent"])
def test_texts_that_a_column_compares_as_equal_are_different_people(
    world: World, collation: str, types: tuple[IdentifierType, ...]
) -> None:
    audience = Audience(world)
    kept, gone, come = "\u00e9@example.com", "e@example.com", "\u00ea@example.com"

    def collated(*texts: str) -> Activation:
        people = segment_of(world, [(text, None)[: len(types)] for text in texts], *types)
        inner = people.segment.sql.text
        sql = replace(people.segment.sql, text=f"select * replace (c0 collate {collation} as c0) from ({inner})")
        return replace(people, segment=replace(people.segment, sql=sql))

    audience.run(collated(kept, gone))
    evaluation, _ = audience.run(collated(kept, come, come.upper()))

    assert looked_up(evaluation)
    assert audience.sent == {"add": wires([(come,)], EMAIL), "remove": wires([(gone,)], EMAIL)}
    audience.run(collated(come))
    assert audience.there == wires([(come,)], EMAIL)


def test_several_columns_are_looked_up_too_and_a_type_without_fingerprints_beside_them(world: World) -> None:
    audience = Audience(world)
    types = (EMAIL, EMAIL, IdentifierType.GUM_ID)
    stay = [("p1@example.com", "p2@example.com", "a"), ("p2@example.com", None, None), ("x", "p4@example.com", None)]
    audience.run(segment_of(world, [*stay, ("nobody", " ", "b"), ("p5@example.com", None, None)], *types))

    later = [*stay, ("P3@example.com", "p1@example.com", "c"), ("nobody", None, None)]
    evaluation, compared = audience.run(segment_of(world, later, *types))

    assert looked_up(evaluation)
    assert (evaluation.rows, evaluation.people, evaluation.blank[EMAIL]) == (5, 4, 2)
    assert audience.sent["add"] == {("email", digest(3)), ("gum_id", b"c")}
    assert audience.sent["remove"] == {("email", digest(5)), ("gum_id", b"b")}
    assert compared.fingerprints.keys() == {EMAIL}
    evaluation, _ = audience.run(segment_of(world, later, *types))
    assert looked_up(evaluation)
    assert audience.sent == {"add": set(), "remove": set()}


def test_of_several_columns_a_known_text_is_not_hashed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    audience = Audience(world)
    people = segment_of(world, [("p1@example.com", "p2@example.com"), ("nobody", None)], EMAIL, EMAIL)
    audience.run(people)
    written: list[Path] = []
    write = DuckDBSegmentEvaluator.write

    def writing(self: DuckDBSegmentEvaluator, *given: Any) -> Any:
        path, warnings = write(self, *given)
        written.append(path)
        return path, warnings

    monkeypatch.setattr(DuckDBSegmentEvaluator, "write", writing)
    audience.compare(people, Fingerprinting(SALT))

    [path] = written
    assert plain().execute(f"select email, email_2 from '{path}'").fetchall() == [(None, None)] * 2


def test_who_is_held_out_has_none_of_several_texts_found(world: World) -> None:
    audience = Audience(world)
    rows = [(f"p{number}@example.com", f"+336123456{number:02}") for number in range(20)]
    people = segment_of(world, rows, EMAIL, PHONE)
    audience.run(people)

    evaluation, compared = audience.run(replace(people, holdout=Holdout(Fraction(1, 2), "c0", "half", builders.HERE)))

    assert looked_up(evaluation)
    assert 0 < evaluation.held_out < 20
    assert evaluation.people == 20 - evaluation.held_out
    assert compared.delta[EMAIL].removed == compared.delta[PHONE].removed == evaluation.held_out
