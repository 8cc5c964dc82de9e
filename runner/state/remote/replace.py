"""A state in a bucket that becomes what another one is, in one write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runner.core.errors import StateError
from runner.state.contents import files_of
from runner.state.local.local_state import LocalState
from runner.state.remote import lease
from runner.state.remote.garbage_collection import object_name
from runner.state.remote.lease import Lease
from runner.state.remote.object_store import Unanswered
from runner.state.remote.remote_state import RemoteState


class Adoption:
    """A state that is held in order to be replaced."""

    def __init__(self, state: RemoteState, held: Lease) -> None:
        self._state, self._held = state, held

    def of(self, source: LocalState) -> None:
        """Become what another state is, which must be held as well."""
        copy = self._state.scratch("adopted.tmp")
        source.copy_database(copy)
        for file in files_of(copy):
            self._state.bucket.upload(object_name(file, self._state.bucket.sealing), source.file(file))
        self._held.replace(self._state.stored(copy, self._held.control.epoch, self._held.steps + 1))


@contextmanager
def to_be_replaced(state: RemoteState, command: str, *, force: bool) -> Iterator[Adoption]:
    """Hold a state; with `force`, also one that is damaged or was moved away."""
    held = lease.acquire(state.bucket, command, state.clock, state.terms, force=force)
    held.start()
    try:
        yield Adoption(state, held)
    except BaseException:
        held.abandon()
        raise
    else:
        held.release()
    finally:
        state.forget_what_was_read()


def is_readable(state: RemoteState) -> bool:
    """Whether the state that is here can be read. Raises StateError when the store does not answer."""
    try:
        state.audiences()
    except Unanswered:
        raise
    except StateError:
        return False
    return True
