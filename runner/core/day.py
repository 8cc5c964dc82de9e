"""What is remembered of a day in the past: sums of what was done, and how a segment and its audience last stood."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from runner.core.identifiers import IdentifierType
from runner.core.membership import Evaluation, Rejected
from runner.quick_dataclass import dataclass, field


@dataclass(frozen=True, slots=True)
class WayDown:
    """From the rows of a segment to its identifiers, as counts (see Evaluation for what each of them is)."""

    rows: int
    held_out: int
    without_key: int
    suppressed: int
    people: int
    identifiers: Mapping[str, int] = field(default_factory=dict)
    rejected: tuple[Rejected, ...] = ()

    @classmethod
    def of(cls, evaluation: Evaluation, identifiers: Mapping[IdentifierType, int]) -> WayDown:
        """That of a segment, which has so many distinct identifiers of each type."""
        counts = {str(kind): count for kind, count in identifiers.items() if count}
        parts = (evaluation.rows, evaluation.held_out, evaluation.without_key, evaluation.suppressed, evaluation.people)
        return cls(*parts, counts, evaluation.rejected)

    @property
    def unusable(self) -> int:
        """The rows without a single identifier that can be sent, though nothing else keeps them out."""
        return self.rows - self.held_out - self.without_key - self.suppressed - self.people


@dataclass(frozen=True, slots=True)
class Counted:
    """What a destination said it counts of an audience: identifiers, and those that it matched with people of its own.

    None for what it did not say. It lags behind by hours.
    """

    at: datetime
    identifiers: int | None
    matches: int | None

    @property
    def match_rate(self) -> float | None:
        """The share that it matched; None where it did not say, or counts nobody."""
        if self.matches is None or not self.identifiers:
            return None
        return self.matches / self.identifiers


@dataclass(frozen=True, slots=True)
class Note:
    """What is written down of an activation once a day: its members, and what is new of the rest."""

    members: int
    way: WayDown | None = None
    counted: Counted | None = None


@dataclass(frozen=True, slots=True)
class PastDay:
    """One activation on one day (in UTC). The sums are those of runs that are not kept one by one any more.

    `members` is how many the audience had at the end; None where that is not known. `way` and `counted` are the last
    ones of the day, where something was new then.
    """

    activation: str
    day: date
    runs: int = 0
    added: int = 0
    removed: int = 0
    rejected: int = 0
    invalid: int = 0
    members: int | None = None
    way: WayDown | None = None
    counted: Counted | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """Every day that is remembered. Runs before the one with the id `added_up_to` are in its sums, no others are."""

    days: tuple[PastDay, ...] = ()
    added_up_to: int = 0
