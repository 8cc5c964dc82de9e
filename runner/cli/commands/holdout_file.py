"""`holdout`: who is held out of an audience, by key, for measuring its effect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runner.cli import completion
from runner.cli.console import show_json, show_line
from runner.cli.options import DEFAULT_DIR, Dir, Format, NoColor, Output, Target, Today, Var
from runner.cli.output_files import require_output
from runner.cli.wiring import Setup, declared_activation, segment_evaluator
from runner.core.errors import HeadcountError, SegmentError, UsageError
from runner.reports.escape import printable

_FOOTER = 65_536
"""Bytes at the end of a Parquet file in which the names of two columns surely are."""


def holdout(
    activation: Annotated[
        str,
        typer.Argument(metavar="ID", help="The activation.", autocompletion=completion.activations, show_default=False),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help="A Parquet file of every key, and whether it is held out."),
    ],
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    format: Output = Format.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    today: Today = "",
    no_color: NoColor = False,
) -> None:
    """Write who is held out of an audience, by key, to measure it.

    Evaluates the segment, as it is now; calls no destination.
    """
    setup = Setup.of(folder, var, today=today, no_color=no_color, target=target)
    _require_place(out)
    project = setup.project()
    declared = declared_activation(project, activation)
    if declared.holdout is None:
        raise UsageError(
            f"activation {activation} has no holdout", "give it one: `holdout: {share: 10%, by: customer_id}`"
        )
    from runner.workflows.failure_messages import as_failure

    with segment_evaluator() as evaluator:
        try:
            choice = evaluator.choose(declared, project.sources)
        except SegmentError as error:
            raise as_failure(error) from None
        _copy(choice.path, out)
    if format is Format.JSON:
        from runner.reports.json_documents import holdout_document

        show_json(holdout_document(activation, str(out), choice))
        return
    share = f" ({100 * choice.held_out / choice.keys:.2f}%)" if choice.keys else ""
    held = f"{choice.held_out:,} of {choice.keys:,} keys are held out{share}"
    show_line(f"{printable(str(out))}: {held}, {printable(str(declared.holdout))}.")
    if choice.without_key:
        show_line(f"Without a key: {choice.without_key:,} rows, which are not sent and not in the file.")


def _require_place(out: Path) -> None:
    """Raise UsageError where keys of people must not go."""
    from runner.git.tracked import tracked_below

    require_output("--out", out, _is_holdout, "file of a holdout")
    tracked = tracked_below(out)
    if tracked:
        raise UsageError(f"git keeps {tracked}, and the file holds keys of people", "name a file outside of git")


def _is_holdout(path: Path) -> bool:
    """Whether a file is one that this command wrote."""
    try:
        with path.open("rb") as file:
            begins = file.read(4) == b"PAR1"
            file.seek(max(0, path.stat().st_size - _FOOTER))
            end = file.read()
    except OSError:
        return False
    return begins and b"held_out" in end and b"key" in end


def _copy(source: Path, out: Path) -> None:
    from runner.disk.durable_files import copy_atomically

    try:
        copy_atomically(source, out, 0o600)
    except OSError as error:
        raise HeadcountError(f"cannot write {out}: {error.strerror}") from None
