"""Holding a state in a bucket: a lease that is renewed while its holder lives, and every write that it makes.

The lease is part of the control object, so renewing it and writing a step are the same compare-and-swap. Whether
someone else's lease has run out is judged by the store's clock alone; whether one's own may have, by this machine's
clock since the last write that succeeded was begun, and with a margin.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Event, RLock, Thread
from typing import Any
from uuid import uuid4

from runner.core.errors import Locked, LockLost, StateError
from runner.core.local_time import local_time
from runner.interruption import undisturbed
from runner.quick_dataclass import dataclass, replace
from runner.state.db.journal import JournalEntry, entries_data
from runner.state.local.lock import described
from runner.state.remote import control_object
from runner.state.remote.control_object import Control, Holder, Seen, Snapshot, Steps
from runner.state.remote.object_store import ObjectStore, Outdated, Unanswered, Version
from runner.state.state_errors import moved_away

_log = logging.getLogger("headcount.state")
_RACES = 5
"""How often a lease is tried for while others write."""

_PARTING = 10.0
"""Seconds that a run which ends badly takes at most to give the state back."""

_ASK_AGAIN = 0.3
"""Seconds after which a store that did not say who holds the state is asked again."""

_GO_ON = "this run sends nothing more; the next one goes on from what is recorded"

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A clock that goes on while the machine sleeps, where there is one."""


@dataclass(frozen=True, slots=True)
class LeaseTimings:
    """In seconds: how long a lease lasts, how often it is renewed, how long before its end its holder gives up."""

    lasts: float = 45.0
    beat: float = 10.0
    margin: float = 10.0


