"""A receiver of notices on this machine: keeps what is posted, and answers, fails or hangs as it is asked to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Webhook:
    """`status` is what it answers; `hangs` lets it take a message and never answer; `posted` are the bodies it got."""

    url: str = ""
    status: int = 200
    location: str = ""
    hangs: bool = False
    posted: list[Any] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def notices(self) -> list[dict[str, Any]]:
        """Every notice that was posted as JSON, whatever was answered."""
        return [one for body in self.posted for one in body["notices"]]

    def said(self) -> list[tuple[str, str, str]]:
        """What each of them is about, and forgets them."""
        found = [(one["subject"], one["condition"], one["status"]) for one in self.notices]
        self.posted.clear()
        return found


@contextmanager
def webhook() -> Iterator[Webhook]:
    """A receiver, at a port of its own and a path that is a secret."""
    made = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if made.hangs:
                made.ended.wait(60)
                return
            self.send_response(made.status)
            if made.location:
                self.send_header("Location", made.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}/services/SECRETPATH"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
