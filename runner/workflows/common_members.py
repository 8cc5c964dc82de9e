"""What audiences have in common, exactly, for as many of them as can be compared in a few seconds."""

from __future__ import annotations

from collections.abc import Sequence

from runner.core.errors import StateError
from runner.core.membership import MembershipFiles
from runner.engine.interface import MembershipStore
from runner.planning.overlap import LEAST
from runner.quick_dataclass import dataclass
from runner.state.interface import State
from runner.workflows.status import ActivationStatus

MOST_IDENTIFIERS = 10_000_000
"""How many identifiers, over all audiences, are compared: some seconds' work. Small audiences are compared first."""

MOST_AUDIENCES = 400
"""How many audiences are compared: their pairs are 80,000."""


@dataclass(frozen=True, slots=True)
class InCommon:
    """What an audience has in common with others: places of audiences and how many identifiers both hold, most first.

    `few` is how many others have at least one in common and too few to be shown. `left_out` are the places of those
    that it was not compared with: too large, or not to be read. `looked` is false where nothing was compared.
    """

    shared: tuple[tuple[int, int], ...] = ()
    few: int = 0
    left_out: tuple[int, ...] = ()
    looked: bool = True


NOT_LOOKED_FOR = InCommon(looked=False)
"""Nobody looked."""


def common_members(
    statuses: Sequence[ActivationStatus], state: State, memberships: MembershipStore
) -> tuple[InCommon, ...]:
    """What each audience has in common with each other one, in their order."""
    held: dict[int, MembershipFiles] = {}
    left_out: list[int] = []
    total = 0
    for place in sorted(range(len(statuses)), key=lambda place: _members(statuses[place])):
        record, size = statuses[place].applied, _members(statuses[place])
        if record is None or not size:
            continue
        total += size
        if total > MOST_IDENTIFIERS or len(held) >= MOST_AUDIENCES:
            left_out.append(place)
            continue
        try:
            held[place] = state.held(record.record_id)
        except StateError:  # damaged, or a run has moved on: what is shown is about the others
            left_out.append(place)
    places = list(held)
    try:
        counts = memberships.pairwise([held[place] for place in places])
    except StateError:
        return (NOT_LOOKED_FOR,) * len(statuses)
    shared: dict[int, list[tuple[int, int]]] = {place: [] for place in places}
    for (first, second), count in counts.items():
        shared[places[first]].append((places[second], count))
        shared[places[second]].append((places[first], count))
    return tuple(_of(shared.get(place), sorted(left_out)) for place in range(len(statuses)))


def _members(status: ActivationStatus) -> int:
    return sum(status.applied.members.values()) if status.applied is not None else 0


def _of(mine: list[tuple[int, int]] | None, left_out: list[int]) -> InCommon:
    if mine is None:
        return NOT_LOOKED_FOR
    shown = sorted((one for one in mine if one[1] >= LEAST), key=lambda one: (-one[1], one[0]))
    return InCommon(tuple(shown), len(mine) - len(shown), tuple(left_out))
