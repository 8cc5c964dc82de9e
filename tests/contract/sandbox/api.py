"""A plain client of the sandbox, which sends whatever it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from runner.sandbox import SandboxOptions
from tests.contract.sandbox import openapi
from tests.sandbox_client import Sandbox, running

SEGMENTS = "/2026-07/marketing-solutions/audience-segments"


class Api:
    """Criteo's API at a sandbox; every answer with JSON in it is held against Criteo's document."""

    def __init__(self, sandbox: Sandbox, client_id: str = "sandbox", client_secret: str = "sandbox") -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.trust_env = False
        self.credentials = {"client_id": client_id, "client_secret": client_secret}
        self.log_in()

    def log_in(self) -> None:
        answer = self.token(grant_type="client_credentials", **self.credentials)
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def token(self, **form: str) -> requests.Response:
        return self.session.post(f"{self.sandbox.url}/oauth2/token", data=form, headers={"Authorization": None})

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        answer = self.session.request(method, self.sandbox.url + path, json=body, timeout=30, **options)
        if openapi.available() and answer.headers.get("content-type", "").startswith("application/json"):
            known = answer.status_code not in (404, 405, 410) or "/contact-list" in path
            if known and not (answer.status_code != 200 and path.endswith("advertisers/me")):
                found = openapi.complaints(method, path.partition("?")[0], answer.status_code, answer.json())
                assert not found, found
        return answer

    def create(self, name: str, advertiser_id: str = "12345", **attributes: Any) -> str:
        """Create a contact list and return its id."""
        attributes = {"advertiserId": advertiser_id, "name": name, "contactList": {}} | attributes
        answer = self.call("POST", f"{SEGMENTS}/create", {"data": [{"attributes": attributes}]})
        assert answer.json()["errors"] == [], answer.text
        segment_id: str = answer.json()["data"][0]["id"]
        return segment_id

    def amend(
        self, segment_id: str, operation: str, identifiers: list[str], identifier_type: str = "email", **more: Any
    ) -> requests.Response:
        attributes = {"operation": operation, "identifierType": identifier_type, "identifiers": identifiers} | more
        body = {"data": {"type": "ContactlistAmendment", "attributes": attributes}}
        return self.call("PATCH", f"{SEGMENTS}/{segment_id}/contact-list", body)

    def clear(self, segment_id: str) -> requests.Response:
        return self.call("DELETE", f"{SEGMENTS}/{segment_id}/contact-list")

    def search(self, query: str = "", **filters: Any) -> Any:
        return self.call("POST", f"{SEGMENTS}/search{query}", {"data": {"attributes": filters}}).json()

    def size(self, segment_id: str) -> int:
        answer = self.call("GET", f"{SEGMENTS}/{segment_id}/contact-list/statistics").json()
        size: int = answer["data"]["attributes"]["numberOfIdentifiers"]
        return size


@contextmanager
def opened(options: SandboxOptions | None = None, **credentials: str) -> Iterator[Api]:
    """A sandbox of its own and a client that is logged in."""
    with running(options) as sandbox:
        api = Api(sandbox, **credentials)
        try:
            yield api
        finally:
            api.session.close()


def problem(answer: requests.Response) -> tuple[int, str, str]:
    """Status of an answer, and type and code of its only problem."""
    (only,) = answer.json()["errors"]
    return answer.status_code, only["type"], only["code"]
