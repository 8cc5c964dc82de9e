"""How the service is doing: replaced whole by the loop, read over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from runner.quick_dataclass import dataclass, field

HEALTH_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is not well.

    `code` is failing, invalid-project, state, sync, drift, failed, blocked, skipped or interrupted.
    """

    code: str
    message: str
    activation: str = ""


@dataclass(frozen=True, slots=True)
class ActivationHealth:
    """One activation: what its audience holds, when it last went well, when its turn is; None for what is not.

    `drifted` says that the destination's count is far from what was sent. `freshness` is how many seconds ago the last
    success may be, `stale` that it is longer ago. `suppressed` and `held_out` are rows that were left out when its
    segment was evaluated last, None before that.
    """

    activation: str
    members: int | None = None
    last_success: datetime | None = None
    next_due: datetime | None = None
    drifted: bool = False
    freshness: int | None = None
    stale: bool = False
    suppressed: int | None = None
    held_out: int | None = None


@dataclass(frozen=True, slots=True)
class SuppressionHealth:
    """One suppression in effect: when it was last evaluated, and whether it cannot take effect."""

    name: str
    evaluated_at: datetime
    failing: bool = False


@dataclass(frozen=True, slots=True)
class HealthView:
    """How things stand. `failing_since` (aware, UTC) is when that began of which nothing has worked since.

    `undelivered` counts the notices that wait, by receiver, `open_receipts` the erasures without a good end.
    """

    rows: tuple[ActivationHealth, ...] = ()
    suppressions: tuple[SuppressionHealth, ...] = ()
    undelivered: Mapping[str, int] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()
    stopping: bool = False
    failing_since: datetime | None = None
    open_receipts: int = 0

    @property
    def status(self) -> str:
        if self.stopping:
            return "stopping"
        if self.failing_since is not None:
            return "failing"
        return "degraded" if self.reasons else "ok"

    @property
    def invalid_project(self) -> bool:
        return any(reason.code == "invalid-project" for reason in self.reasons)


@dataclass(slots=True)
class HealthBoard:
    """Where the newest view hangs."""

    view: HealthView = HealthView()


def health_document(view: HealthView) -> dict[str, Any]:
    """schemas/health.schema.json"""
    return {
        "format_version": HEALTH_FORMAT,
        "kind": "health",
        "status": view.status,
        "activations": len(view.rows),
        "reasons": [
            {"code": reason.code, "activation": reason.activation or None, "message": reason.message}
            for reason in view.reasons
        ],
    }