class Lease:
    """The state, held. May be used by several threads."""

    def __init__(self, bucket: ObjectStore, held: Control, version: Version, began: float, terms: LeaseTimings) -> None:
        self._bucket, self._terms = bucket, terms
        self._control, self._version = held, version
        self._renewed = self._confirmed = began
        self._waiting: list[JournalEntry] = []
        self._postponed = 0
        self._lost: LockLost | None = None
        self._turn = RLock()
        self._ended = Event()
        self._heart = Thread(target=self._beat, name="lease", daemon=True)

    @property
    def control(self) -> Control:
        return self._control

    @property
    def steps(self) -> int:
        """How many steps led to the state as this holder knows it, those that are yet to be written included."""
        with self._turn:
            return self._control.steps + len(self._waiting)

    @property
    def journal(self) -> tuple[JournalEntry, ...]:
        """The steps that are in no object of their own, those that are yet to be written included."""
        with self._turn:
            return (*self._control.journal, *self._waiting)

    def start(self) -> None:
        """Renew the lease from now on."""
        self._heart.start()

    def require(self) -> None:
        """Raise LockLost when someone else may hold the state by now."""
        if self._lost is not None:
            raise self._lost
        if _now() - self._renewed > self._terms.lasts - self._terms.margin:
            self._lose("the lease on the state could not be renewed in time, and another run may hold it now")

    def confirm(self, within: float) -> None:
        """Raise LockLost unless the store itself says that this run holds the state, now or `within` seconds ago.

        Without an answer the store is asked again until the lease may have ended.
        """
        self.require()
        while _now() - self._confirmed > within:
            began = _now()
            with suppress(Unanswered), self._turn:
                found = self._bucket.look(control_object.NAME)
                if found is None or found[0] != self._version:
                    self._look_up(self._control)
                self._confirmed = max(began, self._confirmed)
                return
            self._ended.wait(_ASK_AGAIN)
            self.require()

    def defer(self, step: JournalEntry) -> None:
        """A step of which nothing is lost when it is written with the next one."""
        self.require()
        with self._turn:
            self._waiting.append(step)

    def write(self, step: JournalEntry) -> None:
        """The step is part of the state when this returns, and is not when it raises."""
        self.require()
        with self._turn:
            self._swap(lambda now: now.next(journal=(*now.journal, *self._waiting, step)))
            self._waiting.clear()

    def snapshot(self, taken: Snapshot) -> None:
        """From now on the state is a snapshot, and the steps after it."""

        self._shorten(taken.steps, snapshot=taken, stored=())

    def store_steps(self, stored: tuple[Steps, ...]) -> None:
        """From now on so many of the steps since the snapshot are in objects of their own."""
        with self._turn:
            before = self._control.snapshot.steps if self._control.snapshot else 0
            self._shorten(before + sum(one.steps for one in stored), stored=stored)

    def _shorten(self, upto: int, **changes: Any) -> None:
        """The journal is without the steps up to that one."""
        self.require()
        with self._turn:
            rest = self.journal[upto - self._control.steps_before :]
            self._swap(lambda now: now.next(journal=rest, **changes))
            self._waiting.clear()
            self._postponed = 0

    def is_long(self, limit: int) -> bool:
        """Whether the journal has grown by so many bytes since it was shortened, or since that was last tried."""
        return self._length() - self._postponed >= limit

    def postpone(self) -> None:
        """The journal is not long until it has grown again."""
        self._postponed = self._length()

    def _length(self) -> int:
        return len(json.dumps(entries_data(self.journal)))

    def replace(self, taken: Snapshot) -> None:
        """The state is a snapshot of another one from now on."""
        self.require()
        with self._turn:
            self._swap(lambda now: now.next(snapshot=taken, stored=(), journal=(), moved_to=""))
            self._waiting.clear()

    def move(self, location: str) -> None:
        """The state is elsewhere from now on."""
        with self._turn:
            self._swap(lambda now: now.next(moved_to=location))

    def release(self) -> None:
        """Write what is yet to be written and give the state back. Raises LockLost, StateError."""
        self.stop()
        self.require()
        with self._turn:
            self._swap(lambda now: now.next(journal=(*now.journal, *self._waiting), holder=None))

    def abandon(self) -> None:
        """Give the state back after something went wrong; when that goes wrong too, the lease runs out by itself.

        One more Ctrl-C waits for that, but no longer than some seconds: the store may be what went wrong.
        """
        giving_back = Thread(target=self._give_back, name="lease", daemon=True)
        with undisturbed():
            giving_back.start()
            giving_back.join(_PARTING)

    def _give_back(self) -> None:
        self.stop()
        with suppress(StateError):
            for _ in range(_RACES):  # a call that nobody waits for any more may still mark itself
                seen = control_object.read(self._bucket)
                if seen is None or seen.control.epoch != self._control.epoch:
                    return
                ours = seen.control.write == self._control.write
                waiting = self._waiting if ours and self._lost is None else []
                new = seen.control.next(journal=(*seen.control.journal, *waiting), holder=None)
                with suppress(Outdated):
                    self._bucket.replace(control_object.NAME, control_object.encoded(new), seen.version)
                    return

    def give_up(self, message: str) -> None:
        """Go on no more: what this run knows and what is written are no longer the same."""
        self._lost = LockLost(message, _GO_ON)

    def stop(self) -> None:
        """Renew the lease no more."""
        self._ended.set()
        if self._heart.is_alive():
            self._heart.join()

    def _beat(self) -> None:
        while not self._ended.wait(self._terms.beat):
            # What is lost here is reported to the thread that sends next.
            with suppress(StateError):
                self.require()
                with self._turn:
                    waiting = tuple(self._waiting)
                    self._swap(lambda now: now.next(journal=(*now.journal, *waiting)))  # noqa: B023 - called at once
                    del self._waiting[: len(waiting)]
            if self._lost is not None:
                _log.warning("%s", self._lost.message)
                return

    def _swap(self, follow: Callable[[Control], Control]) -> None:
        """Replace the control object; a write without an answer is looked up before it is tried again."""
        new = follow(self._control)
        content = control_object.encoded(new)
        began, pause = _now(), 0.1
        while True:
            self.require()
            try:
                self._version = self._bucket.replace(control_object.NAME, content, self._version)
            except Outdated:
                self._look_up(new)
            except Unanswered as failure:
                _log.info("%s; trying again", failure.message)
                self._ended.wait(pause) if self._heart.ident is not None else time.sleep(pause)
                pause = min(2 * pause, 2.0)
                with suppress(Unanswered):
                    self._look_up(new)
            else:
                self._control = new
            if self._control.write == new.write:
                self._renewed = self._confirmed = began
                return

    def _look_up(self, new: Control) -> None:
        """Whether a write took effect after all. Raises LockLost when someone else has written."""
        seen = control_object.read(self._bucket)
        if seen is not None and seen.control.write == new.write:
            self._control, self._version = new, seen.version
        elif seen is None or seen.control.write != self._control.write:
            self._lose(_took_over(seen))

    def _lose(self, message: str) -> None:
        self.give_up(message)
        assert self._lost is not None
        raise self._lost


