"""`headcount state ...`: what is kept, and the state as a whole from one place to another."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runner.cli.console import can_ask, show_json, show_line, show_text, tell
from runner.cli.options import DEFAULT_DIR, Dir, Format, NoColor, Output, Target, Yes
from runner.cli.wiring import Setup
from runner.core.errors import UsageError

if TYPE_CHECKING:
    from runner.core.records import Binding
    from runner.state import State

app = typer.Typer(help="Show the state, copy it or move it.", rich_markup_mode=None, no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="A folder for the copy.")]


@app.command("list")
def list_(
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    format: Output = Format.TEXT,  # noqa: A002 - the option's name
    no_color: NoColor = False,
) -> None:
    """Show what the state keeps, and which run holds it.

    Lists audiences and files with their sizes. Writes nothing.
    """
    from runner.reports.state_list import kept_document, kept_text
    from runner.state.inventory import contents_of

    setup = Setup.of(folder, no_color=no_color, target=target)
    with closing(_here(setup)) as state:
        contents = contents_of(state)
    if format is Format.JSON:
        show_json(kept_document(contents))
    else:
        show_text(setup.out, kept_text(contents))


def pull(copy: Folder, folder: Dir = DEFAULT_DIR, target: Target = "") -> None:
    """Write a copy of the state into a new folder."""
    from runner.state.transfer import pull as copy_out

    with closing(_here(Setup.of(folder, target=target))) as state:
        copy_out(state, copy)
        show_line(f"The state at {state.backing.location} is copied to {copy}.")


def push(
    source: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder that `state pull` wrote, or another state's.")
    ],
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    force: Annotated[
        bool, typer.Option("--force", help="Replace a state that was changed since, is another one, or is damaged.")
    ] = False,
) -> None:
    """Put a folder in the place of the state in a bucket."""
    from runner.state import open_folder
    from runner.state.transfer import push as put_in_place

    with closing(_here(Setup.of(folder, target=target))) as state, closing(open_folder(source)) as copy:
        kept = put_in_place(copy, state, force=force)
        show_line(f"The state at {state.backing.location} is now what {source} holds.")
        if kept is not None:
            show_line(f"What it was before is kept in {kept}.")


def unlock(folder: Dir = DEFAULT_DIR, target: Target = "", yes: Yes = False) -> None:
    """Take the state away from a run that holds it.

    That run sends nothing more.
    """
    with closing(_here(Setup.of(folder, target=target))) as state:
        holder = state.backing.holder()
        if not holder:
            show_line(f"No run holds the state at {state.backing.location}.")
            return
        if state.backing.is_folder:
            state.backing.unlock()  # refuses, and says what opens it
        if not yes and not can_ask():
            raise UsageError("there is no terminal to ask for confirmation", "add --yes")
        if not yes and not typer.confirm(f"The state is held by {holder}. Take it away?", err=True):
            tell("Not unlocked.\n")
            raise typer.Exit(1)
        state.backing.unlock()
        show_line(f"The state at {state.backing.location} was taken away from {holder}.")


def move(
    location: Annotated[str, typer.Argument(help="A folder, s3://bucket/prefix, gs:// or az://.")],
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
) -> None:
    """Move the state to another place for good.

    The old place then says where it went.
    """
    from runner.state.transfer import move as bring

    setup = Setup.of(folder, target=target)
    with closing(_here(setup)) as source, closing(_at(location)) as there:
        bring(source, there)
        show_line(f"The state is now at {there.backing.location}.")
    where = f"target {target}" if target else "the Project document"
    tell(f"Set `state:` of {where}, or HEADCOUNT_STATE, to that place wherever Headcount runs.\n")


def bind(folder: Dir = DEFAULT_DIR, target: Target = "", yes: Yes = False) -> None:
    """Let the state belong to the Criteo of this environment.

    What it belonged to before no longer counts.
    """
    from runner.core.records import Binding
    from runner.destinations.registry import api_of
    from runner.state.transfer import require_used

    now = Binding(api_of(os.environ).address, target)
    with closing(_here(Setup.of(folder, target=target))) as state:
        require_used(state)
        before, where = state.binding(), state.backing.location
        if before == now:
            show_line(f"The state at {where} belongs to {_named(now)} already.")
            return
        if not yes and not can_ask():
            raise UsageError("there is no one to ask for confirmation", "add --yes")
        known = f"belongs to {_named(before)}" if before else "belongs to no address yet"
        if not yes and not typer.confirm(f"The state at {where} {known}. Bind it to {_named(now)}?", err=True):
            tell("Not bound.\n")
            raise typer.Exit(1)
        with state.lock("headcount state bind"):
            state.bind(now)
        show_line(f"The state at {where} belongs to {_named(now)} from now on.")


def accept(folder: Dir = DEFAULT_DIR, target: Target = "") -> None:
    """Take the state as it is, after a backup was put back.

    It is an older one than was seen here, or not the one that was used last.
    """
    from runner.state.seen_runs import SeenRuns
    from runner.state.transfer import require_used

    with closing(_here(Setup.of(folder, target=target))) as state:
        state.backing.accept()
        require_used(state)
        SeenRuns(state, os.environ).remember()
        show_line(f"The state at {state.backing.location} is taken as it is.")


for _command in (pull, push, unlock, move, bind, accept):
    app.command(_command.__name__)(_command)


def _named(binding: Binding) -> str:
    """What a state belongs to, in words."""
    return f'{binding.api} and target "{binding.target}"' if binding.target else binding.api


def _here(setup: Setup) -> State:
    return _at(setup.state_location())


def _at(location: str | Path) -> State:
    from runner.state import open_state

    return open_state(location, os.environ)
