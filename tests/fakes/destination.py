"""A destination in memory: one ad account with unique names, and whatever goes wrong when a test asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from runner.core.destination import Accepted, AdAccount, Again, LiveAudience, Statistics, unnoticed
from runner.core.errors import AccountNotUsable, AnswerLost, AudienceGone, DestinationError, NameTaken
from runner.core.identifiers import IdentifierType, Operation
from tests.builders import NOON


@dataclass
class FakeDestination:
    """What it holds can be looked at and changed at will; `calls` are the changes it was asked for.

    `fails` maps a method's name to what its next calls raise before they do anything, None for one that does not fail;
    `unanswered` counts the next calls that take effect and whose answer is lost. `sizes` is what it counts where that
    is not what it holds, `hidden` are audiences that its listing leaves out.
    """

    account_id: str = "12345"
    usable: bool = True
    live: dict[str, LiveAudience] = field(default_factory=dict)
    members: dict[str, set[tuple[IdentifierType, str]]] = field(default_factory=dict)
    sizes: Mapping[str, int | None] = field(default_factory=dict)
    fails: dict[str, list[DestinationError | None]] = field(default_factory=dict)
    unanswered: Counter[str] = field(default_factory=Counter)
    hidden: set[str] = field(default_factory=set)
    time: datetime = NOON
    calls: list[tuple[object, ...]] = field(default_factory=list)
    closed: bool = False
    _created: int = 0

    def put(self, audience: LiveAudience, members: Collection[tuple[IdentifierType, str]] = ()) -> LiveAudience:
        """Make an audience by hand, as a person in the destination's own pages would."""
        self.live[audience.id] = audience
        self.members[audience.id] = set(members)
        return audience

    def accounts(self) -> tuple[AdAccount, ...]:
        return (AdAccount(self.account_id, "Corner Shop"),)

    def check_account(self) -> None:
        self._fail("check_account")
        if not self.usable:
            raise AccountNotUsable("the credentials may not use the account")

    def now(self) -> datetime:
        return self.time

    def audiences(self) -> tuple[LiveAudience, ...]:
        self._fail("audiences")
        return tuple(one for one in self.live.values() if one.id not in self.hidden)

    def exists(self, audience_id: str) -> bool:
        return audience_id in self.live

    def create(self, name: str, description: str, types: Collection[IdentifierType]) -> LiveAudience:
        self.calls.append(("create", name))
        self._fail("create")
        self._require_free(name)
        self._created += 1
        made = self.put(LiveAudience(str(1000 + self._created), name, description, self.time))
        self._answer("create")
        return made

    def update(self, audience_id: str, name: str, description: str) -> None:
        self.calls.append(("update", audience_id, name))
        self._fail("update")
        self._require(audience_id)
        self._require_free(name, audience_id)
        self.live[audience_id] = replace(self.live[audience_id], name=name, description=description)

    def delete(self, audience_id: str) -> None:
        self.calls.append(("delete", audience_id))
        self._fail("delete")
        self.live.pop(audience_id, None)
        self.members.pop(audience_id, None)

    def send(
        self,
        audience_id: str,
        operation: Operation,
        identifier_type: IdentifierType,
        identifiers: Sequence[str],
        again: Again = unnoticed,
    ) -> Accepted:
        self.calls.append((str(operation), audience_id, len(identifiers)))
        self._fail("send")
        self._require(audience_id)
        sent = {(identifier_type, one) for one in identifiers}
        if operation is Operation.ADD:
            self.members[audience_id] |= sent
        else:
            self.members[audience_id] -= sent
        self._answer("send")
        return Accepted(len(identifiers), 0)

    def clear(self, audience_id: str, again: Again = unnoticed) -> None:
        self.calls.append(("clear", audience_id))
        self._fail("clear")
        self._require(audience_id)
        self.members[audience_id] = set()

    def size(self, audience_id: str) -> int | None:
        self._fail("size")
        if audience_id in self.sizes:
            return self.sizes[audience_id]
        self._require(audience_id)
        return len(self.members[audience_id])

    def statistics(self, audience_id: str) -> Statistics:
        size = self.size(audience_id)
        return Statistics(size, None if size is None else size // 2)

    def close(self) -> None:
        self.closed = True

    def _fail(self, method: str) -> None:
        """Raise what the method's next call is to raise."""
        waiting = self.fails.get(method)
        error = waiting.pop(0) if waiting else None
        if error is not None:
            raise error

    def _answer(self, method: str) -> None:
        """Raise AnswerLost where the answer of the method's next call is to be lost."""
        if self.unanswered[method]:
            self.unanswered[method] -= 1
            raise AnswerLost("no answer came")

    def _require(self, audience_id: str) -> None:
        if audience_id not in self.live:
            raise AudienceGone(f"there is no audience {audience_id}")

    def _require_free(self, name: str, audience_id: str = "") -> None:
        if any(one.name == name and one.id != audience_id for one in self.live.values()):
            raise NameTaken("another audience of the account has that name")
