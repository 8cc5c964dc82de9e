"""`allow` under an activation's guardrails to what it permits."""

from __future__ import annotations

from datetime import date

from runner.config.document import Document
from runner.config.yaml.nodes import MapNode, ScalarNode
from runner.core.project import Permission


def build_permission(node: MapNode, document: Document) -> Permission | None:
    """The permission, None after a finding. The schema has seen its form."""
    until, removals = node.get("until"), node.get("removals")
    if not isinstance(until, ScalarNode) or not isinstance(removals, ScalarNode):
        return None
    for key, part in (("until", until), ("removals", removals)):
        if part.templated:  # it would move with the day, or with an option that nobody reviews
            message = f"guardrails.allow.{key} is a template; write it out, so that what is reviewed is what counts"
            document.refuse(part.span, "invalid-value", message)
            return None
    try:
        day = date.fromisoformat(str(until.value))
    except ValueError:
        message = f"there is no day {until.value}; write one such as 2026-12-05"
        document.refuse(until.span, "invalid-value", message)
        return None
    reason = " ".join((node.text("reason") or "").split())
    return Permission(int(str(removals.value)), day, reason, document.location(until.span))
