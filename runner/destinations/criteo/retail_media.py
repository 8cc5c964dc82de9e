"""Criteo retail media (Commerce Max): audience segments of type contact list, of one account at one retailer each.

Paths and shapes are those of Criteo's OpenAPI document for 2026-07, which 2026-01 and 2027-01 share. A contact list
holds one type of identifier, chosen when it is created. Ids are numbers of 64 bits, written as text.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import MappingProxyType

from runner.core.destination import Accepted, AdAccount, Again, Destination, LiveAudience, unnoticed
from runner.core.errors import DestinationError
from runner.core.identifiers import IdentifierType, Operation
from runner.destinations.criteo.account_client import AccountClient, ServiceCalls, audience, contact_list, within
from runner.destinations.criteo.api_client import ApiCall, Client
from runner.destinations.criteo.api_errors import require_accepted
from runner.destinations.criteo.error_envelope import Envelope
from runner.destinations.criteo.pagination import read_all
from runner.destinations.criteo.payloads import Item, wire_type
from runner.quick_dataclass import replace

SERVICE = "/retail-media"
LISTS = f"{SERVICE}/audience-segments"
"""Where members are added and removed: without the account, which the segment's id implies."""

PAGE = 500
"""Items per page of a search; Criteo's maximum."""

ACCOUNTS_PAGE = 25
"""Accounts per page: Criteo's default, for it names no maximum."""

IDENTIFIER_TYPES = MappingProxyType(
    {
        IdentifierType.EMAIL: "Email",
        IdentifierType.LIVERAMP_IDENTITY_LINK: "IdentityLink",
        IdentifierType.PHONE_NUMBER: "PhoneNumber",
        IdentifierType.CUSTOMER_ID: "CustomerId",
        IdentifierType.USER_IDENTIFIER: "UserIdentifier",
    }
)
_BY_WIRE_TYPE = {word: kind for kind, word in IDENTIFIER_TYPES.items()}


class RetailMedia(AccountClient):
    """A client of one account; see runner.core.destination.DestinationClient for what each method promises."""

    def __init__(self, client: Client, destination: Destination) -> None:
        path = f"{within(f'{SERVICE}/accounts', destination.account_id)}/audience-segments"
        calls = ServiceCalls(
            path,
            "RetailMediaAudienceSegment",
            PAGE,
            owner="accountId",
            amendment_type="AddRemoveContactlist",
            amend=lambda audience_id: ("POST", f"{within(LISTS, audience_id)}/contact-list/add-remove"),
            clear=lambda audience_id: ("POST", f"{within(LISTS, audience_id)}/contact-list/clear"),
            count=lambda audience_id: ("GET", f"{within(path, audience_id)}/contact-list"),
        )
        super().__init__(client, destination, calls)

    def accounts(self) -> tuple[AdAccount, ...]:
        return self._accounts()

    def check_account(self) -> None:
        wanted = self._destination.account_id
        if all(account.id != wanted for account in self._accounts(("limitToId", wanted))):
            self._require_usable(self.accounts())

    def audiences(self) -> tuple[LiveAudience, ...]:
        return tuple(_audience(entry) for entry in self._ours({}))

    def create(self, name: str, description: str, types: Collection[IdentifierType]) -> LiveAudience:
        if len(types) != 1:
            raise DestinationError(
                f"a retail-media audience holds one type of identifier, not {len(types)}", "map exactly one"
            )
        (kind,) = types
        attributes = {
            "retailerId": self._destination.options.get("retailer_id", ""),
            "contactList": {"identifierType": _wire_type(kind)},
        }
        return _audience(self._create(name, description, attributes))

    def send(
        self,
        audience_id: str,
        operation: Operation,
        identifier_type: IdentifierType,
        identifiers: Sequence[str],
        again: Again = unnoticed,
    ) -> Accepted:
        typed = {"identifierType": _wire_type(identifier_type)}
        return self._send(audience_id, operation, typed, identifiers, again)

    def _accounts(self, *filters: tuple[str, str]) -> tuple[AdAccount, ...]:
        def page(offset: int) -> Envelope:
            # Accounts are paged by page number; a short page is the last one, so its number is not asked for.
            query = (*filters, ("pageIndex", str(offset // ACCOUNTS_PAGE)), ("pageSize", str(ACCOUNTS_PAGE)))
            call = ApiCall("listing the ad accounts", "GET", f"{SERVICE}/accounts", query=query)
            answer = self._client.call(call)
            require_accepted(answer, call.doing)
            return answer

        found = read_all(page, ACCOUNTS_PAGE, "accounts")
        return tuple(AdAccount(entry.id, entry.text("name")) for entry in found)


def _audience(entry: Item) -> LiveAudience:
    retailer = entry.text("retailerId")
    return replace(
        audience(entry),
        identifier_type=_BY_WIRE_TYPE.get(str(contact_list(entry).get("identifierType"))),
        made_for={"retailer_id": retailer} if retailer else {},
    )


def _wire_type(kind: IdentifierType) -> str:
    return wire_type(kind, IDENTIFIER_TYPES, "retail media")
