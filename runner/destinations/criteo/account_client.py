"""What both of Criteo's services do alike for one account: its audience segments, and the contact lists in them.

The shapes are the same, the paths and words are not. Items are refused in `errors` on marketing solutions and in
`warnings` on retail media; both are read on both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from runner.core.destination import (
    Accepted,
    AdAccount,
    Again,
    Destination,
    DestinationKind,
    LiveAudience,
    Statistics,
    unnoticed,
)
from runner.core.errors import AccountNotUsable, AnswerLost, AudienceGone
from runner.core.identifiers import Operation
from runner.destinations.criteo.api_client import ApiCall, Client
from runner.destinations.criteo.api_errors import refuses, rejection, require_accepted
from runner.destinations.criteo.error_envelope import GONE, Envelope, first_of, scrubbed
from runner.destinations.criteo.pagination import read_all
from runner.destinations.criteo.payloads import (
    Item,
    amendment_body,
    encoded,
    item,
    items,
    replaced,
    resource,
    taken,
    total,
)
from runner.quick_dataclass import dataclass

CONTACT_LIST = "ContactList"
LISTED = 20
"""Accounts that a hint names at most."""

Route = Callable[[str], tuple[str, str]]
"""Method and path of a call about one audience, by its id."""


@dataclass(frozen=True, slots=True)
class ServiceCalls:
    """Where a service wants the calls, and its words for what is in them.

    `segments` is the path of the account's segments, `page` Criteo's largest page of them; a segment names its account
    in the attribute `owner`. `amend`, `clear` and `count` are about the contact list of one segment.
    """

    segments: str
    segment_type: str
    page: int
    owner: str
    amendment_type: str
    amend: Route
    clear: Route
    count: Route


class AccountClient:
    """The common part of a client; see runner.core.destination.DestinationClient for what each method promises."""

    def __init__(self, client: Client, destination: Destination, calls: ServiceCalls) -> None:
        self._client = client
        self._destination = destination
        self._calls = calls

    def now(self) -> datetime:
        return self._client.now()

    def close(self) -> None:
        self._client.close()

    # -- segments ----------------------------------------------------------------------------------------------------

    def update(self, audience_id: str, name: str, description: str) -> None:
        doing = f"updating audience {audience_id}"
        attributes = {"name": name, "description": replaced(description)}
        answer = self._client.call(
            ApiCall(doing, "PATCH", self._calls.segments, self._segment(attributes, audience_id))
        )
        if refuses(answer) or not _names(answer, audience_id):
            raise rejection(answer, doing)

    def delete(self, audience_id: str) -> None:
        doing = f"deleting audience {audience_id}"
        call = ApiCall(doing, "POST", f"{self._calls.segments}/delete", self._segment({}, audience_id))
        try:
            answer = self._client.call(call)
        except AudienceGone:
            return
        if first_of(answer.problems, GONE):
            return
        if answer.errors or (not _names(answer, audience_id) and self.exists(audience_id)):
            raise rejection(answer, doing)

    def exists(self, audience_id: str) -> bool:
        return any(entry.id == audience_id for entry in self._search({"audienceSegmentIds": [audience_id]}))

    def _search(self, filters: Mapping[str, object]) -> tuple[Item, ...]:
        """Every segment that the filters let through.

        Raises DestinationError for an answer that may lack some: what is missing here is taken for deleted.
        """
        size = self._calls.page
        body = encoded(resource(self._calls.segment_type, filters))

        def page(offset: int) -> Envelope:
            query = (("limit", str(size)), ("offset", str(offset)))
            call = ApiCall("listing the audiences", "POST", f"{self._calls.segments}/search", body, query)
            answer = self._client.call(call)
            require_accepted(answer, call.doing)
            if answer.warnings and total(answer) is None:
                # Not advice next to a list, which states its total, but what retail media says instead of one.
                raise rejection(answer, call.doing)
            return answer

        return read_all(page, size, "audiences")

    def _ours(self, filters: Mapping[str, object]) -> tuple[Item, ...]:
        """The account's segments, should the search not have done as it was asked; one that names none is believed."""
        own = self._destination.account_id
        return tuple(entry for entry in self._search(filters) if (entry.text(self._calls.owner) or own) == own)

    def _create(self, name: str, description: str, attributes: Mapping[str, Any]) -> Item:
        """Create a segment. Raises NameTaken, AnswerLost."""
        doing = f'creating audience "{name}"'
        described = {"description": description} if description else {}
        body = self._segment({"name": name, **described, **attributes})
        answer = self._client.call(ApiCall(doing, "POST", f"{self._calls.segments}/create", body, repeatable=False))
        made = items(answer)
        found = next((entry for entry in made if entry.text("name") == name), made[0] if len(made) == 1 else None)
        if found is None or refuses(answer):
            raise rejection(answer, doing)
        if not found.id:
            raise AnswerLost(
                f"Criteo's answer to {doing} holds no id", "run the command again: it looks for it by name"
            )
        return found

    def _segment(self, attributes: Mapping[str, Any], audience_id: str | None = None) -> bytes:
        """The body of a bulk call about one segment."""
        return encoded([resource(self._calls.segment_type, attributes, audience_id)])

    # -- contact lists -----------------------------------------------------------------------------------------------

    def clear(self, audience_id: str, again: Again = unnoticed) -> None:
        self._about_list(f"clearing audience {audience_id}", *self._calls.clear(audience_id), again=again)

    def size(self, audience_id: str) -> int | None:
        return self.statistics(audience_id).identifiers

    def statistics(self, audience_id: str) -> Statistics:
        doing = f"reading the size of audience {audience_id}"
        said = item(self._about_list(doing, *self._calls.count(audience_id)))
        if said is None:
            return Statistics(None)
        # `matchRate` is left alone: whether it is a share or a percentage is said nowhere.
        return Statistics(said.count("numberOfIdentifiers"), said.count("numberOfMatches"))

    def _send(
        self,
        audience_id: str,
        operation: Operation,
        typed: Mapping[str, object],
        identifiers: Sequence[str],
        again: Again,
    ) -> Accepted:
        """Add or remove one batch; `typed` are the attributes that say of which type the identifiers are."""
        if operation is Operation.CLEAR:
            raise ValueError("a clear carries no identifiers: call clear()")
        if not identifiers:
            return Accepted(0, 0)
        verb = "adding identifiers to" if operation is Operation.ADD else "removing identifiers from"
        doing = f"{verb} audience {audience_id}"
        body = amendment_body(self._calls.amendment_type, {"operation": str(operation), **typed}, identifiers)
        answer = self._about_list(doing, *self._calls.amend(audience_id), body, again)
        amendment = item(answer)
        if amendment is None:
            raise rejection(answer, doing)
        return taken(amendment, len(identifiers))

    def _about_list(
        self, doing: str, method: str, path: str, body: bytes | None = None, again: Again = unnoticed
    ) -> Envelope:
        answer = self._client.call(ApiCall(doing, method, path, body, again=again))
        require_accepted(answer, doing)
        return answer

    # -- the account -------------------------------------------------------------------------------------------------

    def _require_usable(self, usable: tuple[AdAccount, ...]) -> None:
        """Raise AccountNotUsable unless the destination's account is among those usable."""
        destination = self._destination
        if all(account.id != destination.account_id for account in usable):
            raise AccountNotUsable(
                f'the credentials of destination "{destination.name}" may not use ad account {destination.account_id}',
                _advice(usable, destination.kind),
            )


