"""Requests to the admin path, and how they are answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.core.errors import UsageError
from runner.sandbox.api.request_body import read_body
from runner.sandbox.api.responses import json_answer
from runner.sandbox.api.validators import Shape
from runner.sandbox.world.world import World

LARGEST_BODY = 1_000_000
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to the admin path; `body` has the shape that its route asks for."""

    world: World
    request: Request
    body: Any


AdminWork = Callable[[Ask], Any]


class Wrong(Exception):
    """The request makes no sense; the message says why."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def admin_route(world: World, method: str, path: str, work: AdminWork, shape: Shape | None = None) -> Route:
    """A route of the admin path. With a `shape`, a JSON body of that shape is required."""

    async def endpoint(request: Request) -> Response:
        try:
            body = None if shape is None else _body(await read_body(request, LARGEST_BODY), shape)
            return json_answer({"data": work(Ask(world, request, body))})
        except Wrong as wrong:
            return json_answer({"error": str(wrong)}, wrong.status)
        except UsageError as error:
            return json_answer({"error": " - ".join(filter(None, (error.message, error.hint)))}, 400)

    return Route(path, endpoint, methods=[method])


def _body(raw: bytes | None, shape: Shape) -> Any:
    if raw is None:
        raise Wrong(f"the body is larger than {LARGEST_BODY:,} bytes", 413)
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise Wrong("the body is not JSON") from None
    for problem in shape(body, ""):
        raise Wrong(f"{problem.where or 'the body'} {problem.detail}")
    return body
