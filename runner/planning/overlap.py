"""How much of a segment other audiences hold already: counts, from which nobody can be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runner.core.identifiers import IdentifierType
from runner.core.membership import Sample
from runner.quick_dataclass import dataclass

LEAST = 10
"""Fewer identifiers in common than that are not shown: of so few, who they are could be guessed."""


@dataclass(frozen=True, slots=True)
class SharedWith:
    """What a segment and the audience of another activation have in common.

    `identifiers` is how many of the segment's the audience holds, of `among`: all that the segment has, of every type.
    `elsewhere` is the audience's account where that is not the segment's.
    """

    activation: str
    identifiers: int
    among: int
    elsewhere: str = ""

    @property
    def percent(self) -> int:
        """The share in percent, rounded; 100 is all of them and nothing less, 0 less than half a percent."""
        if self.identifiers >= self.among:
            return 100
        return min(99, round(100 * self.identifiers / self.among))


@dataclass(frozen=True, slots=True)
class Overlap:
    """A segment held against the other audiences.

    `shared` are those that hold enough of it to be shown, most of it first. `compared` is how many audiences were
    looked at; `too_late` those for which there was no time, `unreadable` those whose membership could not be read.
    `is_estimate`: only some of the segment's identifiers were looked for.
    """

    shared: tuple[SharedWith, ...] = ()
    compared: int = 0
    too_late: int = 0
    unreadable: int = 0
    is_estimate: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether every other audience was looked at."""
        return not self.too_late and not self.unreadable


def shared_with(activation: str, sample: Sample, counts: Mapping[IdentifierType, int]) -> SharedWith | None:
    """What an audience has in common with a sampled segment; None where that is too little to be shown."""
    found = sum(counts.values())
    if found < LEAST:
        return None
    identifiers = round(sum(_scaled(sample, kind, number) for kind, number in counts.items()))
    return SharedWith(activation, identifiers, sum(part.identifiers for part in sample.values()))


def _scaled(sample: Sample, kind: IdentifierType, number: int) -> float:
    """How many that means of all, where some were looked for."""
    return number * sample[kind].identifiers / max(sample[kind].taken, 1)


def in_order(shared: Iterable[SharedWith]) -> tuple[SharedWith, ...]:
    """Most of the segment first; of one activation's audiences in several accounts the one that holds most of it."""
    ordered = sorted(shared, key=lambda one: (-one.percent, -one.identifiers, one.activation))
    first: dict[str, SharedWith] = {}
    for one in ordered:
        first.setdefault(one.activation, one)
    return tuple(first.values())
