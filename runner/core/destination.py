"""What a destination must do. Criteo marketing solutions is the first, Criteo retail media the second.

An implementation
- MUST answer `audiences()` with every audience of the account, in as few calls as its API allows,
- MUST retry by itself what can heal (throttling, outages, an expired token) for idempotent calls,
- MUST raise AnswerLost, not retry, when a `create` may have taken effect,
- MUST treat an item that was rejected inside a successful answer as a failure,
- MUST keep identifiers out of every message and log.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from runner.core.identifiers import IdentifierType, Operation
from runner.core.project import Destination


@dataclass(frozen=True, slots=True)
class AdAccount:
    """An ad account that the credentials may use."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class LiveAudience:
    """An audience as the destination shows it now; times are aware, in UTC, None where it does not say.

    `identifier_type` and `retailer_id` are what an audience was made for and cannot change any more; None where the
    destination does not say, or has no such thing. `other_kind` is Criteo's word for a segment that can hold no
    membership (`InMarket`, ...): it takes up its name and is good for nothing else; empty for a contact list.
    """

    id: str
    name: str
    description: str
    created_at: datetime | None = None
    read_only: bool = False
    identifier_type: IdentifierType | None = None
    retailer_id: str | None = None
    other_kind: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The destination's answer to a batch: how many identifiers it found well-formed and how many not."""

    valid: int
    invalid: int


class DestinationClient(Protocol):
    """A destination one can talk to. Every method may raise DestinationError."""

    def accounts(self) -> tuple[AdAccount, ...]:
        """The ad accounts the credentials may use."""
        ...

    def check_account(self) -> None:
        """Raise AccountNotUsable, naming the usable ones, unless the credentials may use this destination's account."""
        ...

    def now(self) -> datetime:
        """The destination's clock (aware, UTC), as its last answer told it; the machine's before any answer."""
        ...

    def audiences(self) -> tuple[LiveAudience, ...]:
        """Every audience of the account, those of other kinds too: names are unique across kinds."""
        ...

    def exists(self, audience_id: str) -> bool:
        """Whether the account has this one audience, asked for by its id: a listing may have missed it."""
        ...

    def create(self, name: str, description: str, types: Collection[IdentifierType]) -> LiveAudience:
        """Create an empty audience. Raises NameTaken, AnswerLost."""
        ...

    def update(self, audience_id: str, name: str, description: str) -> None:
        """Set name and description. Raises AudienceGone, NameTaken."""
        ...

    def delete(self, audience_id: str) -> None:
        """Delete the audience; one that is already gone is no error."""
        ...

    def send(
        self, audience_id: str, operation: Operation, identifier_type: IdentifierType, identifiers: Sequence[str]
    ) -> Accepted:
        """Add or remove identifiers (at most the destination's batch size). Raises AudienceGone."""
        ...

    def clear(self, audience_id: str) -> None:
        """Empty the audience. Raises AudienceGone."""
        ...

    def size(self, audience_id: str) -> int | None:
        """How many identifiers the destination says the audience has; lags behind, None where it does not say."""
        ...

    def close(self) -> None:
        """Give back sockets."""
        ...


Connect = Callable[[Destination], DestinationClient]
"""Opens a connection for a destination of the files."""
