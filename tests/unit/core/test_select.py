"""Which activations a command looks at."""

from __future__ import annotations

import pytest

from runner.errors import UsageError
from runner.select import meant, require_known, require_matches

PAIRS = [("loyal-fr", "fr"), ("loyal-de", "de"), ("lapsed-fr", "fr")]


@pytest.mark.parametrize(
    ("patterns", "ids"),
    [
        ((), ["loyal-fr", "loyal-de", "lapsed-fr"]),
        (("loyal-fr",), ["loyal-fr"]),
        (("loyal-*",), ["loyal-fr", "loyal-de"]),
        (("destination:fr",), ["loyal-fr", "lapsed-fr"]),
        (("loyal-de", "lapsed-*"), ["loyal-de", "lapsed-fr"]),
        (("Loyal-*",), []),
    ],
)
def test_patterns_mean_ids_globs_and_destinations(patterns: tuple[str, ...], ids: list[str]) -> None:
    assert [activation for activation, destination in PAIRS if meant(activation, destination, patterns)] == ids


def test_a_pattern_that_means_nothing_is_an_error_with_the_nearest_id() -> None:
    with pytest.raises(UsageError, match="matches no activation") as caught:
        require_matches(["loyal-fr", "loyl-de"], PAIRS)
    assert caught.value.hint == 'did you mean "loyal-de"?'


def test_an_unknown_id_is_an_error() -> None:
    with pytest.raises(UsageError, match='"x"'):
        require_known({"x"}, PAIRS)
