"""`/healthz` and `/metrics` over HTTP, in a thread next to the loop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.listening import listen, url_of
from runner.service.health import HealthBoard, health_document
from runner.service.metrics import CONTENT_TYPE, Metrics


@contextmanager
def answering(host: str, port: int, board: HealthBoard, metrics: Metrics) -> Iterator[str]:
    """Answer until the context is left; gives the URL. Raises HeadcountError when the port is taken."""
    with listen(host, port, name="serve") as listener:
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
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join()


def _application(board: HealthBoard, metrics: Metrics) -> Starlette:
    def health(_: Request) -> Response:
        """200 while the service works, even if something is not well: to restart it would fix nothing."""
        view = board.view
        return JSONResponse(health_document(view), status_code=503 if view.stopping else 200)

    def measured(_: Request) -> Response:
        return Response(metrics.text(), headers={"content-type": CONTENT_TYPE})

    return Starlette(routes=[Route("/healthz", health), Route("/metrics", measured)])
