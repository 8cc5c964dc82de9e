"""Who is held out: exact arithmetic on the digits of a hash."""

from __future__ import annotations

from fractions import Fraction
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.findings import Location
from runner.core.holdout import DIGITS, Holdout

HERE = Location("a.yaml", 1, 1)
SHARES = st.integers(1, 99_999_999).map(lambda part: Fraction(part, 100_000_000))


def holdout(share: Fraction) -> Holdout:
    return Holdout(share, "customer_id", "q4", HERE)


def digits(key: str) -> str:
    return sha256(f"q4:{key}".encode()).hexdigest()[:DIGITS]


@given(SHARES, st.text(max_size=20))
def test_the_text_of_the_digits_says_what_their_number_says(share: Fraction, key: str) -> None:
    assert (digits(key) < holdout(share).bound) == (int(digits(key), 16) < share * 16**DIGITS)


@given(SHARES, SHARES, st.text(max_size=20))
def test_a_greater_share_keeps_whom_a_smaller_one_held_out(one: Fraction, other: Fraction, key: str) -> None:
    less, more = sorted((one, other))
    assert digits(key) >= holdout(less).bound or digits(key) < holdout(more).bound


@pytest.mark.parametrize(
    ("share", "bound"),
    [
        (Fraction(1, 10), "19999999999999a"),
        (Fraction(1, 2), "800000000000000"),
        (Fraction(1, 16**15), "000000000000001"),
    ],
)
def test_the_bound_is_the_share_of_all_numbers_of_fifteen_digits(share: Fraction, bound: str) -> None:
    assert holdout(share).bound == bound


@pytest.mark.parametrize(
    ("share", "shown"), [(Fraction(1, 10), "10%"), (Fraction(1, 8), "12.5%"), (Fraction(1, 10**8), "0.000001%")]
)
def test_a_share_is_shown_as_it_is_written(share: Fraction, shown: str) -> None:
    assert holdout(share).percent == shown
