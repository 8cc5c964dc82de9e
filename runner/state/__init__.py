"""What Headcount remembers between runs, and where that is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from runner.core.errors import UsageError
from runner.state.interface import State

__all__ = ["SCHEMES", "State", "open_state"]

SCHEMES = ("s3", "gs", "az")
"""The object stores that can hold a state."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
_NO_ENVIRONMENT: Mapping[str, str] = {}


def open_state(location: str | Path, environ: Mapping[str, str] = _NO_ENVIRONMENT) -> State:
    """The state at a location: a folder, or a bucket and prefix such as `s3://audiences/prod`.

    Nothing is touched before it is used. `environ` is where the key and the cache folder of a bucket's state are looked
    up. Raises UsageError for what is neither, and for a bucket when the library for it is not installed.
    """
    scheme = _SCHEME.match(str(location))
    if scheme is None:
        from runner.state.local.local_state import LocalState

        return LocalState(Path(location).expanduser())
    if scheme[1].lower() not in SCHEMES:
        raise UsageError(
            f"the state cannot be kept at {scheme[1]}://",
            "name a folder, or a bucket as s3://bucket/prefix, gs://bucket/prefix or az://container/prefix",
        )
    from runner.state.remote.remote_state import RemoteState

    return RemoteState(str(location), environ)
