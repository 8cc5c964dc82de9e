"""Criteo marketing solutions (Commerce Growth): audience segments of type contact list, one advertiser each.

Paths and shapes are those of Criteo's OpenAPI document for 2026-07, which 2026-01 and 2027-01 share.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from runner.criteo.client import Call, Client
from runner.criteo.errors import GONE, NAME_TAKEN, Envelope, Problem, first_of
from runner.criteo.paging import read_all
from runner.criteo.refusals import most_telling, problem_error
from runner.criteo.wire import Item, encoded, item, items, replaced, resource, taken
from runner.destinations import Account, LiveAudience, Taken
from runner.errors import AccountNotUsable, AnswerLost, AudienceGone, DestinationError, NameTaken
from runner.identifiers import IdentifierType, Operation
from runner.model import Destination

SEGMENTS = "/marketing-solutions/audience-segments"
SEGMENT = "AudienceSegment"
PAGE = 100
"""Items per page of a search; Criteo's maximum."""

LISTED = 20
"""Accounts that a hint names at most."""

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

    # -- the account ---------------------------------------------------------------------------------------------------

    def accounts(self) -> tuple[Account, ...]:
        """The advertisers that consented to the app."""
        call = Call("listing the ad accounts", "GET", "/advertisers/me")
        answer = self._client.call(call)
        _refuse_errors(answer, call.doing)
        return tuple(Account(entry.id, entry.text("advertiserName")) for entry in items(answer) if entry.id)

    def check_account(self) -> None:
        """Raise AccountNotUsable unless the credentials may use the advertiser."""
        usable = self.accounts()
        wanted = self._destination.account_id
        if all(account.id != wanted for account in usable):
            raise AccountNotUsable(
                f'the credentials of destination "{self._destination.name}" may not use ad account {wanted}',
                _usable(usable),
            )

    def now(self) -> datetime:
        """Criteo's clock."""
        return self._client.now()

    # -- audiences -----------------------------------------------------------------------------------------------------

    def audiences(self) -> tuple[LiveAudience, ...]:
        """Every contact list of the advertiser."""
        filters = {"advertiserIds": [self._destination.account_id], "audienceSegmentTypes": ["ContactList"]}
        return tuple(_audience(entry) for entry in self._search(filters) if self._is_ours(entry))

    def create(self, name: str, description: str, types: Collection[IdentifierType]) -> LiveAudience:
        """Create an empty contact list; `types` play no part here, a list takes every type."""
        attributes: dict[str, Any] = {"advertiserId": self._destination.account_id, "name": name}
        if description:
            attributes["description"] = description
        attributes["contactList"] = {}
        doing = f'creating audience "{name}"'
        body = encoded([resource(SEGMENT, attributes)])
        answer = self._call(Call(doing, "POST", f"{SEGMENTS}/create", body, repeatable=False))
        made = items(answer)
        found = next((entry for entry in made if entry.text("name") == name), made[0] if len(made) == 1 else None)
        if found is None or answer.errors:
            raise _rejection(answer, doing)
        if not found.id:
            raise AnswerLost(
                f"Criteo's answer to {doing} holds no id", "run the command again: it looks for it by name"
            )
        return _audience(found)

    def update(self, audience_id: str, name: str, description: str) -> None:
        """Set name and description."""
        doing = f"updating audience {audience_id}"
        attributes = {"name": name, "description": replaced(description)}
        answer = self._call(Call(doing, "PATCH", SEGMENTS, encoded([resource(SEGMENT, attributes, audience_id)])))
        if answer.errors or all(entry.id != audience_id for entry in items(answer)):
            raise _rejection(answer, doing)

    def delete(self, audience_id: str) -> None:
        """Delete the segment; one that is gone is no error."""
        doing = f"deleting audience {audience_id}"
        body = encoded([resource(SEGMENT, {}, audience_id)])
        try:
            answer = self._call(Call(doing, "POST", f"{SEGMENTS}/delete", body))
        except AudienceGone:
            return
        if first_of(answer.problems, GONE):
            return
        if answer.errors or (all(entry.id != audience_id for entry in items(answer)) and self.exists(audience_id)):
            raise _rejection(answer, doing)

    # -- members -------------------------------------------------------------------------------------------------------

    def send(
        self, audience_id: str, operation: Operation, identifier_type: IdentifierType, identifiers: Sequence[str]
    ) -> Taken:
        """Add or remove one batch."""
        if operation is Operation.CLEAR:
            raise ValueError("a clear carries no identifiers: call clear()")
        if not identifiers:
            return Taken(0, 0)
        verb = "adding identifiers to" if operation is Operation.ADD else "removing identifiers from"
        doing = f"{verb} audience {audience_id}"
        attributes = {
            "operation": str(operation),
            **self._typed(identifier_type),
            "identifiers": identifiers if isinstance(identifiers, list) else list(identifiers),
        }
        body = encoded(resource("ContactlistAmendment", attributes))
        answer = self._call(Call(doing, "PATCH", f"{_path(audience_id)}/contact-list", body))
        amendment = item(answer)
        if amendment is None or answer.errors:
            raise _rejection(answer, doing)
        return taken(amendment, len(identifiers))

    def clear(self, audience_id: str) -> None:
        """Empty the contact list."""
        doing = f"clearing audience {audience_id}"
        answer = self._call(Call(doing, "DELETE", f"{_path(audience_id)}/contact-list"))
        _refuse_errors(answer, doing)

    def size(self, audience_id: str) -> int | None:
        """The number of identifiers that Criteo's statistics show."""
        doing = f"reading the size of audience {audience_id}"
        answer = self._call(Call(doing, "GET", f"{_path(audience_id)}/contact-list/statistics"))
        _refuse_errors(answer, doing)
        statistics = item(answer)
        return statistics.count("numberOfIdentifiers") if statistics is not None else None

    def close(self) -> None:
        """Give back sockets."""
        self._client.close()

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _call(self, call: Call) -> Envelope:
        """The call, with a refusal turned into what it means for the audience."""
        try:
            return self._client.call(call)
        except AnswerLost:
            raise
        except DestinationError as error:
            kind = _KINDS.get(error.code)
            if kind is None or error.status is None or not 400 <= error.status < 500:
                raise
            problem = Problem(error.code, error.title, "", error.trace_id)
            raise problem_error(error.status, problem, call.doing, kind, _HINTS[kind]) from None

    def _search(self, filters: dict[str, list[str]]) -> tuple[Item, ...]:
        body = encoded(resource(SEGMENT, filters))

        def page(offset: int) -> Envelope:
            query = (("limit", str(PAGE)), ("offset", str(offset)))
            call = Call("listing the audiences", "POST", f"{SEGMENTS}/search", body, query)
            answer = self._client.call(call)
            _refuse_errors(answer, call.doing)
            return answer

        return read_all(page, PAGE)

    def exists(self, audience_id: str) -> bool:
        """Whether the account has this one audience."""
        return any(entry.id == audience_id for entry in self._search({"audienceSegmentIds": [audience_id]}))

    def _is_ours(self, entry: Item) -> bool:
        """Whether the search did as it was asked; an answer that leaves the attributes out is believed."""
        owner = entry.text("advertiserId") or self._destination.account_id
        return owner == self._destination.account_id and entry.text("type") in ("", "ContactList")

    def _typed(self, identifier_type: IdentifierType) -> dict[str, Any]:
        wire_type = IDENTIFIER_TYPES.get(identifier_type)
        if wire_type is None:
            raise DestinationError(
                f"Criteo marketing solutions takes no {identifier_type}",
                f"map one of {', '.join(IDENTIFIER_TYPES)}",
            )
        if identifier_type is not IdentifierType.GUM_ID:
            return {"identifierType": wire_type}
        if self._destination.gum_caller_id is None:
            raise DestinationError(
                f'destination "{self._destination.name}" has no gum_caller_id, without which Criteo takes no gum_id',
                "set gum_caller_id to the number that Criteo's account team gave you",
            )
        return {"identifierType": wire_type, "gumCallerId": self._destination.gum_caller_id}


