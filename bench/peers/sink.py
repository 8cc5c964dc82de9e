"""A local HTTP server that takes whatever it is sent: `python -m bench.peers.sink PORT`.

Every answer is the same small JSON object, which both peers read as success.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWER = b'{"id": "1", "data": []}'


class Sink(BaseHTTPRequestHandler):
    """Reads the body, answers 200."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        left = int(self.headers.get("Content-Length", 0))
        while left > 0:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    do_POST = do_DELETE = do_PUT = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nobody asked for a log."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Sink).serve_forever()
