"""Audience segments of an account: the bulk calls that both of Criteo's services have, in the same shapes.

Items are refused in `errors` on marketing solutions and in `warnings` on retail media; both are read on both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from runner.core.destination import LiveAudience
from runner.core.errors import AnswerLost, AudienceGone
from runner.destinations.criteo.api_client import ApiCall, Client
from runner.destinations.criteo.error_envelope import GONE, Envelope, first_of
from runner.destinations.criteo.meanings import make, refuses, rejection, require_accepted
from runner.destinations.criteo.pagination import read_all
from runner.destinations.criteo.payloads import Item, encoded, items, replaced, resource, total

CONTACT_LIST = "ContactList"


class AudienceSegments:
    """The segments below one path; `type` is the word that requests call a segment by, `page` Criteo's largest page."""

    def __init__(self, client: Client, path: str, type: str, page: int) -> None:  # noqa: A002 - Criteo's word
        self._client = client
        self._path = path
        self._type = type
        self._page = page

    def search(self, filters: Mapping[str, object]) -> tuple[Item, ...]:
        """Every segment that the filters let through.

        Raises DestinationError for an answer that may lack some: whoever is missing here is taken for deleted.
        """
        body = encoded(resource(self._type, filters))

        def page(offset: int) -> Envelope:
            query = (("limit", str(self._page)), ("offset", str(offset)))
            call = ApiCall("listing the audiences", "POST", f"{self._path}/search", body, query)
            answer = self._client.call(call)
            require_accepted(answer, call.doing)
            if answer.warnings and total(answer) is None:
                # Not advice beside a list, which states its total, but what retail media says instead of one.
                raise rejection(answer, call.doing)
            return answer

        return read_all(page, self._page, "audiences")

    def create(self, name: str, description: str, attributes: Mapping[str, Any]) -> Item:
        """Create a segment. Raises NameTaken, AnswerLost."""
        described = {"description": description} if description else {}
        doing = f'creating audience "{name}"'
        body = encoded([resource(self._type, {"name": name, **described, **attributes})])
        answer = make(self._client, ApiCall(doing, "POST", f"{self._path}/create", body, repeatable=False))
        made = items(answer)
        found = next((entry for entry in made if entry.text("name") == name), made[0] if len(made) == 1 else None)
        if found is None or refuses(answer):
            raise rejection(answer, doing)
        if not found.id:
            raise AnswerLost(
                f"Criteo's answer to {doing} holds no id", "run the command again: it looks for it by name"
            )
        return found

    def update(self, audience_id: str, name: str, description: str) -> None:
        """Set name and description. Raises AudienceGone, NameTaken."""
        doing = f"updating audience {audience_id}"
        attributes = {"name": name, "description": replaced(description)}
        body = encoded([resource(self._type, attributes, audience_id)])
        answer = make(self._client, ApiCall(doing, "PATCH", self._path, body))
        if refuses(answer) or not _names(answer, audience_id):
            raise rejection(answer, doing)

    def delete(self, audience_id: str) -> None:
        """Delete a segment; one that is gone is no error."""
        doing = f"deleting audience {audience_id}"
        body = encoded([resource(self._type, {}, audience_id)])
        try:
            answer = make(self._client, ApiCall(doing, "POST", f"{self._path}/delete", body))
        except AudienceGone:
            return
        if first_of(answer.problems, GONE):
            return
        if answer.errors or (not _names(answer, audience_id) and self.exists(audience_id)):
            raise rejection(answer, doing)

    def exists(self, audience_id: str) -> bool:
        """Whether the account has this one segment."""
        return any(entry.id == audience_id for entry in self.search({"audienceSegmentIds": [audience_id]}))


def audience(entry: Item) -> LiveAudience:
    """A segment as the core knows it, without what only one service tells of it."""
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
