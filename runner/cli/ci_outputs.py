"""What continuous integration reads: findings as JSON or annotations, and GitLab's report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from runner.cli.console import show_json, write_result
from runner.core.errors import HeadcountError, InvalidProject, UsageError

if TYPE_CHECKING:
    from runner.planning.plan import Plan


def from_root(file: str) -> str:
    """The file's path from the repository's root (`GITHUB_WORKSPACE`, else this folder), as annotations need it."""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    path = Path(file).resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else file


def require_folder(report: Path | None) -> None:
    """Raise UsageError, before anything is planned, if no report can be written there."""
    if report is not None and (report.is_dir() or not report.parent.is_dir()):
        raise UsageError(f"--gitlab-report {report}: it cannot be written there", "name a file in a folder that exists")


def write_report(report: Path, plan: Plan) -> None:
    """Write GitLab's report. Raises HeadcountError."""
    from runner.reports.json_documents import gitlab_document

    try:
        report.write_text(json.dumps(gitlab_document(plan)) + "\n", encoding="utf-8")
    except OSError as error:
        raise HeadcountError(f"cannot write the report to {report}: {error.strerror}") from None


def findings_as_data(command: Callable[..., None]) -> Callable[..., None]:
    """The command, which with `--format json` or `github` writes what is wrong in the files to standard output.

    The text on standard error stays next to annotations, since people read a log as well.
    """

    @wraps(command)
    def run(**options: Any) -> None:
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

    return run
