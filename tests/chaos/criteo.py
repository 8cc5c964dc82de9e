"""Somebody else's client of Criteo: fills the audiences that are not ours."""

from __future__ import annotations

import requests

from tests.chaos.world import CLIENT, SECRET, hashed
from tests.sandbox_client import Sandbox


class Criteo:
    """Plain calls, made while nothing is disturbed."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._url = sandbox.url

    def add(self, segment_id: str, emails: list[str]) -> None:
        """Put hashed e-mail addresses into a segment of marketing solutions."""
        path = f"marketing-solutions/audience-segments/{segment_id}/contact-list"
        self._amend("PATCH", path, "ContactlistAmendment", "email", emails)

    def add_to_shelf(self, segment_id: str, word: str, identifiers: list[str]) -> None:
        """Put identifiers into a segment of retail media; clear e-mail addresses are for the sandbox to refuse."""
        path = f"retail-media/audience-segments/{segment_id}/contact-list/add-remove"
        if word == "Email":
            identifiers = [hashed(f"{one}@elsewhere.example") for one in identifiers]
        self._amend("POST", path, "AddRemoveContactlist", word, identifiers)

    def _amend(self, method: str, path: str, type: str, word: str, identifiers: list[str]) -> None:
        with requests.Session() as session:
            session.trust_env = False
            form = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
            token = session.post(f"{self._url}/oauth2/token", data=form, timeout=30).json()["access_token"]
            attributes = {"operation": "add", "identifierType": word, "identifiers": identifiers}
            answer = session.request(
                method,
                f"{self._url}/2026-07/{path}",
                json={"data": {"type": type, "attributes": attributes}},
                headers={"Authorization": f"Bearer {token}"},
                timeout=30,
            )
            answer.raise_for_status()
