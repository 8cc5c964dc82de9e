"""A plain client of the sandbox's retail media, which sends whatever it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from runner.sandbox import SandboxOptions
from tests.contract.sandbox.api import Api, opened

BASE = "/2026-07/retail-media"
SEGMENTS = f"{BASE}/accounts/555/audience-segments"


class RetailMedia:
    """Retail media at a sandbox, through a client that holds every answer against Criteo's document."""

    def __init__(self, api: Api, account_id: str = "555") -> None:
        self.api, self.sandbox = api, api.sandbox
        self.segments = f"{BASE}/accounts/{account_id}/audience-segments"

    def bulk(self, method: str, path: str, *items: dict[str, Any]) -> Any:
        """The answer to a bulk call, which is a 200 whatever became of the items."""
        answer = self.api.call(method, f"{self.segments}{path}", {"data": list(items)})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, name: str, identifier_type: str = "CustomerId", **attributes: Any) -> str:
        """Create a contact list and return its id."""
        answer = self.bulk("POST", "/create", new(name, identifier_type, **attributes))
        assert answer["warnings"] == [], answer
        segment_id: str = answer["data"][0]["id"]
        return segment_id

    def amend(
        self, segment_id: str, operation: str, identifiers: list[str], identifier_type: str = "CustomerId", **more: Any
    ) -> requests.Response:
        attributes = {"operation": operation, "identifierType": identifier_type, "identifiers": identifiers} | more
        body = {"data": {"type": "AddRemoveContactlist", "attributes": attributes}}
        return self.api.call("POST", f"{BASE}/audience-segments/{segment_id}/contact-list/add-remove", body)

    def clear(self, segment_id: str) -> requests.Response:
        return self.api.call("POST", f"{BASE}/audience-segments/{segment_id}/contact-list/clear")

    def search(self, query: str = "", **filters: Any) -> Any:
        return self.api.call("POST", f"{self.segments}/search{query}", {"data": {"attributes": filters}}).json()

    def statistics(self, segment_id: str) -> requests.Response:
        return self.api.call("GET", f"{self.segments}/{segment_id}/contact-list")

    def accounts(self, query: str = "") -> Any:
        return self.api.call("GET", f"{BASE}/accounts{query}").json()


def new(name: str, identifier_type: str = "CustomerId", **attributes: Any) -> dict[str, Any]:
    """The item that creates a contact list."""
    contact_list = {"identifierType": identifier_type}
    return {"attributes": {"name": name, "retailerId": "12", "contactList": contact_list} | attributes}


def warned(answer: Any) -> list[tuple[str, str]]:
    """Code and place of every item that failed, which the answer tells of in `warnings` alone."""
    assert answer["errors"] == []
    return [(warning["code"], next(iter(warning["source"].values()))) for warning in answer["warnings"]]


@contextmanager
def opened_retail_media(options: SandboxOptions | None = None, **credentials: str) -> Iterator[RetailMedia]:
    """A sandbox of its own and a client that is logged in."""
    with opened(options, **credentials) as api:
        yield RetailMedia(api)
