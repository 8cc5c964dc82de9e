"""Where output goes: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from runner.errors import HeadcountError, InvalidProject

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_CONTROLS = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if code != ord("\n")}
"""Names come from files and from Criteo; none of them may drive the terminal."""


def consoles(*, no_color: bool) -> tuple[Console, Console]:
    """Standard output and standard error."""
    from rich.console import Console

    def make(*, stderr: bool) -> Console:
        return Console(stderr=stderr, no_color=no_color or None, highlight=False, markup=False, emoji=False)

    return make(stderr=False), make(stderr=True)


def show_text(console: Console, text: Text) -> None:
    """Print rich text line by line as it is: never wrapped, control characters made visible."""
    clean = text.copy()
    clean.plain = text.plain.translate(_CONTROLS)
    console.print(clean, soft_wrap=True, end="")


def show_table(console: Console, table: Table) -> None:
    """Print a table as wide as it needs to be where there is no terminal to fit it into."""
    if not console.is_terminal:
        console.width = 250
    console.print(table)


def show_line(line: str) -> None:
    """Print one line as it is, control characters made visible."""
    sys.stdout.write(line.translate(_CONTROLS) + "\n")


def show_json(document: dict[str, Any]) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def show_error(error: HeadcountError) -> None:
    """Tell on standard error what is wrong and what to do."""
    if isinstance(error, InvalidProject):
        from runner.reports.findings import render_findings

        sys.stderr.write(render_findings(error.findings))
        return
    sys.stderr.write(f"error: {error.message.translate(_CONTROLS)}\n")
    if error.hint:
        sys.stderr.write(f"  -> {error.hint.translate(_CONTROLS)}\n")
