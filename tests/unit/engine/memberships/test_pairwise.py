"""What audiences have in common is counted exactly, however it is portioned."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from runner.core.identifiers import IdentifierType
from runner.core.membership import MembershipFiles
from runner.engine.memberships.pairwise import pairwise
from tests.plain_duckdb import plain

EMAIL, AD_ID = IdentifierType.EMAIL, IdentifierType.MOBILE_AD_ID


def audience_of(folder: Path, emails: set[int], ad_ids: set[int] = frozenset()) -> MembershipFiles:  # type: ignore[assignment]
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    rows = [("email", one) for one in sorted(emails)] + [("mobile_ad_id", one) for one in sorted(ad_ids)]
    values = ", ".join(f"('{kind}', unhex(sha256('{one}')), {str(one % 2 == 0).lower()})" for kind, one in rows)
    none = "select 'email', ''::blob, false where false"
    plain().execute(
        f"copy (select * from ({f'values {values}' if rows else none}) t(identifier_type, identifier, unknown)) "
        f"to '{path}'"
    )
    counts = {kind: (len(some), 0) for kind, some in ((EMAIL, emails), (AD_ID, ad_ids)) if some}
    return MembershipFiles(path, counts=counts)


@pytest.mark.parametrize("at_once", [2_000_000, 7])
def test_each_two_audiences_are_counted_over_all_types_and_portions(tmp_path: Path, at_once: int) -> None:
    emails = [set(range(40)), set(range(20, 60)), set(range(0, 60, 3)), {99}]
    ad_ids = [set(range(5)), set(range(3, 9)), set(), set()]
    held = [audience_of(tmp_path, *both) for both in zip(emails, ad_ids, strict=True)]
    expected = {
        (a, b): len(emails[a] & emails[b]) + len(ad_ids[a] & ad_ids[b])
        for a, b in combinations(range(4), 2)
        if emails[a] & emails[b] or ad_ids[a] & ad_ids[b]
    }
    assert pairwise(plain(), held, at_once) == expected


def test_an_audience_without_files_has_nobody_in_common(tmp_path: Path) -> None:
    assert pairwise(plain(), [MembershipFiles(), audience_of(tmp_path, {1, 2})]) == {}
