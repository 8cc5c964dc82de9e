"""A warehouse that a client with an id and a secret logs in to: Headcount asks for the token, once."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from runner.core.destination import Secret
from runner.core.findings import Location
from runner.sources.registry import WAREHOUSE_KINDS
from runner.sources.warehouse import UnusableSecret, WarehouseSource
from tests.end_to_end.shop import Shop

CLIENT_SECRET = "c2VjcmV0LW9mLWEtY2xpZW50"

SOURCE = """\
kind: Source
name: warehouse
type: snowflake
account: acme-eu1
user: HEADCOUNT
token_url: {url}
scope: session:role:READER
auth:
  method: oauth-client
  client_id: "{{{{ env('SNOWFLAKE_CLIENT_ID') }}}}"
  client_secret: "{{{{ env('SNOWFLAKE_CLIENT_SECRET') }}}}"
"""


@dataclass
class TokenService:
    """What it answers, and what it was asked: the login and the form of each call."""

    status: int = 200
    answer: bytes = b'{"access_token": "t0ken", "token_type": "bearer"}'
    url: str = ""
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[TokenService]:
    made = TokenService()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            login = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
            made.asked.append((login, parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())))
            self.send_response(made.status)
            if made.status in (301, 302, 307):
                self.send_header("Location", f"{made.url}/elsewhere")
            self.send_header("Content-Length", str(len(made.answer)))
            self.end_headers()
            self.wfile.write(made.answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}/token"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def service() -> Iterator[TokenService]:
    with serving() as made:
        yield made


@pytest.fixture
def crm(shop: Shop, service: TokenService) -> Shop:
    destination = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8").partition("---\n")[2]
    shop.write("activations/shop.yaml", f"{SOURCE.format(url=service.url)}---\n{destination}")
    shop.activation(sql="select email from people")
    shop.environment |= {"SNOWFLAKE_CLIENT_ID": "headcount", "SNOWFLAKE_CLIENT_SECRET": CLIENT_SECRET}
    return shop


def test_the_driver_is_given_the_token_that_the_client_got(service: TokenService) -> None:
    secrets = {"client_id": Secret("headcount"), "client_secret": Secret(CLIENT_SECRET)}
    settings = {"account": "acme-eu1", "user": "HEADCOUNT", "token_url": service.url, "scope": "session:role:READER"}
    source = WarehouseSource("warehouse", "snowflake", Location("a.yaml", 1, 1), settings, {}, "oauth-client", secrets)
    given = WAREHOUSE_KINDS["snowflake"].driver.options(source)
    assert given["adbc.snowflake.sql.auth_type"] == "auth_oauth"
    assert given["adbc.snowflake.sql.client_option.auth_token"] == "t0ken"
    form = {"grant_type": ["client_credentials"], "scope": ["session:role:READER"]}
    assert service.asked == [(f"headcount:{CLIENT_SECRET}", form)]
    assert WAREHOUSE_KINDS["snowflake"].hosts(source) == ("acme-eu1.snowflakecomputing.com", "127.0.0.1")


@pytest.mark.parametrize(
    ("status", "answer", "why"),
    [
        (401, b'{"error": "c2VjcmV0LW9mLWEtY2xpZW50 is wrong"}', "refused the client"),
        (200, b"{}", "gave no token"),
        (200, b'{"access_token": 7}', "gave no token"),
        (200, b"c2VjcmV0", "gave no token"),
        (200, b'{"access_token": "' + b"t" * 70_000 + b'"}', "gave no token"),
        (302, b"", "gave no token"),
        (503, b"busy", "gave no token"),
    ],
)
def test_what_is_no_token_fails_the_plan_after_one_attempt_and_none_of_it_is_shown(
    crm: Shop, service: TokenService, status: int, answer: bytes, why: str
) -> None:
    service.status, service.answer = status, answer
    crm.activation("second", name="Second", sql="select email from people")
    result = crm.run("plan", "--verbose", code=1)
    said = " ".join((result.out + result.err).split())
    assert f"source warehouse cannot be reached: the token service 127.0.0.1 {why}" in said
    assert "c2Vjc" not in said
    assert len(service.asked) == 1


def test_a_service_that_is_not_there_is_out_of_reach(crm: Shop, service: TokenService) -> None:
    crm.write(
        "activations/shop.yaml",
        (crm.folder / "activations/shop.yaml").read_text(encoding="utf-8").replace(service.url, "http://127.0.0.1:1/t"),
    )
    assert "the token service 127.0.0.1 is out of reach" in crm.run("plan", code=1).out


@pytest.mark.parametrize(
    ("before", "after", "code", "what"),
    [
        ("token_url: {url}\n", "", "missing-field", "needs `token_url`"),
        ("token_url: {url}", "token_url: http://login.example.com/token", "invalid-value", "token_url must be"),
        ("token_url: {url}", "token_url: https://me:pw@login.example.com/t", "invalid-value", "token_url must be"),
        ("method: oauth-client", "method: oauth", "unknown-field", "belongs to the method oauth-client"),
    ],
)
def test_an_address_that_is_missing_or_unsafe_is_a_finding(
    crm: Shop, service: TokenService, before: str, after: str, code: str, what: str
) -> None:
    path = crm.folder / "activations/shop.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(before.format(url=service.url), after), encoding="utf-8")
    findings = crm.run("validate", "--no-sources", "--format", "json", code=3).json["findings"]
    assert any(found["code"] == code and what in found["message"] for found in findings)
    assert not service.asked


def test_the_secret_goes_to_no_host_that_the_job_does_not_allow(crm: Shop, service: TokenService) -> None:
    allowed = {"HEADCOUNT_HOSTS": "*.snowflakecomputing.com"}
    [found] = crm.run("validate", "--no-sources", "--format", "json", code=3, **allowed).json["findings"]
    assert (found["code"], "127.0.0.1" in found["message"]) == ("host-not-allowed", True)


def test_a_databricks_client_gets_its_token_from_the_cluster_s_own_host(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"client_id": Secret("headcount"), "client_secret": Secret(CLIENT_SECRET)}
    settings = {"host": "dbc-1.invalid", "cluster": "0123"}
    source = WarehouseSource("lake", "databricks", Location("a.yaml", 1, 1), settings, {}, "oauth-client", secrets)
    asked: list[tuple[str, str]] = []

    def token(_: WarehouseSource, url: str, scope: str) -> str:
        asked.append((url, scope))
        return "t0ken"

    monkeypatch.setattr("runner.sources.oauth_client.token", token)
    assert WAREHOUSE_KINDS["databricks"].driver.options(source)["adbc.spark.token"] == "t0ken"
    assert asked == [("https://dbc-1.invalid/oidc/v1/token", "all-apis")]
    monkeypatch.undo()
    with pytest.raises(UnusableSecret, match=r"the token service dbc-1.invalid is out of reach"):
        WAREHOUSE_KINDS["databricks"].driver.options(source)
