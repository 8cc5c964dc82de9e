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
from runner.cli.ci_outputs import findings_as_data
from runner.cli.commands import (
    dbt,
    doctor,
    forget_people,
    holdout_file,
    init_validate,
    inspect,
    notify,
    plan_apply_sync,
    report,
    sandbox,
    show_preview,
    state,
    take_over,
    try_segments,
    why,
)
from runner.cli.commands.serve import serve
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


def _group() -> typer.Typer:
    return typer.Typer(
        name="headcount",
        cls=_Commands,
        help="Keep Criteo audiences as YAML files in git say they should be.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


app = _group()
app.command("init")(init_validate.init)
app.command("validate")(findings_as_data(init_validate.validate))
app.command("test")(findings_as_data(try_segments.run_tests))
app.command("show")(findings_as_data(show_preview.show))
app.command("preview")(findings_as_data(show_preview.preview))
app.command("holdout")(findings_as_data(holdout_file.holdout))
app.command("plan")(findings_as_data(plan_apply_sync.plan))
app.command("apply")(findings_as_data(plan_apply_sync.apply))
app.command("sync")(findings_as_data(plan_apply_sync.sync))
app.command("status")(findings_as_data(inspect.status))
app.command("history")(inspect.history)
app.command("report")(findings_as_data(report.report))
app.command("schedule")(findings_as_data(inspect.schedule))
app.command("why")(findings_as_data(why.why))
app.command("forget")(findings_as_data(forget_people.forget))
app.command("serve")(serve)
app.command("accounts")(findings_as_data(inspect.accounts))
app.command("doctor")(doctor.doctor)
app.command("notify")(findings_as_data(notify.notify))
app.command("import")(take_over.import_)
app.add_typer(state.app, name="state")
app.add_typer(dbt.app, name="dbt")
app.command("sandbox")(sandbox.sandbox)


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"headcount {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@cache
def _command(first: str = "") -> Any:
    """What Typer makes of `app`, once for a process that runs several commands: of one command, where the first
    argument names it, since the options of all of them take Typer longer than a short command's work.
    """
    chosen = [one for one in app.registered_commands if one.name == first]
    if not chosen:
        return get_command(app)
    only = _group()
    only.registered_callback, only.registered_commands = app.registered_callback, chosen
    return get_command(only)


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
