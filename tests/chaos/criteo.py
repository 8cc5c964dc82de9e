"""Somebody else's client of Criteo: fills the audiences that are not ours."""

from __future__ import annotations

import requests

from runner.sandbox import Sandbox
from tests.chaos.world import CLIENT, SECRET


class Criteo:
    """Plain calls, made while nothing is disturbed."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._url = sandbox.url

    def add(self, segment_id: str, emails: list[str]) -> None:
        """Put hashed e-mail addresses into a segment."""
        with requests.Session() as session:
            session.trust_env = False
            form = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
            token = session.post(f"{self._url}/oauth2/token", data=form, timeout=30).json()["access_token"]
            attributes = {"operation": "add", "identifierType": "email", "identifiers": emails}
            answer = session.patch(
                f"{self._url}/2026-07/marketing-solutions/audience-segments/{segment_id}/contact-list",
                json={"data": {"type": "ContactlistAmendment", "attributes": attributes}},
                headers={"Authorization": f"Bearer {token}"},
                timeout=30,
            )
            answer.raise_for_status()
