"""`forget`: erases people from every audience and from the state, with a receipt."""

from __future__ import annotations

import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runner.cli import exit_codes
from runner.cli.console import show_json, show_line, show_text, tell
from runner.cli.given_values import read_values
from runner.cli.options import (
    DEFAULT_DIR,
    Dir,
    Format,
    NoColor,
    Output,
    Target,
    Today,
    TypeOf,
    Var,
    Verbose,
    Yes,
)
from runner.cli.output_files import require_output
from runner.cli.wiring import Parts, Setup, opened
from runner.core.errors import HeadcountError, UsageError

if TYPE_CHECKING:
    from runner.core.asked_people import AskedPeople, GivenValue
    from runner.core.identifiers import IdentifierType
    from runner.workflows.forget import Erasure, Forgotten

File = Annotated[
    str | None,
    typer.Argument(
        metavar="[FILE]",
        help="Identifiers, in clear or hashed: one a line, or CSV with types as its header; - reads them.",
        show_default=False,
    ),
]
ReceiptOut = Annotated[Path | None, typer.Option("--receipt", metavar="FILE", help="Write the receipt there, too.")]
Finishes = Annotated[
    int | None,
    typer.Option("--finishes", metavar="RECEIPT", help="Go on with the erasure of that receipt: the same people."),
]
VersionsRemoved = Annotated[
    bool,
    typer.Option("--versions-removed", help="Say that you removed older versions in the bucket, if it cannot be seen."),
]
Receipts = Annotated[bool, typer.Option("--receipts", help="Show every receipt so far, and erase nobody.")]


def forget(
    file: File = None,
    type: TypeOf = None,  # noqa: A002 - the option's name
    yes: Yes = False,
    receipt: ReceiptOut = None,
    receipts: Receipts = False,
    finishes: Finishes = None,
    versions_removed: VersionsRemoved = False,
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    format: Output = Format.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    today: Today = "",
    verbose: Verbose = False,
    no_color: NoColor = False,
) -> None:
    """Erase people from every audience and from the state.

    Says first which segments still yield them. Ends with a receipt: counts, and nothing that tells who it was.
    """
    setup = Setup.of(folder, var, today=today, verbose=verbose, no_color=no_color, target=target)
    if receipts:
        return _show_receipts(setup, format)
    if file is None:
        raise UsageError("whom?", "name a file with identifiers, or - for standard input")
    if not yes and (file == "-" or format is not Format.TEXT or not sys.stdin.isatty()):
        raise UsageError("there is no terminal to ask for confirmation", "add --yes; `headcount why` only looks")
    if receipt is not None:
        require_output("--receipt", receipt, _is_receipt, "receipt")
    values = read_values(file, type)
    project = setup.project()
    from runner.workflows.forget import Asked
    from runner.workflows.forget import forget as erase

    with opened(setup) as parts:
        people = _asked(values, file, parts)
        approve = partial(_approve, setup=setup, parts=parts, yes=yes, format=format)
        done = erase(project, people, parts.context, parts.accounts, approve, Asked(finishes, versions_removed))
        content = _content(done, parts)
    _show(done, content, setup, format, receipt)
    raise typer.Exit(_exit_code(done))


def _asked(values: tuple[tuple[IdentifierType, GivenValue], ...], file: str, parts: Parts) -> AskedPeople:
    people = parts.context.evaluator.asked(values)
    if people.unusable:
        lines = ", ".join(map(str, people.unusable[:10])) + (", ..." if len(people.unusable) > 10 else "")
        raise UsageError(
            f"{file}: no identifier of its type in line {lines}; nobody was erased",
            "put these right or leave them out; values are not shown here",
        )
    return people


def _content(done: Forgotten, parts: Parts) -> dict[str, object]:
    """The receipt as the state keeps it."""
    found = [one for one in parts.context.state.receipts() if one.number == done.receipt]
    return dict(found[0].content) if found else {}


def _approve(erasure: Erasure, *, setup: Setup, parts: Parts, yes: bool, format: Format) -> bool:  # noqa: A002
    if format is Format.TEXT:
        from runner.reports.forget_report import erasure_text

        parts.progress.pause()
        show_text(setup.out, erasure_text(erasure))
    return yes or typer.confirm("Erase them?", err=True)


def _show(
    done: Forgotten,
    content: dict[str, object],
    setup: Setup,
    format: Format,  # noqa: A002 - the option's name
    receipt: Path | None,
) -> None:
    from runner.reports.forget_report import forgotten_document, forgotten_text

    if done.receipt is None:
        tell("Nobody was erased.\n")
        return
    document = forgotten_document(done, content)
    if format is Format.JSON:
        show_json(document)
    else:
        if not done.erasure.finds_somebody:
            _approve_nothing(done, setup)
        show_text(setup.out, forgotten_text(done, setup.clock()))
    if receipt is not None:
        _write_receipt(receipt, document)


def _approve_nothing(done: Forgotten, setup: Setup) -> None:
    """There was nobody to ask about, and so it was not yet said what was found."""
    from runner.reports.forget_report import erasure_text

    show_text(setup.out, erasure_text(done.erasure))


def _write_receipt(path: Path, document: dict[str, object]) -> None:
    import json

    from runner.disk.durable_files import write_atomically

    try:
        write_atomically(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n", 0o600)
    except OSError as error:
        hint = "the state keeps it: `headcount forget --receipts --format json`"
        raise HeadcountError(f"cannot write {path}: {error.strerror}", hint) from None


def _is_receipt(path: Path) -> bool:
    try:
        return b'"kind": "receipt"' in path.read_bytes()[:200]
    except OSError:
        return False


def _show_receipts(setup: Setup, format: Format) -> None:  # noqa: A002 - the option's name
    from runner.reports.receipts_list import receipts_document, receipts_text

    with closing(setup.state(only_read=True)) as state:
        kept = state.receipts()
    if format is Format.JSON:
        show_json(receipts_document(kept))
    elif kept:
        show_text(setup.out, receipts_text(kept, setup.clock()))
    else:
        show_line("No receipt yet: nobody was erased.")


def _exit_code(done: Forgotten) -> int:
    if done.interrupted:
        return exit_codes.INTERRUPTED
    return exit_codes.OK if done.is_whole else exit_codes.FAILED
