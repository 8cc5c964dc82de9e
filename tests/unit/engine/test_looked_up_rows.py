"""Segments under suppressions, compared by fingerprints: histories come to what a plain reading of the rules says.

The steps of a run are those of runner/workflows/suppressing.py, without a state: the segment, then the suppressions,
then what leaves, then the comparison.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.fingerprints import PARTS, Fingerprinting, Salt
from runner.core.holdout import Holdout
from runner.core.identifiers import IdentifierType
from runner.core.membership import Evaluation, MembershipFiles
from runner.core.project import Activation
from runner.core.suppression import SuppressionFiles
from runner.engine.embedded import EmbeddedEngine
from runner.engine.fingerprint_sql import halves
from runner.engine.segments.evaluator import DuckDBSegmentEvaluator
from tests import builders
from tests.plain_duckdb import plain
from tests.unit.engine.conftest import World
from tests.unit.engine.test_fingerprints import (
    EMAIL,
    OTHER,
    PHONE,
    PHONES,
    SALT,
    TEXTS,
    Audience,
    Wire,
    digest,
    segment_of,
    wires,
)

GUM = IdentifierType.GUM_ID
Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One in which fingerprints pay from one member on."""
    folder = tmp_path_factory.mktemp("looked-up")
    engine = EmbeddedEngine(folder / "scratch", threads=1)
    with pytest.MonkeyPatch.context() as patch:
        for module in ("fingerprinted_pass", "memberships.differences"):
            patch.setattr(f"runner.engine.{module}.LEAST", 1)
        yield World(folder, engine)
    engine.close()


@dataclass
class Suppressed(Audience):
    """An audience that suppressions are for, which are remembered as the state does; some of them may not take effect.

    `clean` says that the audience is known to hold nobody of those remembered.
    """

    remembered: dict[str, SuppressionFiles] = field(default_factory=dict)
    clean: bool = False
    looked_up: bool = False
    names_looked_up: bool = False
    mistaken: bool = False

    def names(
        self, suppressions: dict[str, Activation], failing: frozenset[str], by: Fingerprinting
    ) -> tuple[list[Path], list[Path], dict[str, SuppressionFiles], dict[Path, tuple[Path, Path]]]:
        """Files of whom suppressions name, those whom the audience may hold, what is to be remembered, and who went."""
        store, evaluator = self.world.engine.memberships, self.world.engine.evaluator
        named: list[Path] = []
        since: list[Path] = []
        now: dict[str, SuppressionFiles] = {}
        gone: dict[Path, tuple[Path, Path]] = {}
        for name, suppression in suppressions.items():
            last = self.remembered.get(name)
            if name in failing:
                named += [last.members] if last is not None else []
                continue
            if last is not None and self.mistaken:
                last = replace(last, fingerprints=None)
            _, found = store.evaluate_and_name(evaluator, suppression, (), last, self.runs, by)
            self.names_looked_up = found.gone is not None
            now[name] = SuppressionFiles(found.path, None, found.fingerprints)
            named.append(found.path)
            if last is not None and found.gone is not None:
                gone[last.members] = found.path, found.gone
            is_beside = last is not None and self.clean
            since.append(store.entered(found.path) if is_beside else found.path)
        if not self.clean:
            since += [self.remembered[name].members for name in failing if name in self.remembered]
        return named, since, now, gone

    def suppressed_run(
        self,
        segment: Activation,
        suppressions: dict[str, Activation],
        salt: Salt = SALT,
        *,
        failing: frozenset[str] = frozenset(),
        fate: dict[int, str] | None = None,
        writes: bool = True,
    ) -> Evaluation:
        """A run: what leaves is sent first, then what differs. Those `failing` go by whom they named last."""
        store, evaluator = self.world.engine.memberships, self.world.engine.evaluator
        self.runs += 1
        by = Fingerprinting(salt, self.runs % PARTS if writes else None)
        evaluation = store.look_up(evaluator, segment, (), self.held, tuple(self.remembered.values()), by)
        self.looked_up, self.mistaken = evaluation.looked_up is not None, evaluation.mistaken
        named, since, now, gone = self.names(suppressions, failing, by)
        files, may_hold = tuple(named), tuple(since)
        if evaluation.looked_up is not None:
            left = store.without_looked_up(evaluation, files, may_hold, gone)
        else:
            left = store.without(evaluation, files) if files else evaluation
        several = sum(map(len, segment.mapping.values())) > 1
        beside = (store.left_out(evaluation, left),) if left.suppressed and several else ()
        compared = store.compare(left, self.held)
        self.sent_in_all: dict[str, set[Wire]] = {"add": set(), "remove": set()}
        leaving = (*may_hold, *beside)
        if leaving:
            self.send(store.leaving(self.held, leaving), fate or {})
            self.sent_in_all["remove"] |= self.sent["remove"]
        if compared.held != self.held and left.looked_up is not None:
            compared = store.without_those_gone(compared, self.held)
        elif compared.held != self.held:
            compared = store.compare(left, self.held)
        self.send(compared, fate or {})
        for operation, sent in self.sent.items():
            self.sent_in_all[operation] |= sent
        if compared.mistaken:
            self.held = replace(self.held, fingerprints={})
        if compared.refreshed:
            path = self.path("members")
            origin = store.fingerprint(self.held, compared, path)
            self.held = MembershipFiles(path, counts=self.held.counts, fingerprints={path: origin})
        if writes:
            self.remembered |= now
        self.clean = writes and not fate and not failing
        return left


