"""Reading a plan that `plan --out` wrote. A file that is none, or that someone has changed, is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.config.schema.json_schemas import validator
from runner.core.errors import UsageError
from runner.core.identifiers import IdentifierType
from runner.core.membership import TypeDelta
from runner.core.records import Action, AudienceKey
from runner.planning.plan import Options
from runner.planning.staleness import AnnouncedChange, DefinitionViews, ReviewedPlan, plan_fingerprint

KIND = "saved-plan"
SAVED_PLAN_FORMAT = 1
"""The newest format that this Headcount reads."""


def read_saved_plan(path: Path) -> ReviewedPlan:
    """The plan in a file. Raises UsageError, which says what is wrong with it."""
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
    reviewed = _reviewed(document)
    if {terms.key for terms in reviewed.terms} != reviewed.announced.keys():
        raise UsageError(f"{path} is a damaged plan: not every change has its definitions", _AGAIN)
    if plan_fingerprint(reviewed.options, reviewed.terms) != reviewed.plan_id:
        raise UsageError(f"{path} was changed after it was made: its content does not give its plan_id", _AGAIN)
    return reviewed


def is_saved_plan(path: Path) -> bool:
    """Whether a file is a plan of ours, of whatever format, and so may be replaced by a newer one."""
    try:
        _document(path)
    except UsageError:
        return False
    return True


_AGAIN = "make it again with `headcount plan --out FILE`"


def _document(path: Path) -> dict[str, Any]:
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


def _reviewed(document: Mapping[str, Any]) -> ReviewedPlan:
    asked = document["options"]
    return ReviewedPlan(
        plan_id=document["plan_id"],
        options=Options(
            select=tuple(asked["select"]),
            exclude=tuple(asked["exclude"]),
            changed=None if asked["changed"] is None else tuple(asked["changed"]),
            prune=asked["prune"],
            allow_removals=tuple(asked["allow_removals"]),
            variables=tuple(asked["variables"]),
        ),
        terms=tuple(_terms(part) for part in document["audiences"]),
        announced=dict(_announced(part) for part in document["plan"]["changes"]),
    )


def _terms(part: Mapping[str, Any]) -> DefinitionViews:
    return DefinitionViews(_key(part), part["declared"], part["applied"], part["live"], part["holder"])


def _key(part: Mapping[str, Any]) -> AudienceKey:
    return AudienceKey(part["id"], part["type"], part["account_id"])


def _announced(part: Mapping[str, Any]) -> tuple[AudienceKey, AnnouncedChange]:
    members = {
        IdentifierType(row["identifier_type"]): TypeDelta(row["before"], row["after"], row["added"], row["removed"])
        for row in part["members"]
    }
    return _key(part), AnnouncedChange(Action(part["action"]), part["refill"], members)