_KINDS: dict[str, type[DestinationError]] = {NAME_TAKEN: NameTaken, **dict.fromkeys(GONE, AudienceGone)}
_HINTS: dict[type[DestinationError], str] = {
    NameTaken: "choose another name, or take that audience over with `headcount import`",
    AudienceGone: "it was deleted, or the app lost access to it: run `headcount plan`",
    DestinationError: "run `headcount plan` to see what Criteo has now",
}


def _rejection(answer: Envelope, doing: str) -> DestinationError:
    """The error for a success in which the one item that mattered did not succeed."""
    problem = most_telling(answer.problems)
    if problem is None:
        return DestinationError(
            f"Criteo answered {doing} with neither the audience nor a reason", _HINTS[DestinationError], status=200
        )
    kind = _KINDS.get(problem.code, DestinationError)
    return problem_error(200, problem, doing, kind, _HINTS[kind])


def _refuse_errors(answer: Envelope, doing: str) -> None:
    if answer.errors:
        raise _rejection(answer, doing)


def _audience(entry: Item) -> LiveAudience:
    contact_list = entry.attributes.get("contactList")
    return LiveAudience(
        id=entry.id,
        name=entry.text("name"),
        description=entry.text("description"),
        created_at=entry.time("createdAt"),
        read_only=isinstance(contact_list, dict) and contact_list.get("isReadOnly") is True,
    )


def _path(audience_id: str) -> str:
    return f"{SEGMENTS}/{quote(audience_id, safe='')}"


def _usable(usable: tuple[Account, ...]) -> str:
    if not usable:
        return "they may use none: an admin of the ad account must consent to the app in Criteo's partner portal"
    named = ", ".join(f"{account.id} ({account.name})" if account.name else account.id for account in usable[:LISTED])
    more = f", and {len(usable) - LISTED} more" if len(usable) > LISTED else ""
    return f"they may use {named}{more}; set advertiser_id to one of these, or have the account consent to the app"
