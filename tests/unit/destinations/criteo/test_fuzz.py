"""Whatever Criteo answers, a call ends in a value or in an error of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import urllib3
from hypothesis import example, given
from hypothesis import strategies as st
from requests.adapters import BaseAdapter

from runner.core.destination import DestinationClient
from runner.core.errors import HeadcountError
from runner.core.identifiers import IdentifierType, Operation
from runner.destinations.criteo.api_client import Transport
from runner.destinations.criteo.connect import connect
from runner.destinations.criteo.rate_limit import RateLimiters
from runner.destinations.criteo.retries import Retries
from tests.builders import destination
from tests.unit.destinations.criteo.clock import FakeClock

CANARY = "5e" * 32
TOKEN = b'{"access_token": "t", "expires_in": 900}'


class Fixed(BaseAdapter):
    """Answers every call alike, without a socket."""

    def __init__(self) -> None:
        super().__init__()
        self.status = 200
        self.body = b""
        self.headers: dict[str, str] = {}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        asked_token = (request.url or "").endswith("/oauth2/token")
        raw = urllib3.HTTPResponse(
            body=_stream(TOKEN if asked_token else self.body),
            headers={} if asked_token else self.headers,
            status=200 if asked_token else self.status,
            preload_content=False,
        )
        response = requests.Response()
        response.status_code, response.raw, response.request = raw.status, raw, request
        response.headers.update(raw.headers)
        return response

    def close(self) -> None:
        """Nothing is open."""


def _stream(body: bytes) -> Any:
    from io import BytesIO

    return BytesIO(body)


@pytest.fixture(scope="module")
def fixed() -> Fixed:
    return Fixed()


SERVICES = {
    "criteo": destination(),
    "criteo-retail-media": destination(type="criteo-retail-media", account_id="555", retailer_id="12"),
}


@pytest.fixture(scope="module", params=SERVICES)
def connection(fixed: Fixed, request: pytest.FixtureRequest) -> Iterator[DestinationClient]:
    def session() -> requests.Session:
        made = requests.Session()
        made.mount("https://", fixed)
        return made

    transport = Transport(FakeClock().clock, Retries(tries=2), RateLimiters(), session)
    made = connect(SERVICES[request.param], environ={}, transport=transport)
    yield made
    made.close()


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["7", "Loyal", CANARY, "a@b.c", ""])
keys = st.sampled_from(
    ["data", "errors", "warnings", "metadata", "meta", "id", "type", "attributes", "name", "description", "createdAt",
     "code", "title", "detail", "instance", "traceId", "totalItems", "totalItemCount", "contactListId", "accountId",
     "nbValidIdentifiers", "nbInvalidIdentifiers", "sampleInvalidIdentifiers", "numberOfIdentifiers", "size"]
)  # fmt: skip
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5), max_leaves=25
)
items = st.fixed_dictionaries({"id": leaves, "attributes": values}, optional={"type": leaves, "name": leaves})
envelopes = st.fixed_dictionaries({"data": items | st.lists(items | values, max_size=4)}, optional={"errors": values})
bodies = st.binary(max_size=60) | (values | envelopes).map(lambda value: json.dumps(value).encode())
statuses = st.sampled_from([200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 409, 429, 500, 503, 599])
headers = st.dictionaries(
    st.sampled_from(["Date", "Retry-After", "x-ratelimit-reset", "x-ratelimit-remaining", "Content-Encoding"]),
    st.sampled_from(["", "0", "17", "99999999999", "Tue, 24 Nov 2026 09:30:05 GMT", "gzip", "x"]),
    max_size=4,
)

CALLS = {
    "accounts": lambda connection: connection.accounts(),
    "check_account": lambda connection: connection.check_account(),
    "audiences": lambda connection: connection.audiences(),
    "create": lambda connection: connection.create("Loyal", "", (IdentifierType.EMAIL,)),
    "update": lambda connection: connection.update("7", "Loyal", ""),
    "delete": lambda connection: connection.delete("7"),
    "send": lambda connection: connection.send("7", Operation.ADD, IdentifierType.EMAIL, [CANARY]),
    "clear": lambda connection: connection.clear("7"),
    "size": lambda connection: connection.size("7"),
}


@given(status=statuses, body=bodies, headers=headers, name=st.sampled_from(sorted(CALLS)))
@example(status=200, body=f'{{"data": [{{"id": "{CANARY}"}}]}}'.encode(), headers={}, name="check_account")
def test_every_answer_ends_in_a_value_or_an_error_without_identifiers(
    fixed: Fixed, connection: DestinationClient, status: int, body: bytes, headers: dict[str, str], name: str
) -> None:
    fixed.status, fixed.body, fixed.headers = status, body, headers
    told = ""
    try:
        CALLS[name](connection)
    except HeadcountError as error:
        told = error.message + error.hint
    assert CANARY not in told
    assert "a@b.c" not in told
