"""Why a saved plan is stale, for people: a line for everything that is not as it was."""

from __future__ import annotations

from collections.abc import Iterator

from runner.planning.staleness import Deviation
from runner.reports.escape import printable

SHOWN = 50
"""Lines; whoever changed more than that needs no list."""


def stale_lines(differences: tuple[Deviation, ...]) -> Iterator[str]:
    """One line per difference, what was planned before what is now."""
    for part in differences[:SHOWN]:
        what = f" {part.what}" if part.what else ""
        yield printable(f"{part.id}{what}: planned {_short(part, part.planned)}, now {_short(part, part.now)}")
    if len(differences) > SHOWN:
        yield f"and {len(differences) - SHOWN:,} more"


def _short(part: Deviation, text: str) -> str:
    if part.what.endswith(" sql"):
        return text[:12]
    return f'"{text}"' if part.what else text
