"""Dies at every step of a state's life, in processes of its own, and checks what is left each time.

Run as `python -m tests.unit.state.every_death FOLDER`: a process without threads, so that it can fork. A child lives
the whole life below and is killed (SIGKILL) before its n-th call into SQLite or into the operating system's files; the
parent then opens what is left as the next run would.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runner.core.destination import Accepted
from runner.core.identifiers import IdentifierType, Operation
from runner.core.membership import Batch, SettledMembership
from runner.core.records import ActivationRun, Definition, Outcome
from runner.state import open_folder
from runner.state.store import StateStore

AT = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
EMAIL = IdentifierType.EMAIL
BATCHES = (Batch(0, Operation.REMOVE, EMAIL, 1), Batch(1, Operation.ADD, EMAIL, 1))
DEFINITION = Definition("Loyal", "", {"email": "mail"}, "fingerprint")
DEADLY = {
    "write",
    "execute",
    "executemany",
    "fsync",
    "rename",
    "replace",
    "unlink",
    "chmod",
    "mkdir",
    "flock",
    "open",
    "close",
}
LOYAL, NEW = 1, 2
"""The keys that the two audiences are given."""

Step = Callable[[StateStore], Any]


def _open(state: StateStore, key: int) -> None:
    def write(path: Path) -> tuple[Batch, ...]:
        path.write_bytes(b"a delta")
        return BATCHES

    state.open_delta(key, write)


def _close(state: StateStore, key: int, count: int, *, changes_only: bool = False) -> None:
    def write(path: Path) -> SettledMembership:
        path.write_bytes(b"a membership of %d" % count)
        return SettledMembership({EMAIL: count}, {EMAIL: 1}, changes_only)

    state.close_delta(key, write)


LIFE: tuple[Step, ...] = (
    lambda state: state.begin_run("apply", AT),
    lambda state: state.intend("loyal", "criteo-fr", "criteo", "1", DEFINITION, AT),
    lambda state: state.created(LOYAL, "900"),
    lambda state: state.define(LOYAL, DEFINITION, "criteo-fr", AT),
    lambda state: _open(state, LOYAL),
    lambda state: state.mark_in_flight(LOYAL, 0),
    lambda state: state.mark_taken(LOYAL, 0, Accepted(1, 1)),
    lambda state: state.mark_in_flight(LOYAL, 1),
    lambda state: _close(state, LOYAL, 1),
    lambda state: _open(state, LOYAL),
    lambda state: _close(state, LOYAL, 2, changes_only=True),
    lambda state: state.imported("new", "criteo-fr", "criteo", "1", "901", AT),
    lambda state: state.cleared(NEW),
    lambda state: _open(state, NEW),
    lambda state: state.require_refill(NEW),
    lambda state: state.cleared(NEW),
    lambda state: _open(state, NEW),
    lambda state: _close(state, NEW, 3),
    lambda state: state.record(1, ActivationRun("loyal", "sync", Outcome.DONE)),
    lambda state: state.end_run(1, AT),
    lambda state: _open(state, LOYAL),
    lambda state: state.forget(LOYAL),
)


def view(state: StateStore) -> tuple[Any, ...]:
    """Everything that a reader can know; reads and checks every file that is pointed to."""
    audiences = state.audiences()
    return audiences, tuple(state.held(audience.record_id) for audience in audiences), state.runs()


def live(folder: Path, after_each: Callable[[StateStore], None]) -> None:
    state = open_folder(folder, clock=lambda: AT)
    with state.lock("headcount apply"):
        for step in LIFE:
            step(state)
            after_each(state)
    state.close()


def die_before(number: int, folder: Path) -> tuple[int, bool]:
    """How many steps a child came through that was killed before its `number`-th call, and whether it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _live_and_die(number, folder, writing)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        done = len(pipe.read())
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, f"the child failed by itself: {status}"
    return done, os.WIFSIGNALED(status)


def _live_and_die(number: int, folder: Path, writing: int) -> None:
    calls = 0

    def count(frame: Any, event: str, called: Any) -> None:
        nonlocal calls
        if event == "c_call" and called.__name__ in DEADLY:
            calls += 1
            if calls == number:
                os.kill(os.getpid(), signal.SIGKILL)

    code = 1
    try:
        sys.setprofile(count)
        live(folder, lambda state: os.write(writing, b"."))
        code = 0
    finally:
        os._exit(code)


def judge(folder: Path, done: int, views: list[tuple[Any, ...]]) -> None:
    """What a dead run left is what its finished steps came to, perhaps with the one it died in; and it can be used."""
    reader = open_folder(folder)
    found = view(reader)
    reader.close()
    assert found in views[done : done + 2], f"neither the state after {done} steps nor the one after"
    heir = open_folder(folder)
    with heir.lock("headcount apply"):
        assert view(heir) == found, "the next run does not see what a reader saw"
        kept = {path for held in found[1] for path in (held.members, held.outbox) if path is not None}
        on_disk = {path for kind in ("members", "outbox") for path in (folder / kind).rglob("*") if path.is_file()}
        assert kept <= on_disk
        assert len(on_disk - kept) <= len(found[0]), "garbage of the dead run is left"
        assert not list(folder.glob("*.tmp*"))
        assert (folder / ".gitignore").read_text() == "*\n"
        assert heir.intend("another", "criteo-fr", "criteo", "1", DEFINITION, AT) > 0
    heir.close()


def main(folder: Path) -> None:
    views: list[tuple[Any, ...]] = [((), (), ())]
    live(folder, lambda state: views.append(view(state)))
    number, killed = 0, True
    while killed:
        shutil.rmtree(folder)
        number += 1
        done, killed = die_before(number, folder)
        try:
            judge(folder, done, views)
        except BaseException as error:
            raise AssertionError(f"killed before call {number}, in step {done}: {error}") from error
    sys.stdout.write(f"{number - 1} deaths\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
