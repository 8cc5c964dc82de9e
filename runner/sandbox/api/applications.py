"""The app behind a token, as each service tells of it."""

from __future__ import annotations

from typing import Any

from runner.sandbox.api.bulk_calls import answer
from runner.sandbox.api.endpoints import IncomingCall
from runner.sandbox.api.services import CriteoService

_NAMES = {CriteoService.MARKETING_SOLUTIONS: "MarketingSolutions", CriteoService.RETAIL_MEDIA: "RetailMedia"}


def me(call: IncomingCall) -> dict[str, Any]:
    """The caller. At Criteo an app belongs to one service; here one may use both, and each calls it its own."""
    return answer(
        {
            "type": "Application",
            "attributes": {
                "applicationId": 1 + list(call.world.apps).index(call.client_id),
                "organizationId": 1,
                "name": call.client_id,
                "description": "An app of the sandbox",
                "criteoService": _NAMES[call.service],
            },
        }
    )
