"""What continuous integration reads: findings as JSON or annotations, and GitLab's report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from runner.cli.console import show_findings, show_json, write_annotations
from runner.core.errors import HeadcountError, InvalidProject

if TYPE_CHECKING:
    from runner.cli.options import CheckFormat
    from runner.core.findings import Finding
    from runner.planning.plan import Plan

_LONGEST_REPORT = 4096
"""A report is three counts."""


def from_root(file: str) -> str:
    """The file's path from the repository's root (`GITHUB_WORKSPACE`, else this folder), as annotations need it."""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    path = Path(file).resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else file


def is_gitlab_report(path: Path) -> bool:
    """Whether a file is a report of ours, and so may be replaced by a newer one."""
    from runner.disk.regular_files import read_regular

    try:
        document = json.loads(read_regular(path, _LONGEST_REPORT))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.keys() == {"create", "update", "delete"}


def write_report(report: Path, plan: Plan) -> None:
    """Write GitLab's report, whole or not at all. Raises HeadcountError."""
    from runner.disk.durable_files import rights_of_a_new_file, write_atomically
    from runner.reports.json_documents import gitlab_document

    try:
        write_atomically(report, json.dumps(gitlab_document(plan)) + "\n", rights_of_a_new_file())
    except OSError as error:
        raise HeadcountError(f"cannot write the report to {report}: {error.strerror}") from None


def show_found(findings: tuple[Finding, ...], format: CheckFormat) -> None:  # noqa: A002 - the option's name
    """Tell on standard error what was found, and with `--format github` write it to standard output as annotations."""
    show_findings(findings)
    if findings and format == "github":
        _annotate(findings)


def _annotate(findings: tuple[Finding, ...]) -> None:
    from runner.reports.github_annotations import findings_annotations

    write_annotations(findings_annotations(findings, from_root))


def findings_as_data(command: Callable[..., None]) -> Callable[..., None]:
    """The command, which with `--format json` or `github` writes what is wrong in the files to standard output.

    The text on standard error stays next to annotations, since people read a log as well.
    """

    @wraps(command)
    def run(**options: Any) -> None:
        try:
            command(**options)
        except InvalidProject as error:
            if error.is_beside:
                raise
            if options.get("format") == "github":
                _annotate(error.findings)
            if options.get("format") != "json":
                raise
            from runner.reports.json_documents import findings_document

            show_json(findings_document(error.findings))
            raise typer.Exit(error.exit_code) from None

    return run
