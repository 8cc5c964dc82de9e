"""A plan as GitLab's merge-request widget counts it (`artifacts:reports:terraform`)."""

from __future__ import annotations

from runner.core.records import Action
from runner.planning.plan import Plan

_UPDATES = (Action.UPDATE, Action.SYNC)


def widget_document(plan: Plan) -> dict[str, int]:
    """How many audiences are made, changed and deleted; a re-created one counts as both."""
    recreated = plan.having(Action.RECREATE)
    return {
        "create": len(plan.having(Action.CREATE)) + len(recreated),
        "update": len(plan.having(*_UPDATES)),
        "delete": len(plan.having(Action.DELETE)) + sum(change.replaces for change in recreated),
    }
