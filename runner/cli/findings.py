"""Findings as the one JSON document of a command that was asked for one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from runner.cli.console import show_json
from runner.errors import InvalidProject


def findings_as_data(command: Callable[..., None]) -> Callable[..., None]:
    """The command, which with `--format json` writes what is wrong in the files to standard output, as data."""

    @wraps(command)
    def told(**options: Any) -> None:
        try:
            command(**options)
        except InvalidProject as error:
            if options.get("format") != "json":
                raise
            from runner.reports.documents import findings_document

            show_json(findings_document(error.findings))
            raise typer.Exit(error.exit_code) from None

    return told
