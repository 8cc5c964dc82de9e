"""The sandbox as a real HTTP server on a loopback port."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from runner.core.errors import HeadcountError
from runner.listening import listen, url_of
from runner.sandbox.api.responses import TRANSPORT
from runner.sandbox.asgi_app import application
from runner.sandbox.sandbox_options import SandboxOptions
from runner.sandbox.world.world import World

# Nobody asked for a log of requests that are no HTTP, least of all on standard error.
logging.getLogger("uvicorn").addHandler(logging.NullHandler())

_KEEP_ALIVE = 75
"""Seconds that an idle connection is kept."""


class _OneWrite(asyncio.Transport):
    """A transport that sends what was written in one go in one go: head and body of an answer in one packet."""

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._inner, self._loop = inner, loop
        self._pending: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._pending:
            self._loop.call_soon(self._flush)
        self._pending.append(bytes(data))

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        if pending and not self._inner.is_closing():
            self._inner.write(b"".join(pending))

    def close(self) -> None:
        self._flush()
        self._inner.close()

    def abort(self) -> None:
        self._pending.clear()
        self._inner.abort()

    def is_closing(self) -> bool:
        return self._inner.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._inner.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        self._inner.resume_reading()


class _Protocol(H11Protocol):
    """HTTP/1.1, with the connection's transport in reach of the answers that misuse it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        one_write = _OneWrite(transport, self.loop)
        self.app_state = {**self.app_state, TRANSPORT: one_write}
        super().connection_made(one_write)


class _Server(uvicorn.Server):
    """A server that tells when it is up, and ends the answers that take their time when it stops."""

    def __init__(self, world: World, on_up: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                application(world),
                http=_Protocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=5,
            )
        )
        self._world, self._on_up = world, on_up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_up()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the serving and nothing else; uvicorn would raise them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._world.stopping.set()
        await super().shutdown(sockets)


def serve(options: SandboxOptions, port: int, on_ready: Callable[[str], None] | None, host: str) -> None:
    """See runner.sandbox.serve."""
    with listen(host, port, name="the sandbox") as listener, contextlib.closing(World(options)) as world:
        url = url_of(listener)
        server = _Server(world, lambda: on_ready(url) if on_ready else None)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


@contextlib.contextmanager
def running(options: SandboxOptions, port: int) -> Iterator[str]:
    """See runner.sandbox.running."""
    with listen("127.0.0.1", port, name="the sandbox") as listener, contextlib.closing(World(options)) as world:
        url = url_of(listener)
        up = threading.Event()
        server = _Server(world, up.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True)
        thread.start()
        try:
            if not up.wait(timeout=30):
                raise HeadcountError("the sandbox did not start")
            yield url
        finally:
            server.should_exit = True
            thread.join()