def acquire(
    bucket: ObjectStore, command: str, clock: Callable[[], datetime], terms: LeaseTimings, *, force: bool = False
) -> Lease:
    """Take the lease on a state, begun here if it is new. Raises Locked, naming the holder, StateError.

    With `force` one that cannot be read, or that was moved away, is taken as well.
    """
    holder = Holder(uuid4().hex, command, socket.gethostname(), os.getpid(), clock().isoformat())
    for _ in range(_RACES):
        began = _now()
        seen = _seen_or_ruin(bucket) if force else control_object.read(bucket)
        if seen is None:
            new = replace(control_object.first(), epoch=1, holder=holder)
        else:
            if not force:
                require_here(seen.control, bucket)
            if is_held(bucket, seen, terms):
                raise _locked(seen.control.holder, clock())
            new = seen.control.next(epoch=seen.control.epoch + 1, holder=holder)
        version = _won(bucket, seen, new)
        if version is not None:
            return Lease(bucket, new, version, began, terms)
    raise Locked("other runs are taking the state at the same time", "run again in a moment")


def _seen_or_ruin(bucket: ObjectStore) -> Seen | None:
    """The control object, or one without content in the place of what cannot be read."""
    try:
        return control_object.read(bucket)
    except Unanswered:
        raise
    except StateError:
        ruin = bucket.look(control_object.NAME)
        return Seen(control_object.first(), *ruin) if ruin is not None else None


def _won(bucket: ObjectStore, seen: Seen | None, new: Control) -> Version | None:
    content = control_object.encoded(new)
    try:
        if seen is None:
            return bucket.create(control_object.NAME, content)
        return bucket.replace(control_object.NAME, content, seen.version)
    except (Outdated, Unanswered):
        found = control_object.read(bucket)
        return found.version if found is not None and found.control.write == new.write else None


def is_held(bucket: ObjectStore, seen: Seen, terms: LeaseTimings) -> bool:
    """Whether someone holds the state whose lease has not run out by the store's clock, which tells whole seconds."""
    if seen.control.holder is None:
        return False
    return bucket.now() - seen.modified <= timedelta(seconds=terms.lasts + 1)


def end(bucket: ObjectStore) -> Holder | None:
    """Take the state away from the run that holds it; gives the holder. What that run still writes has no effect."""
    for _ in range(_RACES):
        seen = control_object.read(bucket)
        if seen is None or seen.control.holder is None:
            return None
        new = seen.control.next(epoch=seen.control.epoch + 1, holder=None)
        if _won(bucket, seen, new) is not None:
            return seen.control.holder
    raise Locked("the state is being written by its holder all the time", "run again in a moment")


def require_here(now: Control, bucket: ObjectStore) -> None:
    """Raise StateError for a state that was moved elsewhere."""
    if now.moved_to:
        raise moved_away(bucket.location, now.moved_to)


def holder_of(seen: Seen, now: datetime) -> str:
    """Who holds the state, in words; empty when nobody does."""
    holder = seen.control.holder
    if holder is None:
        return ""
    since = datetime.fromisoformat(holder.since)
    who = described(holder.command, holder.pid, holder.host, since, now)
    return f"{who}, lease renewed {local_time(seen.modified, seconds=True)}"


def _locked(holder: Holder | None, now: datetime) -> Locked:
    assert holder is not None
    since = datetime.fromisoformat(holder.since)
    return Locked(
        f"another run holds the state: {described(holder.command, holder.pid, holder.host, since, now)}",
        "wait until it has ended; when it has died, the lock opens by itself within a minute",
        since,
    )


def _took_over(seen: Seen | None) -> str:
    if seen is None:
        return "the state was removed while this run held it"
    holder = seen.control.holder
    if holder is None:
        return "the lease of this run was ended, by `headcount state unlock` or by another run since"
    return f"another run took over the state: {holder.command}, process {holder.pid} on host {holder.host}"


def _now() -> float:
    return time.clock_gettime(_CLOCK)
