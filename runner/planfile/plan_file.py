"""The file of a plan: `plan --out` writes it, `apply FILE` reads it, and refuses one that someone has changed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.core.errors import HeadcountError, UsageError
from runner.reports.escape import in_json

if TYPE_CHECKING:
    from runner.planning.plan import Plan
    from runner.planning.staleness import ReviewedPlan

SAVED_PLAN_FORMAT = 1
"""The newest format that this Headcount reads."""
MOST_BYTES = 32 * 1024 * 1024
"""No plan is larger: one of 5,000 audiences is less than half of this. Reading it may take ten times as much memory."""
MOST_LEVELS = 32
"""A plan has objects and lists in each other eight levels deep, and room to grow."""

_AGAIN = "make it again with `headcount plan --out FILE`"


def write_plan(path: Path, plan: Plan) -> None:
    """Write the plan, whole or not at all. Raises HeadcountError."""
    from runner.disk.durable_files import rights_of_a_new_file, write_atomically
    from runner.planfile.plan_document import saved_plan_document

    text = in_json(json.dumps(saved_plan_document(plan), indent=2, ensure_ascii=False)) + "\n"
    try:
        write_atomically(path, text, rights_of_a_new_file())
    except OSError as error:
        raise HeadcountError(f"cannot write the plan to {path}: {error.strerror}") from None


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
    if {definitions.key for definitions in reviewed.definitions if definitions.key.kind} != reviewed.announced.keys():
        raise UsageError(f"{path} is a damaged plan: not every change has its definitions", _AGAIN)
    if plan_fingerprint(reviewed.options, reviewed.definitions) != reviewed.plan_id:
        raise UsageError(f"{path} was changed after it was made: its content does not give its plan_id", _AGAIN)
    return reviewed


def is_saved_plan(path: Path) -> bool:
    """Whether a file is a plan of ours, of whatever format, and so may be replaced by a newer one."""
    try:
        _document(path)
    except UsageError:
        return False
    return True


def _document(path: Path) -> dict[str, Any]:
    from runner.disk.regular_files import read_regular
    from runner.planfile.plan_document import KIND

    try:
        document = json.loads(read_regular(path, MOST_BYTES).decode("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the plan {path}: {error.strerror}", _AGAIN) from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is no saved plan: it is not JSON, or not all of it", _AGAIN) from None
    if _is_deeper(document, MOST_LEVELS):
        raise UsageError(f"{path} is no saved plan: it is nested more than {MOST_LEVELS} levels deep", _AGAIN)
    if not isinstance(document, dict) or document.get("kind") != KIND:
        hint = "`plan --format json` describes a plan; only the file of `plan --out` can be applied"
        raise UsageError(f"{path} is no saved plan", hint)
    return document


def _is_deeper(document: object, levels: int) -> bool:
    """Whether lists and objects lie in each other more than so many levels deep."""
    layer = [document]
    for _ in range(levels):
        layer = [inner for one in layer if isinstance(one, dict | list) for inner in _values(one)]
    return any(isinstance(one, dict | list) for one in layer)


def _values(node: dict[str, object] | list[object]) -> Iterable[object]:
    return node.values() if isinstance(node, dict) else node
