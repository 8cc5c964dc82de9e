"""The kinds of destination there are: a line for each. The only door into this package; opening it loads no library."""

from __future__ import annotations

from collections.abc import Mapping

from runner.core.destination import Api, DestinationKind
from runner.destinations.criteo.kinds import MARKETING_SOLUTIONS, RETAIL_MEDIA

KINDS: dict[str, DestinationKind] = {
    MARKETING_SOLUTIONS.type: MARKETING_SOLUTIONS,
    RETAIL_MEDIA.type: RETAIL_MEDIA,
}
"""By the destination's `type` in the files."""


def default_kind() -> DestinationKind:
    """The first kind: the one whose credentials are asked for where no destination is declared."""
    return next(iter(KINDS.values()))


def api_of(environ: Mapping[str, str]) -> Api:
    """The API that is spoken to: all kinds there are share one. Raises UsageError when its address cannot be meant."""
    return default_kind().api(environ)


def any_platform() -> str:
    """What sentences call the platform where it is not recorded which it was."""
    return " or ".join(dict.fromkeys(kind.platform for kind in KINDS.values()))


def platform_of(type: str) -> str:  # noqa: A002 - the field's name
    """What sentences call the platform of a type; the type itself where this version does not know it."""
    kind = KINDS.get(type)
    return kind.platform if kind is not None else type
