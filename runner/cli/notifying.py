"""Notices of a command: whom the project declares, what is said, and where it is written down.

Whatever goes wrong with it is a line on standard error: it never changes how a command ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import typer

from runner.cli.wiring import Setup, told
from runner.core.errors import HeadcountError, Interrupted, Locked, UsageError
from runner.quick_dataclass import dataclass

if TYPE_CHECKING:
    from runner.core.notices import KeptNotice, Observed
    from runner.core.project import Project
    from runner.core.receivers import Receiver
    from runner.core.records import ActivationRun
    from runner.state.interface import State
    from runner.workflows.apply import Applied
    from runner.workflows.send_notices import Mailing, Sent
    from runner.workflows.sync import Synced

_LOCK_WAIT = 3.0
"""Seconds for which a state that another run has just taken is waited for."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that came to its end: of which project, how each activation fared, and what was left alone.

    `valid` says that the files as they are now are valid, and not only those that were used.
    """

    project: Project
    outcomes: tuple[ActivationRun, ...]
    skipped: tuple[str, ...] = ()
    valid: bool = True


def of_apply(project: Project, done: Applied) -> Ended | None:
    """How an apply ended; None where a person ended it."""
    return Ended(project, done.outcomes) if done.approved and not done.interrupted else None


def of_sync(project: Project, done: Synced, *, valid: bool = True) -> Ended | None:
    """How a sync ended; None where a person ended it."""
    if done.applied.interrupted:
        return None
    return Ended(project, done.applied.outcomes, tuple(one.activation for one in done.skipped), valid)


@contextmanager
def notifying(setup: Setup, command: str, say: Say = told) -> Iterator[None]:
    """Around a command that sends: what keeps it from its end as a whole, receivers are notified of."""
    try:
        yield
    except (Interrupted, UsageError, typer.Abort, typer.Exit):
        raise  # a person ended it, or there is nothing wrong
    except Exception as error:
        notify_of_failure(setup, command, error, say)
        raise


def notify_of_failure(setup: Setup, command: str, error: Exception, say: Say = told) -> None:
    """Notify receivers of what kept a run from its end, if it is theirs to know."""
    from runner.workflows.observe import observed_failure

    def attempt() -> None:
        seen = observed_failure(error, setup.clock())
        if seen:
            receivers = declared_receivers_of(setup)
            if receivers:
                mailing = mailing_of(setup, receivers, {**_facts(setup, command), "run": None})
                _send_outside_of_runs(setup, mailing, lambda _: seen, say)

    _safely(attempt, say)


def notify_of_valid_files(setup: Setup, command: str, project: Project, say: Say = told) -> None:
    """Notify receivers that the files, which were not valid, are so again."""
    from runner.workflows.observe import observed_valid_files

    def attempt() -> None:
        if project.receivers:
            mailing = mailing_of(setup, project.receivers, {**_facts(setup, command), "run": None})
            _send_outside_of_runs(setup, mailing, lambda _: (observed_valid_files(),), say)

    _safely(attempt, say)


def notify_of_run(setup: Setup, command: str, ended: Ended | None, state: State, say: Say = told) -> None:
    """Notify receivers of what a run has seen."""
    if ended is None or not ended.project.receivers:
        return
    receivers = ended.project.receivers
    from runner.workflows.observe import observed_in_run, observed_valid_files

    def look(kept: Sequence[KeptNotice]) -> Sequence[Observed]:
        seen = observed_in_run(ended.project, state, ended.outcomes, ended.skipped, kept, setup.clock())
        return (*seen, observed_valid_files()) if ended.valid else seen

    def attempt() -> None:
        run = state.next_run() - 1 if ended.outcomes else None
        mailing = mailing_of(setup, receivers, {**_facts(setup, command), "run": run})
        for one in mailing.receivers:
            problem = mailing.addresses[one.name].problem
            if problem:
                say(f"warning: {one.name} cannot be notified: {problem}")
        _send(setup, mailing, state, look, say)

    _safely(attempt, say)


def declared_receivers_of(setup: Setup) -> tuple[Receiver, ...]:
    """Whom the Project document declares for the target, whatever is wrong with the rest of the files."""
    from runner.config import declared_receivers

    return declared_receivers(setup.folder, today=setup.today, target=setup.target, environ=os.environ)


def mailing_of(setup: Setup, receivers: Sequence[Receiver], facts: dict[str, Any]) -> Mailing:
    """How these are reached from here. Raises UsageError for a list of the environment's that is wrong."""
    from runner.config.resolve.environment import Environment
    from runner.webhooks.delivery import post_all
    from runner.webhooks.webhook_addresses import address_of
    from runner.workflows.send_notices import Mailing

    allowed = Environment.of(os.environ, setup.folder.resolve().parent).may_send_to
    return Mailing(receivers, {one.name: address_of(one, allowed) for one in receivers}, facts, post_all)


