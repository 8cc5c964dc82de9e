"""An HTTP server that nobody who reaches its port can make hold more than it has: connections, time, memory, log.

A connection too many takes the place of the one that has waited longest without a whole request, so that opening
connections and saying nothing keeps nobody else out. The head of a request is bounded by uvicorn (64 KiB at most), how
long a request may take to arrive by `ServerLimits`; what is read of a body is the application's business.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from runner.listening import BACKLOG
from runner.quick_dataclass import dataclass

log = logging.getLogger("headcount.listening")

# Nobody asked for a log of requests that are no HTTP, least of all on standard error.
logging.getLogger("uvicorn").addHandler(logging.NullHandler())

ACCEPTED_AT_ONCE = 8
"""Connections that are accepted in one go, before any of them can be looked at: so many over the limit at most."""

SECONDS_BETWEEN_WARNINGS = 60.0


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """How many connections at a time, and in seconds: until a request has arrived whole, and until one is idle."""

    connections: int = 64
    seconds_to_read: float = 30.0
    seconds_idle: int = 75


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 on one connection, within the limits."""

    def __init__(self, *arguments: Any, limits: ServerLimits, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.limits = limits
        self.waiting_since = 0.0
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the next thing to come is a request, or the rest of one."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.waiting_since = self.loop.time()
        self._set_deadline()
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._drop_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_the_clock()

    def on_response_complete(self) -> None:
        self.waiting_since = self.loop.time()
        super().on_response_complete()
        self._watch_the_clock()

    def _make_room(self) -> None:
        """End the connection that has waited longest, where there is one too many; this one at worst."""
        others = (one for one in self.connections if isinstance(one, BoundedProtocol))
        there = [one for one in others if not one.transport.is_closing()]
        if len(there) > self.limits.connections:
            min((one for one in there if one.is_waiting), key=lambda one: one.waiting_since).transport.abort()

    def _watch_the_clock(self) -> None:
        """A deadline for a request that has begun to arrive; none between two, which `seconds_idle` bounds."""
        state = self.conn.their_state
        if state is h11.SEND_BODY or (state is h11.IDLE and self.conn.trailing_data[0]):
            if self._deadline is None:
                self._set_deadline()
        elif state is not h11.IDLE:
            self._drop_deadline()

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.limits.seconds_to_read, self._too_late)

    def _drop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        self.transport.abort()


class BoundedServer(uvicorn.Server):
    """Answers on listeners that were opened before; `name` is what it is called in the log."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        name: str,
        limits: ServerLimits,
        protocol: Callable[..., BoundedProtocol] = BoundedProtocol,
        date_header: bool = True,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(protocol, limits=limits),  # type: ignore[arg-type]
                ws="none",
                loop="asyncio",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=date_header,
                backlog=ACCEPTED_AT_ONCE,
                timeout_keep_alive=limits.seconds_idle,
                timeout_graceful_shutdown=2,
            )
        )
        self._name = name
        self._warned: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(self._went_wrong)
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(BACKLOG)  # those that wait cost nothing; asyncio has set how many it accepts in one go

    def _went_wrong(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio would log with a traceback: each second and many times where no file can be opened any more."""
        error = context.get("exception")
        if "accept" not in context["message"]:
            log.debug("%s: a connection ended with %s", self._name, type(error).__name__)
        elif self._warned is None or loop.time() - self._warned >= SECONDS_BETWEEN_WARNINGS:
            self._warned = loop.time()
            log.warning(
                "%s cannot accept connections: too many files are open, or no memory is left; it goes on trying",
                self._name,
            )
