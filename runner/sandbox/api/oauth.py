"""The token endpoint (OAuth client credentials, RFC 6749 errors, no Criteo envelope), and the app behind a token."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.routing import Route

from runner.sandbox.api.bulk_calls import answer
from runner.sandbox.api.endpoints import Incoming, IncomingCall, faulty_endpoint
from runner.sandbox.api.error_envelopes import Family
from runner.sandbox.api.responses import json_answer
from runner.sandbox.world.segment_records import CriteoService
from runner.sandbox.world.world import World

_NAMES = {CriteoService.MARKETING_SOLUTIONS: "MarketingSolutions", CriteoService.RETAIL_MEDIA: "RetailMedia"}

_INVALID_CLIENT = (
    "The client authentication failed, the provided client_id doesn't exist or the client_secret is invalid"
)


def routes(world: World) -> list[Route]:
    """The routes that give out tokens."""

    def token(incoming: Incoming) -> Response:
        return _token(world, incoming)

    return [Route("/oauth2/token", faulty_endpoint(world, token, Family.BULK), methods=["POST"])]


def _token(world: World, incoming: Incoming) -> Response:
    media_type = incoming.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        return _error(400, "invalid_request", "The content type must be application/x-www-form-urlencoded")
    try:
        form = dict(parse_qsl((incoming.raw or b"").decode("ascii"), keep_blank_values=True, strict_parsing=True))
    except ValueError:
        return _error(400, "invalid_request", "The body is not a form")
    missing = [name for name in ("grant_type", "client_id", "client_secret") if not form.get(name)]
    if missing:
        return _error(400, "invalid_request", f"Missing: {', '.join(missing)}")
    app = world.apps.get(form["client_id"])
    if app is None or not hmac.compare_digest(app.client_secret.encode(), form["client_secret"].encode()):
        return _error(401, "invalid_client", _INVALID_CLIENT)
    incoming.record.client_id = app.client_id
    if form["grant_type"] != "client_credentials":
        return _error(400, "unsupported_grant_type", "The application may only use client_credentials")
    # The key refresh_token is there, and null: Criteo's own SDK fails without it.
    return json_answer(
        {
            "access_token": world.tokens.issue(app.client_id, world.clock.now()),
            "token_type": "Bearer",
            "refresh_token": None,
            "expires_in": world.options.token_life,
        },
        headers={"cache-control": "no-store"},
    )


def _error(status: int, error: str, description: str) -> Response:
    return json_answer({"error": error, "error_description": description}, status)


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
