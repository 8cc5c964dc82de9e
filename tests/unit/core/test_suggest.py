"""The nearest right word."""

from __future__ import annotations

import pytest

from runner.core.suggest import closest


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("emial", ("email", "idfa"), "email"),
        ("consent", ("marketing_consent", "country"), "marketing_consent"),
        ("Consent", ("Marketing-Consent", "country"), "Marketing-Consent"),
        ("last_purchase_date_utc", ("last_purchase", "email"), "last_purchase"),
        ("code", ("postal_code_of_home", "country_code_of_birth"), None),
        ("sent", ("marketing_consent",), None),
        ("id", ("customer_id",), None),
    ],
)
def test_is_alike_in_letters_or_the_only_one_made_of_the_same_words(
    word: str, known: tuple[str, ...], near: str | None
) -> None:
    assert closest(word, known) == near
