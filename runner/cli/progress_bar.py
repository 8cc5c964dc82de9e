"""Progress on standard error: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING

from runner.cli import event_log
from runner.cli.console import Screen, log_event, tell
from runner.reports.escape import leaving
from runner.workflows.context import Progress

if TYPE_CHECKING:
    from rich.console import Console


def watch(screen: Screen, on_sending: Callable[[], None]) -> Lines:
    """Bars when a person watches, events where the log is made of them, lines otherwise.

    `on_sending` is called when a run starts to change things.
    """
    if event_log.is_json():
        return Events(on_sending)
    if screen.is_terminal and not os.environ.get("CI"):
        return Bars(screen.console(), on_sending)
    return Lines(on_sending)


SECONDS_BETWEEN_LINES = 2.0


class Lines(Progress):
    """A line now and then, so that a log tells that work goes on and is not drowned by it; one when it is done."""

    def __init__(self, on_sending: Callable[[], None]) -> None:
        self._on_sending = on_sending
        self._activations = 0
        self._evaluated = 0
        self._identifiers = 0
        self._sent = 0
        self._last_line = monotonic()

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()

    def pause(self) -> None:
        """Leave the terminal to someone else."""

    def evaluating(self, activations: int) -> None:
        self._activations, self._evaluated = activations, 0

    def evaluated(self, activation: str, seconds: float) -> None:
        self._evaluated += 1
        if self._due(self._evaluated, self._activations):
            from runner.reports.format import plural

            self.note(f"evaluated {self._evaluated:,} of {plural(self._activations, 'segment')}")

    def sending(self, identifiers: int) -> None:
        self._on_sending()
        self._identifiers, self._sent = identifiers, 0

    def sent(self, activation: str, identifiers: int) -> None:
        self._sent += identifiers
        if self._due(self._sent, self._identifiers):
            from runner.reports.format import plural

            self.note(f"sent {self._sent:,} of {plural(self._identifiers, 'identifier')}")

    def _due(self, done: int, of: int) -> bool:
        if done < of and monotonic() - self._last_line < SECONDS_BETWEEN_LINES:
            return False
        self._last_line = monotonic()
        return True

    def note(self, message: str) -> None:
        tell(message + "\n")


class Events(Lines):
    """Each step as an event of the log, with the activation that it is about."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What follows is about the same run; the next one binds its own."""

    def run(self, number: int) -> None:
        event_log.bind(run=number)

    def evaluated(self, activation: str, seconds: float) -> None:
        log_event("evaluated", "evaluated its segment", activation=activation, seconds=round(seconds, 3))

    def sending(self, identifiers: int) -> None:
        self._on_sending()
        if identifiers:
            log_event("sending", "sending what has changed", identifiers=identifiers)

    def sent(self, activation: str, identifiers: int) -> None:
        log_event("sent", "a batch was taken", activation=activation, identifiers=identifiers)

    def note(self, message: str) -> None:
        activation, colon, rest = message.partition(": ")
        about = {"activation": activation} if colon and " " not in activation else {}
        log_event("note", rest if about else message, **about)


class Bars(Lines):
    """A bar while segments are evaluated and another while identifiers are sent; both are gone when they are done."""

    def __init__(self, console: Console, on_sending: Callable[[], None]) -> None:
        super().__init__(on_sending)
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._console = console
        self._task = self._bars.add_task("", total=None, visible=False)

    def pause(self) -> None:
        self._bars.stop()

    def evaluating(self, activations: int) -> None:
        self._bars.reset(self._task, total=activations, visible=bool(activations), description="Evaluating segments")
        self._bars.start()

    def evaluated(self, activation: str, seconds: float) -> None:
        self._bars.advance(self._task)

    def sending(self, identifiers: int) -> None:
        self._on_sending()
        self._bars.reset(self._task, total=identifiers, visible=bool(identifiers), description="Sending identifiers")
        self._bars.start()

    def sent(self, activation: str, identifiers: int) -> None:
        self._bars.update(self._task, advance=identifiers, description=f"Sending {activation}")

    def note(self, message: str) -> None:
        self._console.print(leaving(message))
