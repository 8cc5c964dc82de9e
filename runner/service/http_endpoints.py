"""`/healthz`, `/metrics` and the pages of the report over HTTP, in a thread next to the loop."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from runner.core.errors import HeadcountError
from runner.listening import listen, url_of
from runner.listening.bounded_server import BoundedServer, ServerLimits
from runner.listening.gate import gated
from runner.service.health import HealthBoard, health_document
from runner.service.metrics import CONTENT_TYPE, Metrics
from runner.service.report_pages import ReportPages

LIMITS = ServerLimits(connections=32, seconds_to_read=10, seconds_idle=30)


_INDEX = "index.html"
_PAGE_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""What a page may do stands in it, too; that no other website frames it can only be said here."""


@contextmanager
def answering(
    host: str, port: int, names: Collection[str], board: HealthBoard, metrics: Metrics, report: ReportPages
) -> Iterator[str]:
    """Answer until the context is left; gives the URL. Raises HeadcountError when the port is taken.

    `names` are those under which this machine is reached, besides `host`, localhost and its addresses.
    """
    with listen(host, port, name="serve") as listener:
        app = _application(board, metrics, report)
        app = gated(app, names={host, *names}, name_hint="start serve with --allow-host NAME")
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


def _application(board: HealthBoard, metrics: Metrics, report: ReportPages) -> ASGIApp:
    def health(_: Request) -> Response:
        """200 while the service works, even if something is not well: to restart it would fix nothing."""
        view = board.view
        return JSONResponse(health_document(view), status_code=503 if view.stopping else 200)

    def measured(_: Request) -> Response:
        return Response(metrics.text(), headers={"content-type": CONTENT_TYPE})

    def page(request: Request) -> Response:
        name = request.url.path.removeprefix("/") or _INDEX
        try:
            found = report.page(name)
        except HeadcountError as error:
            said = ". ".join(part for part in (error.message, error.hint) if part)
            return PlainTextResponse(f"There is no report to show: {said}\n", 503, _PAGE_HEADERS)
        if found is None:
            return PlainTextResponse("There is no such page.\n", 404, _PAGE_HEADERS)
        return HTMLResponse(found, headers=_PAGE_HEADERS)

    pages = [Route(path, page) for path in ("/", f"/{_INDEX}", "/audiences/{name}", "/suppressions/{name}")]
    return Starlette(routes=[Route("/healthz", health), Route("/metrics", measured), *pages])
