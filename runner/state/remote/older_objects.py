"""Which older versions of a state's objects still hold people: each is read, and looked through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path

from runner.core.errors import HeadcountError, StateError
from runner.core.older_versions import HowKnown, OlderVersions, OldVersion
from runner.state.local.state_folder import KINDS
from runner.state.remote.object_store import ListedVersion, ObjectStore
from runner.state.state_errors import file_faults

LOOKED_THROUGH = 4_000_000_000
"""Bytes of older versions that are read at most, the newest first: what is left may hold people, or not."""


def older_versions(store: ObjectStore, scratch: Path, holds: Callable[[Path], bool]) -> OlderVersions:
    """Those that hold somebody, as `holds` says of a file, which is made at `scratch` and does not stay there."""
    places = tuple(f"{store.location}/{kind}/" for kind in KINDS)
    keeps: bool | None = None
    try:
        keeps = store.keeps_versions()
        # Also where none is made any more: a bucket that made some until somebody suspended that has them still.
        listed = [one for kind in KINDS for one in store.noncurrent(f"{kind}/")]
    except HeadcountError as error:
        if keeps is False:
            return OlderVersions(HowKnown.NONE_KEPT, store.location)
        return OlderVersions(HowKnown.NOT_LISTED, store.location, places, why=error.message, hint=error.hint)
    if keeps is False and not listed:
        return OlderVersions(HowKnown.NONE_KEPT, store.location)
    listed.sort(key=attrgetter("written"), reverse=True)
    holding = tuple(_holding(store, listed, scratch, holds))
    return OlderVersions(HowKnown.LISTED, store.location, places, holding, endpoint=store.endpoint)


def _holding(
    store: ObjectStore, listed: list[ListedVersion], scratch: Path, holds: Callable[[Path], bool]
) -> Iterator[OldVersion]:
    left = LOOKED_THROUGH
    for one in listed:
        left -= one.size
        found = None if left < 0 else _looked_through(store, one, scratch, holds)
        if found is not False:
            yield OldVersion(one.name, one.version, one.written, is_certain=found is True)


def _looked_through(
    store: ObjectStore, one: ListedVersion, scratch: Path, holds: Callable[[Path], bool]
) -> bool | None:
    """Whether a version holds somebody; None where it cannot be read."""
    try:
        with file_faults(scratch), scratch.open("wb") as file:
            for part in store.download(one.name, "", one.version):
                file.write(part)
        return holds(scratch)
    except StateError:
        return None
    finally:
        scratch.unlink(missing_ok=True)
