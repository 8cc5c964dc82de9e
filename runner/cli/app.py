"""The command line: names the commands and turns errors into sentences and exit codes."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from runner import __version__
from runner.cli import completion, event_log, exit_codes
from runner.cli.command_table import names, register
from runner.cli.console import error_paint, show_error, show_usage, tell, unwritten
from runner.core.errors import HeadcountError, Interrupted
from runner.interruption import forget_interrupt, interrupted


class _Commands(TyperGroup):
    """Typer turns a KeyboardInterrupt into an exit code and says nothing."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Abort from None


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"headcount {__version__}")
        raise typer.Exit


def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def command_line(first: str = "") -> typer.Typer:
    """The command that the first argument names, of all of them where it names none: to import them and to work out
    their options takes longer than a short command's work."""
    made = typer.Typer(
        name="headcount",
        cls=_Commands,
        help="Keep Criteo audiences as YAML files in git say they should be.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    made.callback()(_main)
    register(made, names(first))
    return made


@cache
def _command(first: str = "") -> Any:
    """What Typer makes of it, once for a process that runs several commands."""
    return get_command(command_line(first))


def run(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; nothing a user can cause ends in a traceback."""
    if completion.COMPLETION_VARIABLE in os.environ:
        return completion.complete(lambda: _command()(prog_name="headcount"))
    given = sys.argv[1:] if arguments is None else arguments
    forget_interrupt()
    event_log.begin(next((word for word in given if not word.startswith("-")), ""))
    try:
        command = _command(given[0] if given else "")
        code = int(command(args=given or ["--help"], prog_name="headcount", standalone_mode=False) or exit_codes.OK)
    except TyperException as error:
        _show_usage(error, given)
        return exit_codes.USAGE
    except (typer.Abort, KeyboardInterrupt):
        tell("Interrupted.\n")
        return exit_codes.INTERRUPTED
    except Interrupted as interruption:
        tell(f"Interrupted: {interruption.consequence}.\n")
        return interruption.exit_code
    except Exception as error:  # noqa: BLE001 (reported below)
        if not interrupted():
            return _failed(error, given)
        code = exit_codes.FAILED
    if interrupted() and code != exit_codes.INTERRUPTED:  # swallowed, or made an error of, by a library written in C
        tell("Interrupted.\n")
        return exit_codes.INTERRUPTED
    return code


def _show_usage(error: TyperException, given: list[str]) -> None:
    show = getattr(error, "show", None)
    if show is not None:
        text = io.StringIO()
        show(text)
        show_usage(text.getvalue() + _meant(error), error_paint(given))


def _meant(error: TyperException) -> str:
    """What a word is that a command does not take and that may be an activation's id; empty for other mistakes."""
    extra = re.search(r"unexpected extra argument(?:s|\(s\))? \((.*)\)", error.format_message())
    options = {name for parameter in _parameters(error) for name in parameter.opts}
    if extra is None or "--select" not in options:
        return ""
    chosen = " ".join(f"--select {word}" for word in extra[1].split())
    return f"  -> an activation is chosen with {chosen}\n"


def _parameters(error: TyperException) -> list[Any]:
    context = getattr(error, "ctx", None)
    return context.command.params if context is not None else []


def _failed(error: Exception, given: list[str]) -> int:
    if isinstance(error, HeadcountError):
        show_error(error, error_paint(given))
        return error.exit_code
    if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:  # what wrote was no code of ours
        show_error(unwritten(error), error_paint(given))
        return exit_codes.FAILED
    if os.environ.get("HEADCOUNT_DEBUG"):
        raise error
    from runner.workflows.failure_messages import as_failure

    show_error(as_failure(error), error_paint(given))
    return exit_codes.FAILED
