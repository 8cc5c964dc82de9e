"""The file of a plan: `plan --out` writes it, `apply FILE` reads it, and refuses one that someone has changed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.core.errors import HeadcountError, UsageError
from runner.reports.escape import in_json

if TYPE_CHECKING:
    from runner.planning.plan import Plan
    from runner.planning.staleness import ReviewedPlan

SAVED_PLAN_FORMAT = 1
"""The newest format that this Headcount reads."""
_AGAIN = "make it again with `headcount plan --out FILE`"


def require_writable(path: Path | None) -> None:
    """Raise UsageError, before anything is planned, where no plan could be written or it would replace another file."""
    if path is None:
        return
    if not path.parent.is_dir():
        raise UsageError(f"--out {path}: there is no folder {path.parent}", "make the folder first")
    if path.is_dir() or (path.exists() and path.stat().st_size and not _is_saved_plan(path)):
        raise UsageError(
            f"--out {path} exists and is no saved plan", "name another file; only saved plans are replaced"
        )


def write_plan(path: Path, plan: Plan) -> None:
    """Write the plan, whole or not at all. Raises HeadcountError."""
    from runner.disk.durable_files import write_atomically
    from runner.planfile.plan_document import saved_plan_document

    text = in_json(json.dumps(saved_plan_document(plan), indent=2, ensure_ascii=False)) + "\n"
    try:
        write_atomically(path, text, 0o644 & ~_umask())
    except OSError as error:
        raise HeadcountError(f"cannot write the plan to {path}: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_saved_plan(path: Path) -> ReviewedPlan:
    """The plan in a file. Raises UsageError, which says what is wrong with it."""
    from runner.config.schema.json_schemas import validator
    from runner.planfile.plan_document import KIND, reviewed_plan
    from runner.planning.staleness import plan_fingerprint

    document = _document(path)
    version = document.get("format_version")
    if isinstance(version, int) and version > SAVED_PLAN_FORMAT:
        raise UsageError(
            f"{path} was written by a newer Headcount (format {version}; this one reads up to {SAVED_PLAN_FORMAT})",
            "update headcount here, or make the plan with this one",
        )
    error = next(iter(validator(KIND).iter_errors(document)), None)
    if error is not None:
        place = ".".join(str(step) for step in error.absolute_path) or "the whole"
        raise UsageError(f"{path} is a damaged plan: {place} is not as it must be", _AGAIN)
    reviewed = reviewed_plan(document)
    if {definitions.key for definitions in reviewed.definitions} != reviewed.announced.keys():
        raise UsageError(f"{path} is a damaged plan: not every change has its definitions", _AGAIN)
    if plan_fingerprint(reviewed.options, reviewed.definitions) != reviewed.plan_id:
        raise UsageError(f"{path} was changed after it was made: its content does not give its plan_id", _AGAIN)
    return reviewed


def _is_saved_plan(path: Path) -> bool:
    """Whether a file is a plan of ours, of whatever format, and so may be replaced by a newer one."""
    try:
        _document(path)
    except UsageError:
        return False
    return True


def _document(path: Path) -> dict[str, Any]:
    from runner.planfile.plan_document import KIND

    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the plan {path}: {error.strerror}", _AGAIN) from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is no saved plan: it is not JSON, or not all of it", _AGAIN) from None
    if not isinstance(document, dict) or document.get("kind") != KIND:
        hint = "`plan --format json` describes a plan; only the file of `plan --out` can be applied"
        raise UsageError(f"{path} is no saved plan", hint)
    return document
