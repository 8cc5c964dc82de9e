"""`/healthz` and `/metrics` over HTTP, in a thread beside the loop."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.errors import HeadcountError
from runner.service.board import Board, health_document
from runner.service.metrics import CONTENT_TYPE, Metrics


@contextmanager
def answering(host: str, port: int, board: Board, metrics: Metrics) -> Iterator[str]:
    """Answer until the context is left; gives the URL. Raises HeadcountError when the port is taken."""
    with _listening(host, port) as listener:
        config = uvicorn.Config(
            _application(board, metrics),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="headcount-serve", daemon=True
        )
        thread.start()
        try:
            yield _url(listener)
        finally:
            server.should_exit = True
            thread.join()


def _application(board: Board, metrics: Metrics) -> Starlette:
    def health(_: Request) -> Response:
        """200 while the service works, even if something is not well: to restart it would mend nothing."""
        view = board.view
        return JSONResponse(health_document(view), status_code=503 if view.stopping else 200)

    def measured(_: Request) -> Response:
        return Response(metrics.text(), headers={"content-type": CONTENT_TYPE})

    return Starlette(routes=[Route("/healthz", health), Route("/metrics", measured)])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise HeadcountError(
            f"serve cannot listen on {host}:{port}: {error.strerror}", "choose another --port"
        ) from None


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
