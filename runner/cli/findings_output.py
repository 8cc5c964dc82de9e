"""Findings as what a command was asked for: one JSON document, or annotations of a pull request."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from runner.cli.ci_outputs import from_root
from runner.cli.console import show_json, write_result
from runner.core.errors import InvalidProject


def findings_as_data(command: Callable[..., None]) -> Callable[..., None]:
    """The command, which with `--format json` or `github` writes what is wrong in the files to standard output.

    Annotations come beside the text on standard error, since a log is read by people as well.
    """

    @wraps(command)
    def told(**options: Any) -> None:
        try:
            command(**options)
        except InvalidProject as error:
            if options.get("format") == "github":
                from runner.reports.github_annotations import findings_annotations

                write_result(findings_annotations(error.findings, from_root))
            if options.get("format") != "json":
                raise
            from runner.reports.json_documents import findings_document

            show_json(findings_document(error.findings))
            raise typer.Exit(error.exit_code) from None

    return told
