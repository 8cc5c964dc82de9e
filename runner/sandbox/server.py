"""The sandbox as a real HTTP server on a loopback port."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from runner.core.errors import HeadcountError
from runner.listening import listen, url_of
from runner.listening.bounded_server import BoundedProtocol, BoundedServer, ServerLimits
from runner.listening.gate import gated
from runner.sandbox.api.responses import TRANSPORT
from runner.sandbox.asgi_app import application
from runner.sandbox.sandbox_options import OnAnswer, SandboxOptions
from runner.sandbox.world.world import World

LIMITS = ServerLimits(connections=128, seconds_to_read=60, seconds_idle=75)


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


class _Protocol(BoundedProtocol):
    """HTTP/1.1, with the connection's transport in reach of the answers that misuse it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        one_write = _OneWrite(transport, self.loop)
        self.app_state = {**self.app_state, TRANSPORT: one_write}
        super().connection_made(one_write)


class _Server(BoundedServer):
    """A server that tells when it is up, and ends the answers that take their time when it stops."""

    def __init__(self, world: World, host: str, on_up: Callable[[], None], on_answer: OnAnswer | None = None) -> None:
        app = gated(application(world, on_answer), names={host}, name_hint="use localhost or an IP address")
        super().__init__(app, name="the sandbox", limits=LIMITS, protocol=_Protocol, date_header=False)
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


def serve(
    options: SandboxOptions,
    port: int,
    on_ready: Callable[[str], None] | None,
    on_answer: OnAnswer | None,
    host: str,
) -> None:
    """See runner.sandbox.serve."""
    with listen(host, port, name="the sandbox") as listener, contextlib.closing(World(options)) as world:
        url = url_of(listener)
        server = _Server(world, host, lambda: on_ready(url) if on_ready else None, on_answer)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


@contextlib.contextmanager
def running(options: SandboxOptions, port: int) -> Iterator[str]:
    """See runner.sandbox.running."""
    with listen("127.0.0.1", port, name="the sandbox") as listener, contextlib.closing(World(options)) as world:
        url = url_of(listener)
        up = threading.Event()
        server = _Server(world, "127.0.0.1", up.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True)
        thread.start()
        try:
            if not up.wait(timeout=30):
                raise HeadcountError("the sandbox did not start")
            yield url
        finally:
            server.should_exit = True
            thread.join()
