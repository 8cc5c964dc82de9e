"""A saved plan as data, written and read: the plan as `--format json` shows it, what was asked for, the definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from runner.core.identifiers import IdentifierType
from runner.core.membership import TypeDelta
from runner.core.records import Action, AudienceKey
from runner.planning.plan import Options, Plan
from runner.planning.staleness import AnnouncedChange, DefinitionViews, ReviewedPlan, id_of, views_of_plan
from runner.reports.json_documents import plan_document

KIND = "saved-plan"


def saved_plan_document(plan: Plan) -> dict[str, Any]:
    """schemas/saved-plan.schema.json; holds counts."""
    shown = plan_document(plan)
    return {
        "format_version": shown.pop("format_version"),
        "kind": KIND,
        "plan_id": id_of(plan),
        "options": _options(plan.options),
        "plan": {key: value for key, value in shown.items() if key not in ("kind", "plan_id")},
        "audiences": [_audience(views) for views in views_of_plan(plan)],
    }


def _options(options: Options) -> dict[str, Any]:
    """What was asked for; what an older Headcount does not know is left out where nothing was asked of it."""
    asked = asdict(options)
    unasked = {name for name in ("allow_recreate", "allow_suppressions", "target") if not asked[name]}
    return {name: value for name, value in asked.items() if name not in unasked}


def _audience(of: DefinitionViews) -> dict[str, Any]:
    views = {name: dict(view) if view is not None else None for name, view in of.views.items()}
    return {"id": of.key.activation, "type": of.key.kind, "account_id": of.key.account_id, **views}


def reviewed_plan(document: Mapping[str, Any]) -> ReviewedPlan:
    """The plan that a document of ours is about; it must be as the schema says."""
    asked: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in document["options"].items()
    }
    return ReviewedPlan(
        plan_id=document["plan_id"],
        options=Options(**asked),
        definitions=tuple(
            DefinitionViews(_key(part), part["declared"], part["applied"], part["live"], part["holder"])
            for part in document["audiences"]
        ),
        announced={_key(part): _announced(part) for part in document["plan"]["changes"]},
    )


def _key(part: Mapping[str, Any]) -> AudienceKey:
    return AudienceKey(part["id"], part["type"], part["account_id"])


def _announced(part: Mapping[str, Any]) -> AnnouncedChange:
    members = {
        IdentifierType(row["identifier_type"]): TypeDelta(row["before"], row["after"], row["added"], row["removed"])
        for row in part["members"]
    }
    return AnnouncedChange(Action(part["action"]), part["refill"], members)
