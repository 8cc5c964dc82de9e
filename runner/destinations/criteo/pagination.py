"""Reading a search to its end, though others change the account meanwhile.

Criteo pages by item offset and promises no order, so an audience that is made or deleted between two pages can push
another one over the edge of a page. One that was missed would be taken for deleted, so this is suspicious.
"""

from __future__ import annotations

from collections.abc import Callable

from runner.core.errors import DestinationError
from runner.destinations.criteo.error_envelope import Envelope
from runner.destinations.criteo.payloads import Item, items, total
from runner.quick_dataclass import dataclass

READINGS = 5


@dataclass(frozen=True, slots=True)
class _Reading:
    """`found` by id; `whole` when every page gave the same total and that many items came."""

    found: dict[str, Item]
    total: int | None
    whole: bool


def read_all(page: Callable[[int], Envelope], size: int, what: str = "audiences") -> tuple[Item, ...]:
    """Every item, once. `page` makes the call for the page at an offset; `size` is the length of a full page and `what`
    the items' name.

    A reading that does not add up is repeated; two that agree are believed. Raises DestinationError after five.
    """
    before: _Reading | None = None
    for _ in range(READINGS):
        reading = _read(page, size, what)
        if reading.whole or (
            before is not None and reading.found.keys() == before.found.keys() and reading.total == before.total
        ):
            return tuple(reading.found.values())
        before = reading
    raise DestinationError(
        f"the list of the {what} changed during each of {READINGS} readings",
        f"someone or something else is making or deleting {what}: run the command again later",
    )


def _read(page: Callable[[int], Envelope], size: int, what: str) -> _Reading:
    found: dict[str, Item] = {}
    totals: set[int | None] = set()
    offset = 0
    while True:
        answer = page(offset)
        entries = items(answer)
        totals.add(total(answer))
        if any(not entry.id for entry in entries):
            raise DestinationError(f"Criteo's list of the {what} holds an entry without id")
        news = [entry for entry in entries if entry.id not in found]
        found.update((entry.id, entry) for entry in news)
        offset += len(entries)
        if not news or _at_end(offset, len(entries), size, total(answer)):
            break
    last = next(iter(totals)) if len(totals) == 1 else None
    return _Reading(found, last, whole=len(totals) == 1 and last in (None, len(found)))


def _at_end(offset: int, length: int, size: int, stated: int | None) -> bool:
    return length < size if stated is None else offset >= stated
