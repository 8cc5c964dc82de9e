"""The members of an audience: what both of Criteo's services answer to adding, removing, clearing and counting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from runner.core.destination import Accepted
from runner.core.identifiers import Operation
from runner.destinations.criteo.api_client import ApiCall, Client
from runner.destinations.criteo.meanings import make, rejection, require_accepted
from runner.destinations.criteo.payloads import amendment_body, item, taken

Path = Callable[[str], tuple[str, str]]
"""Method and path of a call about one audience, by its id."""


class ContactLists:
    """The contact lists of an account; `amend`, `clear` and `count` say where a service wants these calls.

    `type` is the word that requests call an amendment by.
    """

    def __init__(self, client: Client, type: str, amend: Path, clear: Path, count: Path) -> None:  # noqa: A002
        self._client = client
        self._type = type
        self._amend = amend
        self._clear = clear
        self._count = count

    def send(
        self, audience_id: str, operation: Operation, typed: Mapping[str, object], identifiers: Sequence[str]
    ) -> Accepted:
        """Add or remove one batch; `typed` are the attributes that say of which type the identifiers are."""
        if operation is Operation.CLEAR:
            raise ValueError("a clear carries no identifiers: call clear()")
        if not identifiers:
            return Accepted(0, 0)
        verb = "adding identifiers to" if operation is Operation.ADD else "removing identifiers from"
        doing = f"{verb} audience {audience_id}"
        body = amendment_body(self._type, {"operation": str(operation), **typed}, identifiers)
        method, path = self._amend(audience_id)
        answer = make(self._client, ApiCall(doing, method, path, body))
        require_accepted(answer, doing)
        amendment = item(answer)
        if amendment is None:
            raise rejection(answer, doing)
        return taken(amendment, len(identifiers))

    def clear(self, audience_id: str) -> None:
        """Empty a contact list."""
        doing = f"clearing audience {audience_id}"
        method, path = self._clear(audience_id)
        require_accepted(make(self._client, ApiCall(doing, method, path)), doing)

    def size(self, audience_id: str) -> int | None:
        """The number of identifiers that Criteo's statistics show."""
        doing = f"reading the size of audience {audience_id}"
        method, path = self._count(audience_id)
        answer = make(self._client, ApiCall(doing, method, path))
        require_accepted(answer, doing)
        statistics = item(answer)
        return statistics.count("numberOfIdentifiers") if statistics is not None else None
