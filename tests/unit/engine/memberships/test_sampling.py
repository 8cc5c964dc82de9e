"""Of a large segment some identifiers are looked for, the same ones in every audience."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, MembershipFiles, TypeDelta
from runner.engine.memberships.sampling import sampled, shared
from tests.plain_duckdb import plain

EMAIL = IdentifierType.EMAIL


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "sample").mkdir()
    return tmp_path  # type: ignore[return-value]


def segment_of(folder: Path, people: int) -> ComparedMembership:
    """What a segment of the people 0, 1, ... comes to, compared with nobody."""
    path = folder / f"segment-{people}.parquet"
    plain().execute(
        f"copy (select unhex(sha256(range::varchar)) as identifier, 1 as side from range({people})) to '{path}'"
    )
    return ComparedMembership(MembershipFiles(), {EMAIL: TypeDelta(0, people, people, 0)}, {EMAIL: (path,)})


def audience_of(folder: Path, first: int, last: int) -> MembershipFiles:
    path = folder / f"members-{first}-{last}.parquet"
    plain().execute(
        f"copy (select 'email' as identifier_type, unhex(sha256(range::varchar)) as identifier, false as unknown "
        f"from range({first}, {last})) to '{path}'"
    )
    return MembershipFiles(path, counts={EMAIL: (last - first, 0)})


def test_up_to_the_limit_the_count_is_exact(files: Path) -> None:
    sample = sampled(plain(), segment_of(files, 1000), files / "sample", most=1000)
    assert (sample[EMAIL].taken, sample[EMAIL].one_in) == (1000, 1)
    assert shared(plain(), sample, audience_of(files, 370, 5000)) == {EMAIL: 630}


def test_beyond_it_one_identifier_in_some_is_taken_and_the_share_stays_about_right(files: Path) -> None:
    sample = sampled(plain(), segment_of(files, 40_000), files / "sample", most=10_000)[EMAIL]
    assert sample.one_in == 4
    assert 9_000 < sample.taken < 11_000
    found = shared(plain(), {EMAIL: sample}, audience_of(files, 0, 25_200))[EMAIL]
    assert abs(found / sample.taken - 0.63) < 0.03


def test_an_audience_with_nobody_of_a_type_has_no_count_of_it(files: Path) -> None:
    sample = sampled(plain(), segment_of(files, 10), files / "sample")
    assert shared(plain(), sample, MembershipFiles()) == {}


def test_a_segment_of_nobody_is_looked_for_nowhere(files: Path) -> None:
    assert sampled(plain(), segment_of(files, 0), files / "sample") == {}
