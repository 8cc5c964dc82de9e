"""Where a history keeps its state: in the folder beside the files, or in a bucket that several machines share."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch
from uuid import uuid4

from runner.core.errors import StateError
from runner.state import machine_time
from runner.state.remote import lease
from runner.state.remote.bucket_backing import backing_at
from runner.state.remote.encryption import sealing_of
from runner.state.remote.obstore_bucket import ObstoreBucket
from runner.state.store import StateStore
from tests.object_store import ObjectStore

MACHINES = ("one", "two")
STORE_SECRET = "secret-of-the-object-store"
FATES = ("refused", "lost")
Backup = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Folder:
    """The state's folder is the state."""

    state: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def look(self) -> None:
        """What is there is there to be read."""

    def machine(self, chance: random.Random) -> dict[str, str]:
        """The environment of the machine of the next run."""
        return {}

    def trouble(self, share: float, chance: random.Random) -> AbstractContextManager[None]:
        """During a run, this share of the calls to where the state is goes without an answer."""
        return nullcontext()

    def unlock(self) -> None:
        """The lock of a dead run opens by itself."""

    def backup(self) -> Backup:
        """A copy of all that is kept."""
        return {
            str(path.relative_to(self.state)): path.read_bytes() for path in self.state.rglob("*") if path.is_file()
        }

    def restore(self, backup: Backup) -> None:
        """Put a copy in the place of what is there."""
        shutil.rmtree(self.state)
        for name, content in backup.items():
            path = self.state / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o600)

    def contents(self) -> dict[str, bytes]:
        """What is kept anywhere, by name, beyond the state's folder."""
        return {}


@dataclass(frozen=True, slots=True)
class InBucket:
    """The state's folder is a copy, made by `look`, of what is in the bucket."""

    state: Path
    store: ObjectStore
    location: str
    environment: Mapping[str, str]

    @classmethod
    def made(cls, state: Path, store: ObjectStore) -> InBucket:
        location = store.make_bucket(f"b{uuid4().hex}")
        environment = {**store.environment(), "HEADCOUNT_STATE": location, **_cache(state, "one")}
        return cls(state, store, location, environment)

    def look(self) -> None:
        """Bring every file that the records point to; a damaged one, if ever, stays away."""
        with patch.dict(os.environ, self.environment):
            backing = backing_at(self.location, _cache(self.state, "onlooker"), machine_time)
        remote = StateStore(backing)
        try:
            if backing.refresh() is None:
                return
            for audience in remote.audiences():
                with suppress(StateError):
                    remote.held(audience.record_id)
            shutil.rmtree(self.state, ignore_errors=True)
            shutil.copytree(backing.folder.path, self.state)
        finally:
            remote.close()

    def machine(self, chance: random.Random) -> dict[str, str]:
        """Either machine, which may know of the state what it was some runs ago."""
        return _cache(self.state, chance.choice(MACHINES))

    @contextmanager
    def trouble(self, share: float, chance: random.Random) -> Iterator[None]:
        """This share of the calls to the store goes without an answer, with or without effect."""
        fates = random.Random(chance.random())

        def fault(method: str, name: str) -> str:
            if fates.random() >= share:
                return ""
            return fates.choice(FATES) if method != "GET" else "refused"

        with self.store.failing(fault):
            yield

    def unlock(self) -> None:
        """Somebody says that whoever held the state is dead."""
        with patch.dict(os.environ, self.environment):
            lease.end(ObstoreBucket(self.location, sealing_of({})))

    def contents(self) -> dict[str, bytes]:
        return self.store.objects(self._bucket)

    def backup(self) -> Backup:
        """A copy of all that is kept."""
        return self.contents()

    def restore(self, backup: Backup) -> None:
        """Put a copy in the place of what is there."""
        for name in self.contents().keys() | backup.keys():
            self.put(name, backup.get(name))
        self.look()

    def put(self, name: str, content: bytes | None) -> None:
        """Make an object what somebody else's hand or a broken store makes of it; None takes it away."""
        if content is None:
            self.store.delete(self._bucket, name)
        else:
            self.store.put(self._bucket, name, content)

    @property
    def _bucket(self) -> str:
        return self.location.split("/")[2]


Place = Folder | InBucket


def newcomer(state: Path) -> dict[str, str]:
    """The environment of a machine that knows nothing of the state."""
    return _cache(state, uuid4().hex)


def _cache(state: Path, machine: str) -> dict[str, str]:
    return {"HEADCOUNT_CACHE": str(state.with_name(f"cache-{machine}"))}
