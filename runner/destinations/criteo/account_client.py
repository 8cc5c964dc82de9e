"""What both of Criteo's services do alike for one account, once their paths and words are known."""

from __future__ import annotations

from datetime import datetime

from runner.core.project import Destination
from runner.destinations.criteo.api_client import Client
from runner.destinations.criteo.audience_segments import AudienceSegments
from runner.destinations.criteo.contact_lists import ContactLists
from runner.destinations.criteo.payloads import Item


class AccountConnection:
    """The common part of a connection; see runner.core.destination.DestinationClient for what each method promises.

    `owner` is the attribute in which a segment names its account.
    """

    def __init__(
        self,
        client: Client,
        destination: Destination,
        segments: AudienceSegments,
        contact_lists: ContactLists,
        owner: str,
    ) -> None:
        self._client = client
        self._destination = destination
        self._segments = segments
        self._contact_lists = contact_lists
        self._owner = owner

    def now(self) -> datetime:
        """Criteo's clock."""
        return self._client.now()

    def exists(self, audience_id: str) -> bool:
        """Whether the account has this one segment."""
        return self._segments.exists(audience_id)

    def update(self, audience_id: str, name: str, description: str) -> None:
        """Set name and description."""
        self._segments.update(audience_id, name, description)

    def delete(self, audience_id: str) -> None:
        """Delete the segment; one that is gone is no error."""
        self._segments.delete(audience_id)

    def clear(self, audience_id: str) -> None:
        """Empty the contact list."""
        self._contact_lists.clear(audience_id)

    def size(self, audience_id: str) -> int | None:
        """The number of identifiers that Criteo's statistics show."""
        return self._contact_lists.size(audience_id)

    def close(self) -> None:
        """Give back sockets."""
        self._client.close()

    def _is_ours(self, entry: Item) -> bool:
        """Whether the search did as it was asked; an answer that leaves the attributes out is believed."""
        return (entry.text(self._owner) or self._destination.account_id) == self._destination.account_id
