from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.core.unprintable import code_point, first_unprintable, without_unprintable


@given(st.text())
def test_what_is_replaced_can_be_printed(text: str) -> None:
    clean = without_unprintable(text)
    assert first_unprintable(clean) is None
    assert len(clean) == len(text)
    assert (clean == text) == (first_unprintable(text) is None)


def test_the_first_is_named() -> None:
    text = "Loyal \u202e\x1b"
    at = first_unprintable(text)
    assert at is not None
    assert (at, code_point(text, at)) == (6, "U+202E")
    assert first_unprintable("Käufer\tin\nFR") is None
