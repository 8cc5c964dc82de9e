"""Leaving out people who may not be sent: rows of segments, and members of audiences, against plain sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.identifiers import IdentifierType
from runner.core.membership import Evaluation, MembershipFiles
from runner.core.suppression import SuppressionFiles
from runner.engine.duckdb.session import limits
from runner.engine.duckdb.workspace import Workspace
from runner.engine.memberships.membership_store import DuckDBMembershipStore

EMAIL, IDFA = IdentifierType.EMAIL, IdentifierType.MOBILE_AD_ID
Row = tuple[int | None, int | None]
IDS = st.one_of(st.none(), st.integers(0, 7))
ROWS = st.lists(st.tuples(IDS, IDS), max_size=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("suppressed")


@pytest.fixture(scope="module", params=["at once", "in portions"])
def store(folder: Path, request: pytest.FixtureRequest) -> Iterator[DuckDBMembershipStore]:
    """People are looked for all at once, or, as where there are too many for the memory, portion by portion."""
    workspace = Workspace(folder / "scratch", limits(None, None, None))
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "in portions":
            patch.setattr("runner.engine.memberships.differences.GREATEST_PORTION", 2)
        yield DuckDBMembershipStore(workspace)
    workspace.close()


def _blob(identifier: int | None) -> str:
    """Spread over all values of a byte, so that portions by the first bytes have some each."""
    return "null" if identifier is None else f"'{chr(92)}x{32 * identifier:02x}'::blob"


def _number(blob: bytes) -> int:
    return blob[0] // 32


_made = iter(range(1_000_000))


def _evaluation(folder: Path, rows: list[Row]) -> Evaluation:
    path = folder / f"evaluation-{next(_made)}.parquet"
    kinds = [f"({_blob(one)}, {0 if one is None else 1}, {_blob(two)}, {0 if two is None else 1})" for one, two in rows]
    values = f"values {', '.join(kinds)}" if kinds else "select null::blob, 0, null::blob, 0 limit 0"
    duckdb.execute(
        f"copy (select email::blob as email, email_kind::utinyint as email_kind, mobile_ad_id::blob as mobile_ad_id, "
        f"mobile_ad_id_kind::utinyint as mobile_ad_id_kind from ({values}) t(email, email_kind, mobile_ad_id, "
        f"mobile_ad_id_kind)) to '{path}' (format parquet)"
    )
    people = sum(any(one is not None for one in row) for row in rows)
    return Evaluation(path, (EMAIL, IDFA), len(rows), people, {}, ())


def _rows(evaluation: Evaluation) -> list[Row]:
    found = duckdb.execute(f"select email, mobile_ad_id from '{evaluation.path}'").fetchall()
    rows = ((None if one is None else _number(one), None if two is None else _number(two)) for one, two in found)
    return sorted(rows, key=repr)


def _identifiers(path: Path) -> set[tuple[str, int]]:
    rows = duckdb.execute(f"select identifier_type, identifier from '{path}'").fetchall()
    assert len(rows) == len(set(rows))
    return {(kind, _number(value)) for kind, value in rows}


def _named(rows: list[Row]) -> set[tuple[str, int]]:
    one = {("email", row[0]) for row in rows if row[0] is not None}
    return one | {("mobile_ad_id", row[1]) for row in rows if row[1] is not None}


@given(segment=ROWS, first=ROWS, second=ROWS)
def test_a_row_is_left_out_with_all_of_its_identifiers(
    store: DuckDBMembershipStore, folder: Path, segment: list[Row], first: list[Row], second: list[Row]
) -> None:
    evaluation = _evaluation(folder, segment)
    named = tuple(store.named(_evaluation(folder, rows)) for rows in (first, second))
    never = _named(first) | _named(second)
    kept = [row for row in segment if not _named([row]) & never]
    found = store.without(evaluation, named)
    assert _rows(found) == sorted((row for row in kept if _named([row])), key=repr)
    assert found.suppressed == len(segment) - len(kept)
    assert found.people == sum(bool(_named([row])) for row in kept)
    assert found.rows == evaluation.rows
    assert _identifiers(store.left_out(evaluation, found)) == _named(segment) - _named(kept)
    # The same with those alone who were found in some segment.
    less = store.found(named, [evaluation, _evaluation(folder, first)])
    assert _identifiers(less) == never & (_named(segment) | _named(first))
    assert _rows(store.without(evaluation, (less,))) == _rows(found)


@given(named=ROWS, before=ROWS)
def test_who_came_and_who_went_are_counted_when_it_is_written(
    store: DuckDBMembershipStore, folder: Path, named: list[Row], before: list[Row]
) -> None:
    now, last = _named(named), _named(before)
    earlier = store.named(_evaluation(folder, before))
    assert store.came_and_went(earlier, None) == (len(last), 0)
    path = store.named(_evaluation(folder, named), earlier)
    assert store.came_and_went(path, earlier) == (len(now - last), len(last - now))


@given(named=ROWS, before=ROWS)
def test_new_are_those_who_were_not_named_before(
    store: DuckDBMembershipStore, folder: Path, named: list[Row], before: list[Row]
) -> None:
    files = SuppressionFiles(*(store.named(_evaluation(folder, rows)) for rows in (named, before)))
    assert _identifiers(store.named_since(files)) == _named(named) - _named(before)
    assert _identifiers(store.named_since(SuppressionFiles(files.members))) == _named(named)
    counted = store.counted(files.members)
    assert sum(counted.values()) == len(_named(named))


def _first_runs(path: Path) -> dict[tuple[str, int], int | None]:
    rows = duckdb.execute(f"select identifier_type, identifier, first_run from '{path}'").fetchall()
    return {(kind, _number(value)): run for kind, value, run in rows}


@given(evaluations=st.lists(ROWS, min_size=1, max_size=4))
def test_who_is_named_keeps_the_run_that_saw_them_first_until_they_are_not_named_any_more(
    store: DuckDBMembershipStore, folder: Path, evaluations: list[list[Row]]
) -> None:
    last: Path | None = None
    expected: dict[tuple[str, int], int | None] = {}
    for run, rows in enumerate(evaluations, start=5):
        last = store.named(_evaluation(folder, rows), last, run)
        expected = {one: expected.get(one, run) for one in _named(rows)}
        assert _first_runs(last) == expected


def test_of_who_was_named_before_runs_were_remembered_none_is_known(store: DuckDBMembershipStore, folder: Path) -> None:
    before = folder / "of-before.parquet"
    duckdb.execute(
        f"copy (select 'email' as identifier_type, {_blob(1)} as identifier, false as unknown) to '{before}'"
    )
    named = store.named(_evaluation(folder, [(1, None), (2, None)]), before, 9)
    assert _first_runs(named) == {("email", 1): None, ("email", 2): 9}
    # Files of both kinds are read together.
    assert store.counted(store.found((named, before), [_evaluation(folder, [(2, None)])])) == {EMAIL: 1}
    assert store.counted(store.found((before, named), [_evaluation(folder, [(1, None)])])) == {EMAIL: 1}


SIDES = st.dictionaries(st.tuples(st.sampled_from([EMAIL, IDFA]), st.integers(0, 7)), st.booleans(), max_size=12)


@given(members=SIDES, named=ROWS)
def test_certain_and_unknown_members_who_are_named_leave_and_nobody_else(
    store: DuckDBMembershipStore, folder: Path, members: dict[tuple[IdentifierType, int], bool], named: list[Row]
) -> None:
    path = folder / f"members-{next(_made)}.parquet"
    values = ", ".join(f"('{kind}', {_blob(one)}, {unsure})" for (kind, one), unsure in members.items())
    rows = f"values {values}" if values else "select '', ''::blob, false limit 0"
    duckdb.execute(
        f"copy (select * from ({rows}) t(identifier_type, identifier, unknown)) to '{path}' (format parquet)"
    )
    people = store.named(_evaluation(folder, named))
    held = MembershipFiles(members=path)
    compared = store.leaving(held, (people,))
    gone = {(str(kind), one) for kind, one in members} & _named(named)
    assert sum(part.removed for part in compared.delta.values()) == len(gone)
    assert not any(part.added for part in compared.delta.values())
    for kind, part in compared.delta.items():
        assert part.before == sum(one == kind for one, _ in members)
        assert part.after == part.before - part.removed
    outbox = folder / f"outbox-{next(_made)}.parquet"
    batches = store.write_outbox(compared, outbox, 3)
    assert {str(batch.operation) for batch in batches} <= {"remove"}
    sent = _identifiers(outbox) if batches else set()
    assert sent == gone
    # And once they are taken, the others are there as before.
    after = folder / f"after-{next(_made)}.parquet"
    if batches:
        store.settle(MembershipFiles(path, outbox, frozenset(range(len(batches)))), after)
        left = duckdb.execute(f"select identifier_type, identifier, unknown from '{after}'").fetchall()
        kept = {(str(kind), one, unsure) for (kind, one), unsure in members.items() if (str(kind), one) not in gone}
        assert {(kind, _number(one), unsure) for kind, one, unsure in left} == kept


def test_everybody_named_leaves_an_audience_of_which_nothing_is_known(
    store: DuckDBMembershipStore, folder: Path
) -> None:
    people = store.named(_evaluation(folder, [(1, 2), (3, None)]))
    compared = store.everybody(MembershipFiles(), (people, people), frozenset({EMAIL}))
    outbox = folder / "everybody.parquet"
    batches = store.write_outbox(compared, outbox, 10)
    assert [(str(one.operation), str(one.identifier_type), one.identifiers) for one in batches] == [
        ("remove", "email", 2)
    ]
    assert _identifiers(outbox) == {("email", 1), ("email", 3)}


def test_where_nobody_is_to_be_added_removals_alone_are_sent(store: DuckDBMembershipStore, folder: Path) -> None:
    held = MembershipFiles(members=store.named(_evaluation(folder, [(1, None), (2, None)])))
    compared = store.compare(_evaluation(folder, [(2, None), (3, None)]), held).without_additions()
    assert (compared.delta[EMAIL].added, compared.delta[EMAIL].removed, compared.delta[EMAIL].after) == (0, 1, 1)
    outbox = folder / "removals.parquet"
    batches = store.write_outbox(compared, outbox, 10)
    assert [str(one.operation) for one in batches] == ["remove"]
    assert _identifiers(outbox) == {("email", 1)}
