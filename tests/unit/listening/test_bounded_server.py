"""The server over real sockets: whoever opens connections and says nothing keeps nobody else out."""

from __future__ import annotations

import logging
import os
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from runner.listening import listen
from runner.listening.bounded_server import BoundedServer, ServerLimits

CALL = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
HALF_OPEN = b"GET / HTTP/1.1\r\nHost: local"
HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf"


@contextmanager
def served(**limits: float) -> Iterator[int]:
    """The port of a server that answers each call with the length of its body."""

    async def answer(request: Request) -> Response:
        return PlainTextResponse(f"{len(await request.body())} bytes")

    app = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])
    with listen("127.0.0.1", 0, name="the test") as listener:
        server = BoundedServer(app, name="the test", limits=ServerLimits(**limits))  # type: ignore[arg-type]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def connected(port: int, said: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(said)
    return connection


def answered(port: int) -> bool:
    with connected(port, CALL) as connection:
        return connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has ended it; waits for that, or fails."""
    with suppress(ConnectionResetError):
        return connection.recv(1000) == b""
    return True


@pytest.mark.parametrize("said", [b"", HALF_OPEN, HALF_A_BODY])
def test_the_oldest_that_say_nothing_make_room_for_those_that_do(said: bytes) -> None:
    with served(connections=4) as port, ExitStack() as stack:
        silent = [stack.enter_context(connected(port, said)) for _ in range(40)]
        assert answered(port)
        assert all(is_closed(one) for one in silent[:30])


@pytest.mark.parametrize("said", [b"", HALF_OPEN, HALF_A_BODY])
def test_a_request_that_does_not_arrive_in_time_is_given_up(said: bytes) -> None:
    with served(seconds_to_read=0.1) as port, connected(port, said) as connection:
        assert is_closed(connection)


def test_a_drop_now_and_then_does_not_put_off_the_deadline() -> None:
    with served(seconds_to_read=0.3) as port, connected(port, b"GET / HTTP/1.1\r\n") as connection:
        connection.settimeout(0.05)
        with suppress(ConnectionError):
            for _ in range(200):
                connection.sendall(b"X-Slow: 1\r\n")
                with suppress(TimeoutError):
                    assert connection.recv(1000) == b""
                    return
            pytest.fail("the server waits for ever")


def test_a_connection_between_two_requests_has_no_deadline() -> None:
    with served(seconds_to_read=0.1) as port, connected(port, CALL) as connection, connection.makefile("rb") as answers:
        head = list(iter(answers.readline, b"\r\n"))
        assert head[0].startswith(b"HTTP/1.1 200 ")
        assert answers.read(len(b"0 bytes")) == b"0 bytes"
        with served(seconds_to_read=0.2) as other, connected(other) as silent:
            assert is_closed(silent)  # by now the first one's deadline is over
        connection.sendall(CALL)
        assert answers.readline().startswith(b"HTTP/1.1 200 ")


def test_a_head_that_does_not_end_is_refused() -> None:
    with served() as port, connected(port) as connection:
        with suppress(ConnectionError):
            connection.sendall(b"GET / HTTP/1.1\r\n" + b"X-Long: y\r\n" * 20_000)
        with suppress(ConnectionError):
            assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_no_file_left_to_open_is_logged_once_and_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with served() as port, ExitStack() as stack, caplog.at_level(logging.DEBUG):
        assert answered(port)
        held = [os.open(os.devnull, os.O_RDONLY)]
        clients = [socket.socket() for _ in range(20)]
        for client in clients:
            stack.enter_context(client)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(held[0], *(c.fileno() for c in clients)) + 1, hard))
        try:
            with suppress(OSError):
                while True:
                    held.append(os.open(os.devnull, os.O_RDONLY))
            for client in clients:
                client.connect(("127.0.0.1", port))
                client.sendall(CALL)
            clients[0].settimeout(0.2)
            with pytest.raises(TimeoutError):
                clients[0].recv(1000)
        finally:
            for number in held:
                os.close(number)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        clients[0].settimeout(10)
        assert clients[0].recv(1000).startswith(b"HTTP/1.1 200 ")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "the test cannot accept connections: too many files are open, or no memory is left; it goes on trying"
    ]
