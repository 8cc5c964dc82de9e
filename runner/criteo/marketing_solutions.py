"""Criteo marketing solutions (Commerce Growth): audience segments of type contact list, one advertiser each.

Paths and shapes are those of Criteo's OpenAPI document for 2026-07, which 2026-01 and 2027-01 share.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from runner.criteo.accounts import require_usable
from runner.criteo.client import Call, Client
from runner.criteo.contact_lists import ContactLists
from runner.criteo.meanings import require_accepted
from runner.criteo.segments import Segments, audience, within
from runner.criteo.wire import Item, items, wire_type
from runner.destinations import Account, LiveAudience, Taken
from runner.errors import DestinationError
from runner.identifiers import IdentifierType, Operation
from runner.model import Destination

SEGMENTS = "/marketing-solutions/audience-segments"
PAGE = 100
"""Items per page of a search; Criteo's maximum."""

IDENTIFIER_TYPES = MappingProxyType(
    {
        IdentifierType.EMAIL: "email",
        IdentifierType.MOBILE_AD_ID: "madid",
        IdentifierType.LIVERAMP_IDENTITY_LINK: "identityLink",
        IdentifierType.PHONE_NUMBER: "phoneNumber",
        IdentifierType.GUM_ID: "gum",
    }
)


class MarketingSolutions:
    """A connection to one advertiser; see runner.destinations.Connection for what each method promises."""

    def __init__(self, client: Client, destination: Destination) -> None:
        self._client = client
        self._destination = destination
        self._segments = Segments(client, SEGMENTS, "AudienceSegment", PAGE)
        self._contact_lists = ContactLists(
            client,
            "ContactlistAmendment",
            amend=lambda audience_id: ("PATCH", f"{within(SEGMENTS, audience_id)}/contact-list"),
            clear=lambda audience_id: ("DELETE", f"{within(SEGMENTS, audience_id)}/contact-list"),
            count=lambda audience_id: ("GET", f"{within(SEGMENTS, audience_id)}/contact-list/statistics"),
        )

    def accounts(self) -> tuple[Account, ...]:
        """The advertisers that consented to the app."""
        call = Call("listing the ad accounts", "GET", "/advertisers/me")
        answer = self._client.call(call)
        require_accepted(answer, call.doing)
        return tuple(Account(entry.id, entry.text("advertiserName")) for entry in items(answer) if entry.id)

    def check_account(self) -> None:
        """Raise AccountNotUsable unless the credentials may use the advertiser."""
        require_usable(self._destination, self.accounts(), "advertiser_id")

    def now(self) -> datetime:
        """Criteo's clock."""
        return self._client.now()

    def audiences(self) -> tuple[LiveAudience, ...]:
        """Every segment of the advertiser, whatever its type."""
        filters = {"advertiserIds": [self._destination.account_id]}
        return tuple(audience(entry) for entry in self._segments.search(filters) if self._is_ours(entry))

    def exists(self, audience_id: str) -> bool:
        """Whether the account has this one segment."""
        return self._segments.exists(audience_id)

    def create(self, name: str, description: str, types: Collection[IdentifierType]) -> LiveAudience:
        """Create an empty contact list; `types` play no part here, a list takes every type."""
        attributes = {"advertiserId": self._destination.account_id, "contactList": {}}
        return audience(self._segments.create(name, description, attributes))

    def update(self, audience_id: str, name: str, description: str) -> None:
        """Set name and description."""
        self._segments.update(audience_id, name, description)

    def delete(self, audience_id: str) -> None:
        """Delete the segment; one that is gone is no error."""
        self._segments.delete(audience_id)

    def send(
        self, audience_id: str, operation: Operation, identifier_type: IdentifierType, identifiers: Sequence[str]
    ) -> Taken:
        """Add or remove one batch."""
        return self._contact_lists.send(audience_id, operation, self._typed(identifier_type), identifiers)

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
        owner = entry.text("advertiserId") or self._destination.account_id
        return owner == self._destination.account_id

    def _typed(self, identifier_type: IdentifierType) -> dict[str, Any]:
        typed = {"identifierType": wire_type(identifier_type, IDENTIFIER_TYPES, "marketing solutions")}
        if identifier_type is not IdentifierType.GUM_ID:
            return typed
        if self._destination.gum_caller_id is None:
            raise DestinationError(
                f'destination "{self._destination.name}" has no gum_caller_id, without which Criteo takes no gum_id',
                "set gum_caller_id to the number that Criteo's account team gave you",
            )
        return {**typed, "gumCallerId": self._destination.gum_caller_id}