def left_of(rows: Rows, types: tuple[IdentifierType, ...], named: set[Wire]) -> Rows:
    """The rows on which nobody is named."""
    return [row for row in rows if not wires([row], *types) & named]


SUPPRESSED = st.lists(TEXTS, max_size=5)
FATES = st.dictionaries(st.integers(0, 6), st.sampled_from(["lost", "unsent"]), max_size=2)


def runs(rows: st.SearchStrategy[Rows]) -> st.SearchStrategy[Any]:
    return st.lists(
        st.tuples(
            rows,
            SUPPRESSED,
            SUPPRESSED,
            st.sets(st.sampled_from(["one", "two"])),
            FATES,
            st.sampled_from([SALT, SALT, SALT, SALT, OTHER]),
        ),
        min_size=2,
        max_size=5,
    )


def history_comes_to_what_the_rules_say(
    world: World, types: tuple[IdentifierType, ...], history: list[Any], small: bool
) -> None:
    audience = Suppressed(world)
    last: dict[str, set[Wire]] = {}
    with pytest.MonkeyPatch.context() as patch:
        if small:
            patch.setattr("runner.engine.memberships.compaction.WHOLE_BELOW", 0)
            patch.setattr("runner.engine.memberships.compaction.LEAST_TIMES", 0)
        for rows, one, two, failing, fate, salt in history:
            texts: dict[str, list[Any]] = {"one": one, "two": two}
            suppressions = {name: segment_of(world, [(text,) for text in some], EMAIL) for name, some in texts.items()}
            last |= {name: wires([(text,) for text in texts[name]], EMAIL) for name in texts if name not in failing}
            named = set().union(*last.values())
            wanted = wires(left_of(rows, types, named), *types)
            there, unknown = set(audience.there), set(audience.unknown)

            left = audience.suppressed_run(
                segment_of(world, rows, *types), suppressions, salt, failing=frozenset(failing), fate=fate
            )

            assert audience.sent_in_all["add"] == (wanted - there) | (wanted & unknown)
            assert (there - wanted) | (unknown - wanted) == audience.sent_in_all["remove"]
            people = [row for row in rows if wires([row], *types)]
            assert left.people == len([row for row in people if not wires([row], *types) & named])
            assert left.suppressed == len(people) - left.people
            assert left.rows == len(rows)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(history=runs(st.lists(st.tuples(TEXTS), max_size=8)), small=st.booleans())
def test_a_history_under_suppressions_comes_to_what_the_rules_say(
    world: World, history: list[Any], small: bool
) -> None:
    history_comes_to_what_the_rules_say(world, (EMAIL,), history, small)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(history=runs(st.lists(st.tuples(TEXTS, TEXTS, PHONES), max_size=6)), small=st.booleans())
@pytest.mark.parametrize("types", [(EMAIL, EMAIL, PHONE), (EMAIL, GUM, PHONE)], ids=str)
def test_a_history_of_several_columns_under_suppressions_comes_to_what_the_rules_say(
    world: World, types: tuple[IdentifierType, ...], history: list[Any], small: bool
) -> None:
    history_comes_to_what_the_rules_say(world, types, history, small)


def people(world: World, *texts: str | None) -> Activation:
    return segment_of(world, [(text,) for text in texts], EMAIL)


def steady(world: World) -> Suppressed:
    """An audience of p1 and p2, which was told to leave out p3, and p9, who is in no segment."""
    audience = Suppressed(world)
    for _ in range(2):
        audience.suppressed_run(
            people(world, "p1@example.com", "p2@example.com", "p3@example.com"),
            {"one": people(world, "p3@example.com", "p9@example.com")},
        )
    assert audience.looked_up
    assert audience.names_looked_up
    assert audience.there == {("email", digest(1)), ("email", digest(2))}
    assert audience.sent_in_all == {"add": set(), "remove": set()}
    return audience


