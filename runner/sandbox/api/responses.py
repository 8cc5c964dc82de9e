"""Answers as the sandbox sends them, the broken ones included."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

TRANSPORT = "transport"
"""Where the server keeps a connection's transport in the state of each of its requests."""

_TRICKLE = 0.05
"""Seconds between two bytes of an endless answer."""

_PAGE = """<!DOCTYPE html>
<html><head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>gateway</center></body></html>
"""


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, headers, "application/json; charset=utf-8")


def html_page(status: int) -> Response:
    """What a gateway in front of the API answers when nothing stands behind it."""
    return Response(_PAGE, status, media_type="text/html")


class Dropped(Response):
    """No answer: the connection is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"][TRANSPORT].abort()
        # The server may only forget about the request once it has noticed that nobody waits for an answer.
        while (await receive())["type"] != "http.disconnect":
            pass


class Hanging(Response):
    """No answer, and an open connection, until the client or the sandbox gives up."""

    def __init__(self, stopping: asyncio.Event) -> None:
        super().__init__()
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _first(asyncio.ensure_future(receive()), asyncio.ensure_future(self._stopping.wait()))
        await Dropped()(scope, receive, send)


class Truncated(Response):
    """The head and half the body of an answer, and then the connection is closed."""

    def __init__(self, whole: Response) -> None:
        super().__init__(whole.body, whole.status_code, dict(whole.headers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body[: len(self.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})
        scope["state"][TRANSPORT].close()
        while (await receive())["type"] != "http.disconnect":
            pass


class Slow(Response):
    """An answer that lets the client wait, unless the sandbox is stopped."""

    def __init__(self, whole: Response, seconds: float, stopping: asyncio.Event) -> None:
        super().__init__(whole.body, whole.status_code, dict(whole.headers))
        self._seconds, self._stopping = seconds, stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), self._seconds)
        await super().__call__(scope, receive, send)


class Endless(Response):
    """An answer that starts like a good one and goes on until the client or the sandbox gives up."""

    def __init__(self, stopping: asyncio.Event) -> None:
        super().__init__(media_type="application/json")
        del self.headers["content-length"]
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": b'{"data":', "more_body": True})
        gone = asyncio.ensure_future(receive())
        stop = asyncio.ensure_future(self._stopping.wait())
        while not await _first(gone, stop, timeout=_TRICKLE):
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
        scope["state"][TRANSPORT].abort()


async def _first(*waits: asyncio.Future[Any], timeout: float | None = None) -> bool:
    """Whether one of them came to its end within the seconds given; the others then end too."""
    done, others = await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for other in others if done else ():
        other.cancel()
    return bool(done)
