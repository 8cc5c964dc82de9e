"""Criteo marketing solutions (Commerce Growth): audience segments of type contact list, one advertiser each.

Paths and shapes are those of Criteo's OpenAPI document for 2026-07, which 2026-01 and 2027-01 share.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import MappingProxyType
from typing import Any

from runner.core.destination import Accepted, AdAccount, Again, Destination, LiveAudience, unnoticed
from runner.core.errors import DestinationError
from runner.core.identifiers import IdentifierType, Operation
from runner.destinations.criteo.account_client import AccountClient, ServiceCalls, audience, within
from runner.destinations.criteo.api_client import ApiCall, Client
from runner.destinations.criteo.api_errors import require_accepted
from runner.destinations.criteo.payloads import items, wire_type

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


class MarketingSolutions(AccountClient):
    """A client of one advertiser; see runner.core.destination.DestinationClient for what each method promises."""

    def __init__(self, client: Client, destination: Destination) -> None:
        calls = ServiceCalls(
            SEGMENTS,
            "AudienceSegment",
            PAGE,
            owner="advertiserId",
            amendment_type="ContactlistAmendment",
            amend=lambda audience_id: ("PATCH", f"{within(SEGMENTS, audience_id)}/contact-list"),
            clear=lambda audience_id: ("DELETE", f"{within(SEGMENTS, audience_id)}/contact-list"),
            count=lambda audience_id: ("GET", f"{within(SEGMENTS, audience_id)}/contact-list/statistics"),
        )
        super().__init__(client, destination, calls)

    def accounts(self) -> tuple[AdAccount, ...]:
        call = ApiCall("listing the ad accounts", "GET", "/advertisers/me")
        answer = self._client.call(call)
        require_accepted(answer, call.doing)
        return tuple(AdAccount(entry.id, entry.text("advertiserName")) for entry in items(answer) if entry.id)

    def check_account(self) -> None:
        self._require_usable(self.accounts())

    def audiences(self) -> tuple[LiveAudience, ...]:
        filters = {"advertiserIds": [self._destination.account_id]}
        return tuple(audience(entry) for entry in self._ours(filters))

    def create(self, name: str, description: str, types: Collection[IdentifierType]) -> LiveAudience:
        attributes = {"advertiserId": self._destination.account_id, "contactList": {}}
        return audience(self._create(name, description, attributes))

    def send(
        self,
        audience_id: str,
        operation: Operation,
        identifier_type: IdentifierType,
        identifiers: Sequence[str],
        again: Again = unnoticed,
    ) -> Accepted:
        return self._send(audience_id, operation, self._typed(identifier_type), identifiers, again)

    def _typed(self, identifier_type: IdentifierType) -> dict[str, Any]:
        typed = {"identifierType": wire_type(identifier_type, IDENTIFIER_TYPES, "marketing solutions")}
        if identifier_type is not IdentifierType.GUM_ID:
            return typed
        caller = self._destination.options.get("gum_caller_id")
        if caller is None:
            raise DestinationError(
                f'destination "{self._destination.name}" has no gum_caller_id, without which Criteo takes no gum_id',
                "set gum_caller_id to the number that Criteo's account team gave you",
            )
        return {**typed, "gumCallerId": caller}
