"""The sandbox as one ASGI application."""

from __future__ import annotations

from time import monotonic

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runner.sandbox.admin import admin_api
from runner.sandbox.api import marketing_solutions_api, oauth, retail_media_api
from runner.sandbox.api.endpoints import not_served
from runner.sandbox.sandbox_options import OnAnswer
from runner.sandbox.world.sandbox_clock import http_date
from runner.sandbox.world.world import World


def application(world: World, on_answer: OnAnswer | None = None) -> ASGIApp:
    """All routes; a further service of Criteo is a further module with `routes`."""

    def nothing_here(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return not_served(world, request, status)

    routes = [
        *oauth.routes(world),
        *marketing_solutions_api.routes(world),
        *retail_media_api.routes(world),
        admin_api.mount(world),
    ]
    app = Starlette(routes=routes, exception_handlers={404: nothing_here, 405: nothing_here})
    app.router.redirect_slashes = False
    dated = _dated(app, world)
    return dated if on_answer is None else _told(dated, on_answer)


def _dated(app: ASGIApp, world: World) -> ASGIApp:
    """Every answer carries the date of the sandbox's clock."""

    async def dated(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["date"] = http_date(world.clock.now())
            await send(message)

        await app(scope, receive, send_dated)

    return dated


def _told(app: ASGIApp, on_answer: OnAnswer) -> ASGIApp:
    """Each call is reported when it has ended, whatever its end."""

    async def reporting(scope: Scope, receive: Receive, send: Send) -> None:
        began, status = monotonic(), None

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, send_noted)
        finally:
            on_answer(scope["method"], scope["path"], status, monotonic() - began)

    return reporting
