"""Saved plans on the command line: written by `plan --out`, carried out by `apply FILE` or `apply --plan-id`."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.errors import HeadcountError, UsageError
from runner.reports.escape import in_json

if TYPE_CHECKING:
    from runner.planning.plan import Plan
    from runner.planning.staleness import ReviewedPlan
    from runner.workflows.make_plan import PlanRequest


def require_writable(path: Path | None) -> None:
    """Raise UsageError, before anything is planned, where no plan could be written or it would replace another file."""
    if path is None:
        return
    from runner.planfile.read_plan import is_saved_plan

    if not path.parent.is_dir():
        raise UsageError(f"--out {path}: there is no folder {path.parent}", "make the folder first")
    if path.is_dir() or (path.exists() and path.stat().st_size and not is_saved_plan(path)):
        raise UsageError(
            f"--out {path} exists and is no saved plan", "name another file; only saved plans are replaced"
        )


def write_plan(path: Path, plan: Plan) -> None:
    """Write the plan, whole or not at all. Raises HeadcountError."""
    from runner.planfile.plan_document import saved_plan_document

    text = in_json(json.dumps(saved_plan_document(plan), indent=2, ensure_ascii=False)) + "\n"
    temporary = None
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".plan-", delete=False) as file:
            temporary = Path(file.name)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
        raise HeadcountError(f"cannot write the plan to {path}: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def reviewed_plan(file: Path | None, plan_id: str, request: PlanRequest) -> tuple[PlanRequest, ReviewedPlan | str]:
    """What to plan, and the plan that it must be. A file brings its own options. Raises UsageError."""
    if file is None:
        if plan_id and not re.fullmatch(r"[0-9a-f]{16}", plan_id):
            raise UsageError(f"--plan-id {plan_id} is no plan's id", "the last line of `headcount plan` shows it")
        return request, plan_id
    if plan_id:
        raise UsageError("a plan's FILE and --plan-id say the same twice", "give one of them")
    from runner.core.selection import Selection
    from runner.planfile.read_plan import read_saved_plan
    from runner.planning.plan import Options

    asked = request.options
    if replace(asked, variables=()) != Options():
        raise UsageError(
            "what is selected, --prune and --allow-removals have no place beside a saved plan, which brings its own",
            "leave them out, or make a plan with them",
        )
    reviewed = read_saved_plan(file)
    _require_same_variables(reviewed.options.variables, asked.variables)
    options = reviewed.options
    changed = None if options.changed is None else frozenset(options.changed)
    request = replace(
        request,
        select=Selection(options.select, options.exclude, changed),
        prune=options.prune,
        allow_removals=frozenset(options.allow_removals),
    )
    return request, reviewed


def _require_same_variables(planned: Collection[str], given: Collection[str]) -> None:
    """The values are not in the plan, since they may be secret; other ones make it stale."""
    missing, extra = sorted(set(planned) - set(given)), sorted(set(given) - set(planned))
    if missing:
        names = " ".join(f"--var {name}=..." for name in missing)
        raise UsageError(f"the plan was made with {names}", "give the same again: a saved plan keeps no values")
    if extra:
        names = " ".join(f"--var {name}" for name in extra)
        raise UsageError(f"the plan was made without {names}", "leave it out, or make a plan with it")