def test_neither_members_nor_people_named_before_are_hashed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    audience = steady(world)
    written: list[Path] = []
    write = DuckDBSegmentEvaluator.write

    def writing(self: DuckDBSegmentEvaluator, *given: Any) -> Any:
        path, warnings = write(self, *given)
        written.append(path)
        return path, warnings

    monkeypatch.setattr(DuckDBSegmentEvaluator, "write", writing)
    segment = people(world, "p1@example.com", "p3@example.com", "p4@example.com", "nobody")
    left = audience.suppressed_run(segment, {"one": people(world, "p3@example.com")}, writes=False)

    assert audience.looked_up
    rows = plain().execute(f"select email from '{written[0]}' where email is not null").fetchall()
    assert rows == [(digest(4),)]
    assert (left.rows, left.people, left.suppressed) == (4, 2, 1)
    assert audience.sent_in_all == {"add": {("email", digest(4))}, "remove": {("email", digest(2))}}


def test_who_is_named_now_leaves_though_their_member_is_found(world: World) -> None:
    audience = steady(world)
    same = people(world, "p1@example.com", "p2@example.com", "p3@example.com")

    left = audience.suppressed_run(same, {"one": people(world, "P1@example.com", "p3@example.com")})

    assert audience.looked_up
    assert (left.people, left.suppressed) == (1, 2)
    assert audience.sent_in_all == {"add": set(), "remove": {("email", digest(1))}}


def test_who_is_named_no_more_enters_though_only_the_suppression_knows_them(world: World) -> None:
    audience = steady(world)
    same = people(world, "p1@example.com", "p2@example.com", "p3@example.com")

    left = audience.suppressed_run(same, {"one": people(world, "p9@example.com")})

    assert audience.looked_up
    assert (left.people, left.suppressed) == (3, 0)
    assert audience.sent_in_all == {"add": {("email", digest(3))}, "remove": set()}
    audience.suppressed_run(same, {"one": people(world, "p9@example.com")})
    assert audience.looked_up
    assert audience.sent_in_all == {"add": set(), "remove": set()}


def test_who_is_in_another_suppression_stays_out_when_one_of_two_names_them_no_more(world: World) -> None:
    audience = Suppressed(world)
    same = people(world, "p1@example.com", "p3@example.com")
    both = {"one": people(world, "p3@example.com", "p9@example.com"), "two": people(world, "p3@example.com")}
    for _ in range(2):
        audience.suppressed_run(same, both)

    left = audience.suppressed_run(
        same, {"one": people(world, "p9@example.com"), "two": people(world, "P3@example.com")}
    )

    assert audience.looked_up
    assert (left.rows, left.people, left.suppressed) == (2, 1, 1)
    assert audience.sent_in_all == {"add": set(), "remove": set()}


def test_one_that_may_not_take_effect_goes_on_to_keep_out_whom_it_named(world: World) -> None:
    audience = steady(world)
    same = people(world, "p1@example.com", "p2@example.com", "p3@example.com")

    left = audience.suppressed_run(same, {"one": people(world, "p1@example.com")}, failing=frozenset({"one"}))

    assert audience.looked_up
    assert (left.people, left.suppressed) == (2, 1)
    assert audience.sent_in_all == {"add": set(), "remove": set()}


@pytest.mark.parametrize("spelt", ["p4@example.com", "P4@example.com"])
def test_a_row_takes_its_other_identifiers_along_but_not_those_of_other_rows(world: World, spelt: str) -> None:
    audience = Suppressed(world)
    rows = [
        ("p1@example.com", "p2@example.com", "+33612345678"),
        ("p3@example.com", "p4@example.com", None),
        ("p4@example.com", None, None),
        ("p5@example.com", None, "+33612345678"),
    ]
    segment, nobody = segment_of(world, rows, EMAIL, EMAIL, PHONE), people(world, "p9@example.com")
    for _ in range(2):
        audience.suppressed_run(segment, {"one": nobody})
    rows[2] = (spelt, None, None)

    named = {"one": people(world, "p1@example.com", "P3@example.com")}
    left = audience.suppressed_run(segment_of(world, rows, EMAIL, EMAIL, PHONE), named)

    assert audience.looked_up
    assert (left.people, left.suppressed) == (2, 2)
    gone = {("email", digest(1)), ("email", digest(2)), ("email", digest(3))}
    assert audience.sent_in_all == {"add": set(), "remove": gone}


def test_a_member_on_the_row_of_somebody_who_was_named_before_leaves_with_that_row(world: World) -> None:
    audience, named = Suppressed(world), {"one": people(world, "p3@example.com")}
    apart = segment_of(world, [("p1@example.com", None), ("p2@example.com", "p3@example.com")], EMAIL, EMAIL)
    for _ in range(2):
        audience.suppressed_run(apart, named)

    left = audience.suppressed_run(segment_of(world, [("p3@example.com", "p1@example.com")], EMAIL, EMAIL), named)

    assert left.looked_up is not None
    assert plain().execute(f"select identifier from '{left.looked_up.left_out}'").fetchall() == [(digest(1),)]
    assert audience.there == set()


