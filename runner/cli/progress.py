"""Progress on standard error: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from runner.reports.words import duration
from runner.workflows.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console


def watch(console: Console, on_sending: Callable[[], None]) -> Lines:
    """Bars when a person watches, lines otherwise; `on_sending` is called when a run starts to change things."""
    if console.is_terminal and not os.environ.get("CI"):
        return Bars(console, on_sending)
    return Lines(on_sending)


class Lines(Progress):
    """One line per activation."""

    def __init__(self, on_sending: Callable[[], None]) -> None:
        self._on_sending = on_sending
        self._activations = 0
        self._evaluated = 0

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()

    def pause(self) -> None:
        """Leave the terminal to someone else."""

    def evaluating(self, activations: int) -> None:
        self._activations = activations

    def evaluated(self, activation: str, seconds: float) -> None:
        self._evaluated += 1
        self.note(f"evaluated {activation} ({self._evaluated}/{self._activations}, {duration(seconds)})")

    def sending(self, identifiers: int) -> None:
        self._on_sending()
        if identifiers:
            self.note(f"sending {identifiers:,} identifiers")

    def sent(self, activation: str, identifiers: int) -> None:
        self.note(f"sent {identifiers:,} of {activation}")

    def note(self, message: str) -> None:
        sys.stderr.write(message + "\n")


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
        self._console.print(message)