Look = Callable[["Sequence[KeptNotice]"], "Sequence[Observed]"]
"""What has been seen, given what is remembered."""


def _send_outside_of_runs(setup: Setup, mailing: Mailing, look: Look, say: Say) -> None:
    """Notify of what was seen while no run holds the state, which may be what is wrong."""
    try:
        with closing(setup.state()) as state:
            _send(setup, mailing, state, look, say, wait=0.0)
    except (Interrupted, UsageError):
        raise
    except HeadcountError:
        _send_from_here(setup, mailing, look, say)


def _send(setup: Setup, mailing: Mailing, state: State, look: Look, say: Say, *, wait: float = _LOCK_WAIT) -> None:
    """Notify, and write that down in the state, or on this machine where the state cannot be written now."""
    from runner.state.noted_here import NotedHere
    from runner.workflows.send_notices import is_needed, notify

    here = NotedHere(str(setup.state_location()), os.environ)
    if not here.notices() and not is_needed(mailing, state, look, setup.clock()):
        return
    try:
        with _held(state, wait):
            known = {row.key for row in state.notices()}
            noted = [row for row in here.notices() if row.key not in known]
            if noted:
                state.change_notices(noted, ())
            here.clear()
            sent = notify(mailing, state, look, setup.clock)
    except (Interrupted, UsageError):
        raise
    except HeadcountError:  # locked, full, out of reach
        _send_from_here(setup, mailing, look, say)
    else:
        _say(sent, say)


def _send_from_here(setup: Setup, mailing: Mailing, look: Look, say: Say) -> None:
    from runner.state.noted_here import NotedHere
    from runner.workflows.send_notices import notify

    _say(notify(mailing, NotedHere(str(setup.state_location()), os.environ), look, setup.clock), say)


@contextmanager
def _held(state: State, wait: float) -> Iterator[None]:
    """The state, held for notices. Raises Locked where another run keeps it for longer than `wait` seconds."""
    until = monotonic() + wait
    while True:
        lock = state.lock("headcount notify")
        try:
            lock.__enter__()
            break
        except Locked:
            if monotonic() >= until:
                raise
            sleep(0.2)
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _say(every: Sequence[Sent], say: Say) -> None:
    for sent in every:
        where = f"{sent.receiver} ({sent.host})"
        if sent.taken:
            say(f"Notified {where} of {_changes(sent.taken)}.")
        if sent.waiting:
            what = f"{where} did not take {_changes(sent.waiting)}: {sent.problem}"
            say(f"warning: {what}; the next run sends what is left")


def _changes(count: int) -> str:
    return f"{count:,} change{'' if count == 1 else 's'}"


def _facts(setup: Setup, command: str) -> dict[str, Any]:
    from runner.cli.run_origin import origin_of
    from runner.destinations.registry import api_of

    job = origin_of(setup.folder, os.environ).ci_url
    return {"command": command, "target": setup.target or None, "api": api_of(os.environ).address, "job": job or None}


def _safely(attempt: Callable[[], None], say: Say) -> None:
    from runner.workflows.failure_messages import as_sentence

    try:
        attempt()
    except Exception as error:  # noqa: BLE001 - a notice never changes how a command ends
        say(f"warning: nobody could be notified: {as_sentence(error)}")
