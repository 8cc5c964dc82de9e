"""What Headcount remembers between runs, and where that is kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.errors import UsageError
from runner.state.interface import State

if TYPE_CHECKING:
    from runner.state.local.whole_files import WholeFiles

__all__ = ["SCHEMES", "State", "machine_time", "open_bucket", "open_folder", "open_state"]

SCHEMES = ("s3", "gs", "az")
"""The object stores that can hold a state."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
_NO_ENVIRONMENT: Mapping[str, str] = {}


def machine_time() -> datetime:
    """This machine's clock (aware, UTC)."""
    return datetime.now(UTC)


def open_state(
    location: str | Path,
    environ: Mapping[str, str] = _NO_ENVIRONMENT,
    kept_for: timedelta | None = None,
    *,
    only_plans: bool = False,
) -> State:
    """The state at a location: a folder, or a bucket and prefix such as `s3://audiences/prod`.

    Nothing is touched before it is used. `environ` is where the key and the cache folder of a bucket's state are looked
    up. `kept_for` is how long past runs are kept by a run that begins; None where nothing is said of that. Who
    `only_plans` takes a file of a folder to be whole that was when a run looked, and was not touched since. Raises
    UsageError for what is neither, and for a bucket when the library for it is not installed.
    """
    scheme = _SCHEME.match(str(location))
    if scheme is None:
        folder = Path(location).expanduser()
        return open_folder(folder, kept_for=kept_for, whole=_whole_files(folder, environ, trusted=only_plans))
    if scheme[1].lower() not in SCHEMES:
        raise UsageError(
            f"the state cannot be kept at {scheme[1]}://",
            "name a folder, or a bucket as s3://bucket/prefix, gs://bucket/prefix or az://container/prefix",
        )
    return open_bucket(str(location), environ, kept_for=kept_for)


def open_folder(
    folder: Path,
    clock: Callable[[], datetime] = machine_time,
    *,
    kept_for: timedelta | None = None,
    whole: WholeFiles | None = None,
) -> State:
    """The state in a folder; `clock` (aware, UTC) dates the lock, `whole` notes which files were found to be whole."""
    from runner.state.local.folder_backing import FolderBacking
    from runner.state.store import StateStore

    return StateStore(FolderBacking(folder, clock, whole), kept_for)


def _whole_files(folder: Path, environ: Mapping[str, str], *, trusted: bool) -> WholeFiles | None:
    from runner.state.local.whole_files import WholeFiles
    from runner.state.remote.cache import cache_folder

    try:
        return WholeFiles(cache_folder(str(folder.absolute()), environ) / "whole-files.json", trusted=trusted)
    except RuntimeError:  # there is no home folder
        return None


def open_bucket(
    location: str,
    environ: Mapping[str, str],
    clock: Callable[[], datetime] = machine_time,
    *,
    kept_for: timedelta | None = None,
) -> State:
    """The state in a bucket. Raises UsageError for a location or a key that cannot be one."""
    from runner.state.remote.bucket_backing import backing_at
    from runner.state.store import StateStore

    return StateStore(backing_at(location, environ, clock), kept_for)
