"""A tiny scripted stand-in for Criteo on a loopback port: it answers what the test laid out, and keeps what it got."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

Headers = dict[str, str]


@dataclass(frozen=True)
class Reply:
    """One answer. `body` is sent as it is where it is bytes, as JSON otherwise. `fault` is `drop` (no answer at
    all), `drip` (a byte now and then) or `truncate` (half a body)."""

    status: int = 200
    body: Any = None
    headers: Headers = field(default_factory=dict)
    fault: str = ""

    @property
    def payload(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: Headers
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(self.body.decode(), strict_parsing=True).items()}


class FakeCriteo:
    """`replies` are given to API calls in order, `token_replies` to token requests; without one, a token is given."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.replies: deque[Reply] = deque()
        self.token_replies: deque[Reply] = deque()
        self.received: list[Received] = []
        self.token_requests: list[Received] = []
        self.sockets: set[Any] = set()
        self.token_life = 900
        self.ended = threading.Event()
        self.lock = threading.Lock()

    def will(self, *replies: Reply) -> None:
        self.replies.extend(replies)

    def take(self, request: Received) -> Reply:
        with self.lock:
            if request.path == "/oauth2/token":
                self.token_requests.append(request)
                token = {"access_token": f"token-{len(self.token_requests)}", "token_type": "Bearer"}
                token |= {"refresh_token": None, "expires_in": self.token_life}
                return self.token_replies.popleft() if self.token_replies else Reply(body=token)
            self.received.append(request)
            return self.replies.popleft() if self.replies else Reply(418, {"errors": [problem("nothing-laid-out")]})

    @property
    def calls(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.received]


def problem(code: str, title: str = "", type: str = "validation") -> dict[str, Any]:
    return {"traceId": "56ed4096-f96a-4944-8881-05468efe0ec9", "type": type, "code": code, "title": title or code}


def handler_of(fake: FakeCriteo) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            fake.sockets.add(self.client_address)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = fake.take(Received(self.command, self.path, dict(self.headers), body))
            if reply.fault == "drop":
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            payload = reply.payload
            given = {"Content-Type": "application/json", "Content-Length": str(len(payload)), **reply.headers}
            head = f"HTTP/1.1 {reply.status} X\r\n" + "".join(f"{key}: {value}\r\n" for key, value in given.items())
            if reply.fault:
                self.close_connection = True
                payload = payload[: len(payload) // 2]
            self.wfile.write(head.encode() + b"\r\n" + payload)
            if reply.fault == "drip":
                self.drip()

        def drip(self) -> None:
            with suppress(OSError):
                while not fake.ended.wait(0.001):
                    self.wfile.write(b" ")

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - names that http.server asks for

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def fake_criteo() -> Iterator[FakeCriteo]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.daemon_threads = True
    fake = FakeCriteo(server.server_address[1])
    server.RequestHandlerClass = handler_of(fake)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
    thread.start()
    try:
        yield fake
    finally:
        fake.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
