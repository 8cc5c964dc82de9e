from __future__ import annotations

import builtins
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from typing import Any

import pytest
import requests

from runner.core.errors import HeadcountError, UsageError
from runner.sandbox import App, SandboxOptions, serve
from tests.contract.sandbox.api import SEGMENTS, Api
from tests.sandbox_client import Sandbox, running

WITH_UVICORN = ("runner.sandbox.server", "runner.listening.bounded_server")

SERVE = """
from runner.sandbox import SandboxOptions, serve
serve(SandboxOptions(), 0, lambda url: print(url, flush=True))
print("ended", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_served_sandbox_ends_cleanly_on_a_signal_and_prints_nothing(number: signal.Signals) -> None:
    command = [sys.executable, "-c", SERVE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        sandbox = Sandbox(process.stdout.readline().strip())
        session = requests.Session()
        assert session.get(f"{sandbox.url}/2026-07/advertisers/me", timeout=10).status_code == 401
        with socket.create_connection(("127.0.0.1", sandbox.port), timeout=10) as connection:
            connection.sendall(b"hello\r\n\r\n")
            assert connection.recv(65_536).startswith(b"HTTP/1.1 400 ")
        os.kill(process.pid, number)
        assert process.stdout.read() == "ended\n"
        assert process.stderr.read() == ""
        assert process.wait() == 0
        session.close()


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(HeadcountError, match=rf"127\.0\.0\.1:{port}"):
            serve(SandboxOptions(), port)


def test_a_stopped_sandbox_gives_back_its_port() -> None:
    with running() as first:
        Api(first).session.close()
    with running(port=first.port) as second:
        assert second.url == first.url
    with pytest.raises(requests.ConnectionError):
        requests.get(first.url, timeout=5)


def test_several_sandboxes_run_side_by_side() -> None:
    with running() as first, running() as second:
        api = Api(first)
        api.create("a")
        assert (len(first.segments()), len(second.segments())) == (1, 0)
        api.session.close()


def test_a_missing_library_is_told_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "uvicorn":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *arguments, **more)

    for name in [name for name in sys.modules if name.startswith(WITH_UVICORN)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("runner.sandbox.server", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(HeadcountError, match="uvicorn") as raised, running():
        pass
    assert "PATH[sandbox]" in raised.value.hint


def test_importing_the_options_does_not_import_a_server() -> None:
    code = "import sys, runner.sandbox; sys.exit(any(name in sys.modules for name in ('starlette', 'uvicorn')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_app_for_an_advertiser_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="999"):
        SandboxOptions(apps=(App("a", "b", ("999",)),))


def test_no_secret_shows_in_the_options() -> None:
    assert "hush" not in repr(SandboxOptions(apps=(App("a", "hush", ()),)))


def test_calls_at_the_same_time_are_all_answered(sandbox: Sandbox) -> None:
    api = Api(sandbox)
    segment_id = api.create("a")

    def add(part: int) -> None:
        own = Api(sandbox)
        own.amend(segment_id, "add", [f"{part:032x}{number:032x}" for number in range(2_000)])
        own.session.close()

    threads = [threading.Thread(target=add, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert api.size(segment_id) == 8_000
    api.session.close()


def test_head_and_body_of_an_answer_come_in_one_piece(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=10) as connection:
        for _ in range(20):
            connection.sendall(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head, _, body = connection.recv(65_536).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 404 ")
            assert body.endswith(b'"warnings":[]}')


def test_a_mistake_of_the_sandbox_is_a_500_that_tells_no_data(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("canary@example.com")

    segment_id = api.create("a")
    monkeypatch.setattr("runner.sandbox.api.list_members.read", broken)
    answer = api.amend(segment_id, "add", ["canary@example.com"])
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (500, "internal-error")
    assert "KeyError" in caplog.text
    assert "canary" not in caplog.text + answer.text


def test_a_client_that_hangs_up_in_the_middle_of_a_body_does_no_harm(api: Api) -> None:
    segment_id = api.create("a")
    with socket.create_connection(("127.0.0.1", api.sandbox.port), timeout=10) as connection:
        head = f"PATCH {SEGMENTS}/{segment_id}/contact-list HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
        connection.sendall(head.encode() + b'{"data"')
    assert api.size(segment_id) == 0


def test_a_call_is_logged_when_it_has_arrived_whole_and_taken_effect(api: Api) -> None:
    segment_id = api.create("a")
    attributes = {"operation": "add", "identifierType": "email", "identifiers": ["0" * 64]}
    body = json.dumps({"data": {"type": "ContactlistAmendment", "attributes": attributes}}).encode()
    head = f"PATCH {SEGMENTS}/{segment_id}/contact-list HTTP/1.1\r\nHost: localhost\r\n"
    head += f"Authorization: {api.session.headers['Authorization']!s}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", api.sandbox.port), timeout=10) as connection:
        connection.sendall(head.encode() + body[:20])
        assert api.size(segment_id) == 0
        assert not api.sandbox.calls("contact-list", method="PATCH")
        connection.sendall(body[20:])
        while not api.sandbox.calls("contact-list", method="PATCH"):
            pass
        assert len(api.sandbox.members(segment_id, "email")) == 1


@pytest.mark.parametrize("options", [(), ("--quiet",)])
def test_the_command_prints_a_line_for_each_call_unless_it_is_to_be_quiet(options: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "runner", "sandbox", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().split()[-1]
        form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox"}
        token = requests.post(f"{url}/oauth2/token", data=form, timeout=10).json()["access_token"]
        requests.get(f"{url}/2026-07/x%0A%23%23[error]?email=a%40b.example", timeout=10)
        process.terminate()
        printed = process.stderr.read()
    lines = [re.sub(r"\d+ ms", "N ms", line) for line in printed.splitlines()]
    expected = ["POST /oauth2/token 200 N ms", r"GET /2026-07/x\n\x23#[error] 404 N ms"]
    assert lines == ([] if options else expected)
    assert token not in printed
    assert "b.example" not in printed
