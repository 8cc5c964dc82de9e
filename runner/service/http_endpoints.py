"""`/healthz` and `/metrics` over HTTP, in a thread next to the loop."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.listening import listen, url_of
from runner.listening.bounded_server import BoundedServer, ServerLimits
from runner.listening.gate import gated
from runner.service.health import HealthBoard, health_document
from runner.service.metrics import CONTENT_TYPE, Metrics

LIMITS = ServerLimits(connections=32, seconds_to_read=10, seconds_idle=30)


@contextmanager
def answering(host: str, port: int, names: Collection[str], board: HealthBoard, metrics: Metrics) -> Iterator[str]:
    """Answer until the context is left; gives the URL. Raises HeadcountError when the port is taken.

    `names` are those under which this machine is reached, besides `host`, localhost and its addresses.
    """
    with listen(host, port, name="serve") as listener:
        app = gated(_application(board, metrics), names={host, *names}, name_hint="start serve with --allow-host NAME")
        server = BoundedServer(app, name="serve", limits=LIMITS)
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
