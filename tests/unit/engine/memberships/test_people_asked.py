"""People that somebody asks about are found by whatever identifier was given, in clear or hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.core.asked_people import FoundMembers, FoundSuppressed, GivenValue, evident_types
from runner.core.identifiers import IdentifierType
from runner.core.membership import MembershipFiles
from runner.engine.embedded import EmbeddedEngine
from tests.plain_duckdb import plain

EMAIL, PHONE, MOBILE = IdentifierType.EMAIL, IdentifierType.PHONE_NUMBER, IdentifierType.MOBILE_AD_ID
CUSTOMER = IdentifierType.CUSTOMER_ID
SHA, MD5 = hashlib.sha256(b"ana@example.com"), hashlib.md5(b"ana@example.com")
UUID = "6d92078a-8246-4ba4-ae5b-76104861e7dc"
PHONE_SHA = hashlib.sha256(b"33612345678")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    engine = EmbeddedEngine(tmp_path_factory.mktemp("engine"), threads=1)
    yield engine
    engine.close()


def _members(path: Path, *rows: tuple[IdentifierType, bytes, bool, int | None]) -> MembershipFiles:
    values = ", ".join(
        f"('{kind}', unhex('{value.hex()}'), {unknown}, {'null' if run is None else run}::uinteger)"
        for kind, value, unknown, run in rows
    )
    plain().execute(
        f"copy (select * from (values {values}) t(identifier_type, identifier, unknown, run)) to '{path}' "
        "(format parquet)"
    )
    return MembershipFiles(path)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (EMAIL, " Ana@Example.com\t"),
        (EMAIL, SHA.hexdigest().upper()),
        (PHONE, "+33 6 12 34 56 78"),
        (PHONE, PHONE_SHA.hexdigest()),
        (MOBILE, UUID.upper()),
        (CUSTOMER, " c-1 "),
    ],
)
def test_a_member_is_found_by_any_spelling_and_by_its_hash(
    engine: EmbeddedEngine, tmp_path: Path, kind: IdentifierType, text: str
) -> None:
    stored = {EMAIL: SHA.digest(), PHONE: PHONE_SHA.digest(), MOBILE: bytes.fromhex(UUID.replace("-", ""))}
    held = _members(tmp_path / "m.parquet", (kind, stored.get(kind, b"c-1"), False, 12), (kind, b"\1" * 32, False, 3))
    people = engine.evaluator.asked([(kind, GivenValue(text, 1))])
    assert engine.memberships.found_members(held, people) == (FoundMembers(kind, 12, unknown=False, count=1),)
    assert people.unusable == ()


def test_a_clear_address_is_found_where_a_segment_gave_its_md5(engine: EmbeddedEngine, tmp_path: Path) -> None:
    held = _members(tmp_path / "m.parquet", (EMAIL, MD5.digest(), True, None))
    people = engine.evaluator.asked([(EMAIL, GivenValue("ANA@example.com", 1))])
    assert people.counts == {EMAIL: 2}
    assert engine.memberships.found_members(held, people) == (FoundMembers(EMAIL, None, unknown=True, count=1),)


def test_the_lines_of_values_that_are_none_are_told(engine: EmbeddedEngine) -> None:
    given = [(EMAIL, GivenValue("ana@example.com", 1)), (EMAIL, GivenValue("ana@", 2)), (MOBILE, GivenValue("", 7))]
    people = engine.evaluator.asked(given)
    assert people.unusable == (2, 7)
    assert people.counts == {EMAIL: 2}


def test_nobody_is_found_among_others(engine: EmbeddedEngine, tmp_path: Path) -> None:
    held = _members(tmp_path / "m.parquet", (EMAIL, b"\2" * 32, False, 1), (PHONE, SHA.digest(), False, 1))
    people = engine.evaluator.asked([(EMAIL, GivenValue("ana@example.com", 1))])
    assert engine.memberships.found_members(held, people) == ()
    assert engine.memberships.mentioned(held.files, people) == 0


def test_who_is_suppressed_is_found_with_the_run_that_saw_it_first_and_taken_out(
    engine: EmbeddedEngine, tmp_path: Path
) -> None:
    named, rest = tmp_path / "s.parquet", tmp_path / "rest.parquet"
    rows = f"('email', unhex('{SHA.hexdigest()}'), 4), ('email', unhex('{'ab' * 32}'), 5)"
    plain().execute(
        f"copy (select * from (values {rows}) t(identifier_type, identifier, first_run)) to '{named}' (format parquet)"
    )
    people = engine.evaluator.asked([(EMAIL, GivenValue("ana@example.com", 1))])
    assert engine.memberships.found_suppressed(named, people) == (FoundSuppressed(EMAIL, 4, 1),)
    nobody = _members(tmp_path / "nobody.parquet", (EMAIL, b"\3" * 32, False, None)).members
    assert nobody is not None
    engine.memberships.without_people(named, people, rest, nobody)
    assert plain().execute(f"select hex(identifier), first_run from '{rest}'").fetchall() == [("AB" * 32, 5)]
    # Whom it names still it has to remember.
    engine.memberships.without_people(named, people, rest, named)
    assert plain().execute(f"select count(*) from '{rest}'").fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("ana@example.com", (EMAIL,)),
        (SHA.hexdigest(), (EMAIL, PHONE)),
        (MD5.hexdigest(), (EMAIL,)),
        (UUID, (MOBILE,)),
        ("+33 6 12 34 56 78", (PHONE,)),
        ("0033612345678", (PHONE,)),
        ("33612345678", ()),
        ("XY1000-abc", ()),
        ("", ()),
    ],
)
def test_a_type_is_evident_only_where_a_value_can_be_nothing_else(text: str, types: tuple[IdentifierType, ...]) -> None:
    assert evident_types(text) == types
