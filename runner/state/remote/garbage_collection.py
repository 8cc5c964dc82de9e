"""Objects of a bucket that no record points to, and never will again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from runner.state.local.state_folder import KINDS, StoredFile
from runner.state.remote.encryption import Sealing
from runner.state.remote.object_store import Listed, ObjectStore

GRACE = timedelta(days=1)
"""How long an object stays after it was written: a reader may have read its name and be about to fetch it."""


def object_name(file: StoredFile, sealing: Sealing) -> str:
    """The object of a file: its path below the state's folder, and a part that follows from its content."""
    path = PurePosixPath(file.path.replace("%", "="))  # a store may decode what follows a percent sign
    return str(path.with_name(f"{path.stem}-{sealing.tag(file.sha256)}{path.suffix}"))


def garbage(
    bucket: ObjectStore, referenced: Collection[str], serials: Mapping[str, int], now: datetime
) -> Iterator[str]:
    """The names of what can go.

    A file's serial is used once: one up to the last that was used, without a record, is never pointed to again. One
    beyond it may be on its way there, or come again under the same name, and stays.
    """
    for kind in (*KINDS, "snapshots", "steps", "probes"):
        for found in bucket.listed(f"{kind}/"):
            if found.name not in referenced and now - found.modified > GRACE and not _may_come(found, serials):
                yield found.name


def unreferenced(bucket: ObjectStore, referenced: Collection[str]) -> tuple[str, ...]:
    """The names of all objects of people that no record points to, however young: to be asked under the lock only.

    A reader that is about to fetch one of them asks again what there is.
    """
    return tuple(found.name for kind in KINDS for found in bucket.listed(f"{kind}/") if found.name not in referenced)


def _may_come(found: Listed, serials: Mapping[str, int]) -> bool:
    path = PurePosixPath(found.name)
    if path.parts[0] not in KINDS or len(path.parts) != 3:
        return False
    counter, serial = path.parts[1].replace("=", "%").casefold(), path.name.partition("-")[0]
    return not serial.isdecimal() or int(serial) > serials.get(counter, 0)
