"""A saved plan as data: the plan as `--format json` shows it, with what it was asked for and the definitions."""

from __future__ import annotations

from typing import Any

from runner.planning.plan import Plan
from runner.planning.staleness import DefinitionViews, all_views, id_of
from runner.reports.json_documents import plan_document


def saved_plan_document(plan: Plan) -> dict[str, Any]:
    """schemas/saved-plan.schema.json; holds counts, and not even masked samples of what was rejected."""
    shown = plan_document(plan)
    for change in shown["changes"]:
        for rejected in (change["segment"] or {}).get("rejected", ()):
            rejected["samples"] = []
    options = plan.options
    return {
        "format_version": shown.pop("format_version"),
        "kind": "saved-plan",
        "plan_id": id_of(plan),
        "options": {
            "select": list(options.select),
            "exclude": list(options.exclude),
            "changed": None if options.changed is None else list(options.changed),
            "prune": options.prune,
            "allow_removals": list(options.allow_removals),
            "variables": list(options.variables),
        },
        "plan": {key: value for key, value in shown.items() if key not in ("kind", "plan_id")},
        "audiences": [_terms(terms) for terms in all_views(plan)],
    }


def _terms(terms: DefinitionViews) -> dict[str, Any]:
    views = {name: dict(view) if view is not None else None for name, view in terms.views.items()}
    return {"id": terms.key.activation, "type": terms.key.kind, "account_id": terms.key.account_id, **views}