@pytest.mark.parametrize("alike", [0, 1], ids=["the first half", "the second half"])
def test_who_is_alike_in_one_half_of_their_fingerprints_is_told_apart(
    world: World, monkeypatch: pytest.MonkeyPatch, alike: int
) -> None:
    def made(text: str, salt: Salt) -> tuple[str, ...]:
        both = list(halves(text, salt))
        both[alike] = f"if({text} is null, null, 77::ubigint)"
        return tuple(both)

    for module in ("fingerprinted_rows", "looked_up_rows"):
        monkeypatch.setattr(f"runner.engine.segments.{module}.halves", made)
    audience, named = Suppressed(world), {"one": people(world, "p3@example.com", "p9@example.com")}
    for _ in range(3):
        left = audience.suppressed_run(people(world, "p1@example.com", "p2@example.com", "p3@example.com"), named)

    assert (audience.looked_up, audience.names_looked_up, audience.mistaken) == (True, True, False)
    assert (left.people, left.suppressed) == (2, 1)
    assert audience.there == {("email", digest(1)), ("email", digest(2))}


@pytest.mark.parametrize("known", ["p1@example.com", "p3@example.com"], ids=["a member", "somebody named"])
def test_a_hash_that_tells_nobody_apart_is_found_out_within_the_runs_that_it_takes(
    world: World, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    for module in ("fingerprinted_rows", "looked_up_rows"):
        constant = f"runner.engine.segments.{module}.halves"
        monkeypatch.setattr(constant, lambda text, salt: (f"if({text} is null, null, 77::ubigint)",) * 2)
    audience = Suppressed(world)
    named = {"one": people(world, "p3@example.com" if known == "p3@example.com" else None)}
    for _ in range(2):
        audience.suppressed_run(people(world, "p1@example.com"), named)
    other = people(world, "p4@example.com")

    for _ in range(PARTS):
        audience.suppressed_run(other, named)
        if audience.mistaken:
            break

    assert audience.mistaken
    assert audience.there == {("email", digest(4))}
    assert audience.held.origin is None


def test_somebody_named_who_has_the_fingerprint_of_a_member_is_found_out_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("fingerprinted_rows", "looked_up_rows"):
        constant = f"runner.engine.segments.{module}.halves"
        monkeypatch.setattr(constant, lambda text, salt: (f"if({text} is null, null, 77::ubigint)",) * 2)
    audience = Suppressed(world)
    audience.suppressed_run(people(world, "p1@example.com"), {"one": people(world, "p3@example.com")})

    audience.suppressed_run(people(world, "p3@example.com"), {"one": people(world, "p3@example.com")}, writes=False)

    assert audience.mistaken
    assert audience.there == set()


def test_md5s_are_counted_also_where_their_texts_are_known(world: World) -> None:
    audience, evaluator = Suppressed(world), world.engine.evaluator
    md5, sha = "5d41402abc4b2a76b9719d911017c592", digest(1).hex()
    segment = people(world, md5, f" {md5.upper()}", sha, "p2@example.com", "5d41402abc4b2a76b9719d911017c593")
    counted = []
    for _ in range(3):
        left = audience.suppressed_run(segment, {"one": people(world, "p9@example.com")})
        counted.append(evaluator.md5s(segment, left))

    assert audience.looked_up
    assert counted == [3, 3, 3]


def test_who_is_held_out_is_not_found(world: World) -> None:
    audience = Suppressed(world)
    everybody = people(world, *(f"p{number}@example.com" for number in range(20)))
    named = {"one": people(world, *(f"p{number}@example.com" for number in range(10)))}
    audience.suppressed_run(everybody, named)

    held_out = replace(everybody, holdout=Holdout(Fraction(1, 2), "c0", "half", builders.HERE))
    left = audience.suppressed_run(held_out, named)

    assert audience.looked_up
    assert left.rows == left.people + left.suppressed + left.held_out
    assert 0 < len(audience.sent_in_all["remove"]) < 10
    assert not audience.sent_in_all["add"]


def test_more_people_than_fit_into_memory_go_the_long_way(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    audience = steady(world)
    monkeypatch.setattr("runner.engine.looked_up_pass.most_at_once", lambda _: 3)
    same = people(world, "p1@example.com", "p2@example.com", "p3@example.com")
    named = {"one": people(world, "p3@example.com")}
    audience.suppressed_run(same, named)

    assert not audience.looked_up
    assert audience.sent_in_all == {"add": set(), "remove": set()}
    audience.suppressed_run(same, named)  # now they are as many as fit
    assert audience.looked_up
