"""Who is held out of an audience, so that its effect can be measured: decided by a person's key alone.

Exact arithmetic: held out is whose key gives a number below share × 16^15, where the number is the first 15 hex digits
of the SHA-256 of `name:key`. So raising a share keeps whom it held out, and every engine decides the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from runner.core.findings import Location
from runner.quick_dataclass import dataclass, field

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

DIGITS = 15
"""Hex digits of the SHA-256 that are looked at."""


@dataclass(frozen=True, slots=True)
class Holdout:
    """A share of a segment's people that is kept out of the audience.

    `share` is more than 0 and less than 1; `by` is the segment's column with the key; `name` makes the choice one of
    its own: activations that share it hold out the same people. `location` is where the column is written.
    """

    share: Fraction
    by: str
    name: str
    location: Location = field(compare=False)

    @property
    def bound(self) -> str:
        """The least 15 hex digits, in lower case, that are not held out. As text they are in the order of numbers."""
        return f"{-(-self.share * 16**DIGITS // 1):0{DIGITS}x}"

    @property
    def percent(self) -> str:
        """The share as people write it: `12.5%`."""
        return f"{float(self.share * 100):.6f}".rstrip("0").rstrip(".") + "%"

    @property
    def data(self) -> Mapping[str, str]:
        """What a definition records."""
        return {"share": self.percent, "by": self.by, "name": self.name}

    def __str__(self) -> str:
        return f"{self.percent} by {self.by} ({self.name})"


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom a holdout chose: how many keys there are, how many of them are held out, and rows that have no key.

    `path` is the evaluator's Parquet file of the keys, each once: `key` as text, and whether it is `held_out`. It is
    valid until the evaluator is closed.
    """

    path: Path
    keys: int
    held_out: int
    without_key: int
