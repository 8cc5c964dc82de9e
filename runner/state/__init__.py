"""What Headcount remembers between runs, and where that is kept."""

from __future__ import annotations

import re
from pathlib import Path

from runner.errors import UsageError
from runner.state.interface import State

__all__ = ["State", "open_state"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")


def open_state(location: str | Path) -> State:
    """The state at a location; nothing is touched before it is used. Raises UsageError for what is no folder."""
    scheme = _SCHEME.match(str(location))
    if scheme:
        raise UsageError(
            f"the state cannot be kept at {scheme[1]}:// yet",
            "name a local folder with HEADCOUNT_STATE, by default .headcount beside the activations folder",
        )
    from runner.state.local import LocalState

    return LocalState(Path(location).expanduser())