def audience(entry: Item) -> LiveAudience:
    """A segment as the core knows it, without what only one service says of it."""
    return LiveAudience(
        id=entry.id,
        name=entry.text("name"),
        description=entry.text("description"),
        created_at=entry.time("createdAt"),
        read_only=contact_list(entry).get("isReadOnly") is True,
        other_kind="" if entry.text("type") == CONTACT_LIST else entry.text("type"),
    )


def contact_list(entry: Item) -> Mapping[str, Any]:
    """What a segment says about its contact list; empty where it says nothing."""
    part = entry.attributes.get("contactList")
    return part if isinstance(part, dict) else {}


def within(path: str, audience_id: str) -> str:
    """The path of one segment."""
    return f"{path}/{quote(audience_id, safe='')}"


def _names(answer: Envelope, audience_id: str) -> bool:
    return any(entry.id == audience_id for entry in items(answer))


def _advice(usable: tuple[AdAccount, ...], kind: DestinationKind) -> str:
    if not usable:
        return f"they may use none: {kind.no_account_hint}"
    listed = (f"{account.id} ({account.name})" if account.name else account.id for account in usable[:LISTED])
    named = ", ".join(map(scrubbed, listed))
    more = f", and {len(usable) - LISTED} more" if len(usable) > LISTED else ""
    return (
        f"they may use {named}{more}; set {kind.account.name} to one of these, or have the account consent to the app"
    )
