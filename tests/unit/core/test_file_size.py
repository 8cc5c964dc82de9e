from __future__ import annotations

import pytest

from runner.core.file_size import file_size


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (12_345, "12.3 kB"),
        (999_940, "999.9 kB"),
        (999_960, "1.0 MB"),
        (36_000_000, "36.0 MB"),
        (1_500_000_000, "1.5 GB"),
        (2_048_000_000_000, "2,048.0 GB"),
    ],
)
def test_a_size_is_written_in_the_unit_that_suits_it(count: int, text: str) -> None:
    assert file_size(count) == text
