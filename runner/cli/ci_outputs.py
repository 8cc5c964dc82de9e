"""What continuous integration reads beside the result: places from the repository's root, and GitLab's report."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.errors import HeadcountError, UsageError

if TYPE_CHECKING:
    from runner.planning.plan import Plan


def from_root(file: str) -> str:
    """The file's path from the repository's root (`GITHUB_WORKSPACE`, else this folder), as annotations need it."""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    path = Path(file).resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else file


def require_folder(report: Path | None) -> None:
    """Raise UsageError, before anything is planned, where no report could be written."""
    if report is not None and (report.is_dir() or not report.parent.is_dir()):
        raise UsageError(f"--gitlab-report {report}: it cannot be written there", "name a file in a folder that exists")


def write_report(report: Path, plan: Plan) -> None:
    """Write GitLab's report. Raises HeadcountError."""
    from runner.reports.json_documents import gitlab_document

    try:
        report.write_text(json.dumps(gitlab_document(plan)) + "\n", encoding="utf-8")
    except OSError as error:
        raise HeadcountError(f"cannot write the report to {report}: {error.strerror}") from None
