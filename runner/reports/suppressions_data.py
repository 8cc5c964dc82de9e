"""Suppressions as plain data: what a plan does about them, and how they are doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from runner.core.identifiers import IdentifierType
from runner.planning.plan import Plan
from runner.planning.suppression_rules import PlannedSuppression, Withdrawal


def suppressions_data(plan: Plan) -> dict[str, Any]:
    """The part of a plan's document that is about suppressions."""
    return {
        "suppressions": [_planned(one) for one in plan.suppressions],
        "withdrawals": [_withdrawal(one) for one in plan.withdrawals],
    }


def _planned(one: PlannedSuppression) -> dict[str, Any]:
    return {
        "name": one.name,
        "reason": one.reason,
        "standing": str(one.standing),
        "takes_effect": one.takes_effect,
        "why_not": "" if one.takes_effect else one.why_not(),
        "hint": one.hint,
        "members": _counts(one.members),
        "entered": one.entered,
        "left": one.left,
        "rejected": one.rejected,
        "takes": [{**asdict(part), "identifier_type": str(part.identifier_type)} for part in one.takes if part.removed],
        "blocks": [asdict(block) for block in one.blocks],
    }


def _withdrawal(one: Withdrawal) -> dict[str, Any]:
    return {
        "activation": one.record.activation,
        "account_id": one.record.account_id,
        "audience_id": one.record.audience_id,
        "removed": _counts({kind: part.removed for kind, part in one.compared.delta.items()}),
        "members_known": not one.is_blind,
        "error": one.error,
    }


def _counts(counts: Mapping[IdentifierType, int]) -> dict[str, int]:
    return {str(kind): count for kind, count in counts.items()}
