"""Where output goes: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from runner.cli import event_log
from runner.core.errors import HeadcountError, InvalidProject
from runner.quick_dataclass import dataclass
from runner.reports.escape import in_json, leaving, printable, without_controls
from runner.reports.line_breaks import folded, indent_of, places_to_break

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text as RichText

    from runner.core.findings import Finding
    from runner.reports.styled_text import Text


Paint = Callable[[str], str]
"""How a text is made to stand out."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Standard output, or standard error."""

    is_error: bool
    no_color: bool

    @property
    def is_terminal(self) -> bool:
        """Whether a terminal shows it, or whatever else the environment says can do what one does."""
        stream = sys.stderr if self.is_error else sys.stdout
        if not stream.isatty() and _SAID_TO_BE_ONE.isdisjoint(os.environ):
            return False  # without loading rich
        return self.console().is_terminal

    def console(self) -> Console:
        """It as rich writes on it."""
        from rich.console import Console

        return Console(stderr=self.is_error, no_color=self.no_color or None, highlight=False, markup=False, emoji=False)


_SAID_TO_BE_ONE = frozenset({"FORCE_COLOR", "TTY_COMPATIBLE"})
"""Variables by which rich takes for a terminal what is none."""


def show_text(screen: Screen, text: Text, column: int = 0) -> None:
    """Print a text: control characters made visible, lines fitted into a terminal and as they are anywhere else.

    `column` is where the last column of a table begins, in which a line that is too wide goes on.
    """
    if not screen.is_terminal:
        write_result(without_controls(text.plain))
        return
    from rich.text import Text as RichText

    console = screen.console()
    clean = RichText(without_controls(text.plain))
    if clean.plain == text.plain:  # an escape is longer than its character: the styles would slip
        clean = RichText.assemble(*text.pieces)
    with console.capture() as printed:
        console.print(_fitted(clean, text.whole_lines, console, column), soft_wrap=True, end="")
    write_result(printed.get())


def _fitted(text: RichText, whole: Collection[int], console: Console, column: int) -> RichText:
    """The text with lines that are too wide broken, and going on indented; those with a number in `whole` stay so."""
    from rich.text import Text as RichText

    lines: list[RichText] = []
    for number, line in enumerate(text.split("\n", allow_blank=True)):
        indent = indent_of(line.plain, column)
        places = () if number in whole else tuple(places_to_break(line.plain, console.width, indent))
        if not places:
            lines.append(line)
            continue
        first, *others = line.divide(places)
        lines += [first, *(RichText(" " * indent).append_text(other) for other in others)]
        for part in lines[-1 - len(others) :]:
            part.rstrip()
    return RichText("\n").join(lines)


def show_line(line: str) -> None:
    """Print one line, control characters made visible, and fitted into a terminal."""
    write_result(folded(printable(line) + "\n", _width_of(sys.stdout)))


def show_command(command: str) -> None:
    """Print a command to be copied on a line of its own, which stays whole however long it is."""
    write_result(f"  {printable(command)}\n")


def show_json(document: dict[str, Any]) -> None:
    """Print one JSON document."""
    write_result(in_json(json.dumps(document, indent=2, ensure_ascii=False)) + "\n")


def show_findings(findings: tuple[Finding, ...]) -> None:
    """Tell on standard error what was found, if anything was."""
    if not findings:
        return
    if event_log.is_json():
        _log_findings(findings)
        return
    from runner.reports.findings_text import render_findings

    tell(render_findings(findings))


def _log_findings(findings: Sequence[Finding]) -> None:
    for one in findings:
        place = {"file": one.location.file, "line": one.location.line, "column": one.location.column}
        level = "warning" if one.is_warning else "error"
        log_event("finding", one.message, level=level, code=one.code, **place, hint=one.hint)


def _log_error(error: HeadcountError) -> None:
    if isinstance(error, InvalidProject):
        _log_findings(error.findings)
        return
    from runner.planning.staleness import StalePlan

    more: dict[str, Any] = {}
    if isinstance(error, StalePlan):
        from runner.reports.plan_text import stale_lines

        more["deviations"] = list(stale_lines(error))
    log_event("error", error.message, level="error", hint=error.hint, **more)


def show_error(error: HeadcountError, red: Paint) -> None:
    """Tell on standard error what is wrong and what to do."""
    if event_log.is_json():
        _log_error(error)
        return
    if isinstance(error, InvalidProject):
        from runner.reports.findings_text import render_findings

        tell(render_findings(error.findings, red))
        return
    tell(red(f"error: {printable(error.message)}") + "\n")
    from runner.planning.staleness import StalePlan

    if isinstance(error, StalePlan):
        from runner.reports.plan_text import stale_lines

        tell("".join(f"  {line}\n" for line in stale_lines(error)))
    if error.hint:
        tell(f"  -> {printable(error.hint)}\n")


def show_usage(text: str, red: Paint) -> None:
    """Tell on standard error what is wrong with the command line; `text` is all that Typer says of it."""
    lines = without_controls(text).splitlines()
    if event_log.is_json():
        log_event("error", " ".join(text.split()), level="error")
        return
    tell("".join(f"{red(line) if line.startswith('Error:') else line}\n" for line in lines))


def error_paint(arguments: Sequence[str]) -> Paint:
    """What makes a text red where the command line and the environment allow colour, and standard error can show it."""
    plain = "--no-color" in arguments or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if plain or not sys.stderr.isatty():
        return lambda text: text
    return lambda text: f"\033[1;31m{text}\033[0m"


def write_result(text: str) -> None:
    """Write to standard output. A reader that went away is no error of ours; raises HeadcountError for a full disk."""
    _write(leaving(text))


def write_annotations(lines: str) -> None:
    """Write commands to the service that runs the job, whose words were made safe one by one; as `write_result`."""
    _write(lines)


def _write(text: str) -> None:
    try:
        with _reader_may_leave(sys.stdout):
            sys.stdout.write(text)
    except OSError as error:
        raise unwritten(error) from None


def unwritten(error: OSError) -> HeadcountError:
    """The error for a result that standard output did not take; nothing more is written there."""
    _silence(sys.stdout)
    return HeadcountError(f"cannot write the result: {error.strerror}")


def can_ask() -> bool:
    """Whether there is somebody to ask, and a place for a question: among events there is none."""
    return sys.stdin.isatty() and not event_log.is_json()


def tell(text: str) -> None:
    """Write to standard error, where nothing that goes wrong with it stops the command.

    At a terminal, lines that are too wide are broken between words.
    """
    _tell(event_log.event_of(text) if event_log.is_json() else leaving(folded(text, _width_of(sys.stderr))))


def _width_of(stream: TextIO) -> int:
    """The columns of the terminal that a stream is; elsewhere lines may be of any length."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
        return int(os.environ.get("COLUMNS") or columns or sys.maxsize)
    except (OSError, ValueError):  # io.UnsupportedOperation is both
        return sys.maxsize


def log_event(name: str, message: str, *, level: str = "info", **fields: object) -> None:
    """Write an event to standard error, where the log is made of them; nothing elsewhere."""
    if event_log.is_json():
        _tell(event_log.event(name, message, level=level, **fields))


def _tell(text: str) -> None:
    try:
        with _reader_may_leave(sys.stderr):
            sys.stderr.write(text)
    except OSError:
        _silence(sys.stderr)


@contextmanager
def _reader_may_leave(stream: TextIO) -> Iterator[None]:
    try:
        yield
        stream.flush()
    except BrokenPipeError:
        _silence(stream)


def _silence(stream: TextIO) -> None:
    """Nobody reads the stream any more: also keeps the interpreter from failing over it at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
