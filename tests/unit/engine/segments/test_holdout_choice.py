"""Whom the query leaves out, against a naive reading of the rule in Python."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.findings import Location
from runner.core.holdout import Holdout
from runner.engine.interface import HELD_OUT, KEYLESS
from runner.engine.segments.holdout_choice import chosen_rows
from runner.engine.segments.normalize import TRIMMED
from tests.plain_duckdb import plain

BLANKS = "".join(map(chr, TRIMMED))
SHARES = st.integers(1, 999_999).map(lambda part: Fraction(part, 1_000_000))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
KEYS = (
    st.none()
    | TEXTS
    | st.integers(-(10**12), 10**12).map(str)
    | st.uuids().map(str)
    | st.uuids().map(str).map(str.upper)
)


def naively(key: str | None, name: str, share: Fraction) -> int | None:
    """Why the row of a key is left out, None where it is not."""
    text = (key or "").strip(BLANKS)
    if not text:
        return KEYLESS
    with suppress(ValueError):
        text = str(UUID(text)) if len(text) == 36 else text
    number = int(sha256(f"{name}:{text}".encode()).hexdigest()[:15], 16)
    return HELD_OUT if number < share * 16**15 else None


@settings(max_examples=40, deadline=None)
@given(st.lists(KEYS, min_size=1, max_size=60), TEXTS, SHARES)
def test_a_key_decides_as_the_rule_says(keys: list[str | None], name: str, share: Fraction) -> None:
    connection = plain()
    connection.execute("create or replace temp table segment as select unnest($1::varchar[]) as holdout_key", [keys])
    rows = chosen_rows(Holdout(share, "id", name, Location("a.yaml", 1, 1)))
    found = connection.execute(f"select holdout_key, left_out from {rows}").fetchall()
    assert found == [(key, naively(key, name, share)) for key in keys]


@pytest.mark.parametrize("share", [Fraction(1, 10), Fraction(1, 3)])
def test_a_share_of_many_keys_is_about_that_share(share: Fraction) -> None:
    rows = chosen_rows(Holdout(share, "id", "q4", Location("a.yaml", 1, 1)))
    connection = plain()
    connection.execute("create or replace temp table segment as select range as holdout_key from range(20000)")
    [(count,)] = connection.execute(f"select count(left_out) from {rows}").fetchall()
    assert abs(count - 20_000 * share) < 300
