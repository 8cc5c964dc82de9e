"""Whether a number is beyond a limit, and from where on the built-in limits count."""

from __future__ import annotations

from runner.core.project import Limit

SMALL = 1_000
"""The built-in limit leaves memberships below this many identifiers alone: a share of few is noise."""


def exceeds(part: int, whole: int, limit: Limit | None) -> bool:
    """Whether `part` of `whole` is beyond the limit; nothing is beyond one that is switched off."""
    if limit is None:
        return False
    return part * 100 > limit.value * whole if limit.percent else part > limit.value
