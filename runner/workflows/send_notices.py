"""Notifying receivers: decide, write down, send, write down again.

At least once: a notice that was sent and not written down as sent is sent once more, under the same id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from runner.core.errors import StateError
from runner.core.notices import KeptNotice, NoticeKey, Observed
from runner.core.receivers import Receiver
from runner.planning.notice_decisions import NoticeChanges, decide
from runner.quick_dataclass import dataclass
from runner.webhooks.delivery import Post, Posted
from runner.webhooks.webhook_addresses import WebhookAddress


class NoticeBook(Protocol):
    """Where it is written down who is notified of what: the state, and while that cannot be written, this machine."""

    def notices(self) -> tuple[KeptNotice, ...]:
        """What receivers know, and what they are still to be notified of."""

    def change_notices(self, put: Sequence[KeptNotice], dropped: Sequence[NoticeKey]) -> None:
        """Have these as they are given, and end others."""

    def notices_tried(self, delivered: Sequence[NoticeKey], missed: Sequence[NoticeKey], at: datetime) -> None:
        """Some were delivered, others not."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a receiver: how many notices it took, how many wait, and why."""

    receiver: str
    host: str
    taken: int
    waiting: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Mailing:
    """Whom to notify: the declared receivers with their addresses, what is said in every notice, and how it is sent."""

    receivers: Sequence[Receiver]
    addresses: Mapping[str, WebhookAddress]
    facts: Mapping[str, Any]
    post: Post

    @property
    def reachable(self) -> tuple[Receiver, ...]:
        return tuple(one for one in self.receivers if not self.addresses[one.name].problem)

    def decide(self, kept: Sequence[KeptNotice], observed: Sequence[Observed], now: datetime) -> NoticeChanges:
        """What changes after a run."""
        declared = frozenset(one.name for one in self.receivers)
        return decide(self.reachable, declared, kept, observed, self.facts, now)


def is_needed(
    mailing: Mailing, book: NoticeBook, look: Callable[[Sequence[KeptNotice]], Sequence[Observed]], now: datetime
) -> bool:
    """Whether anything would be written down or sent: if not, nobody needs to hold the state for it."""
    kept = book.notices()
    return bool(mailing.decide(kept, look(kept), now)) or bool(_pending(kept, mailing))


def notify(
    mailing: Mailing, book: NoticeBook, look: Callable[[Sequence[KeptNotice]], Sequence[Observed]],
    clock: Callable[[], datetime],
) -> tuple[Sent, ...]:  # fmt: skip
    """Write down what changed, send what is due, and write down what was taken. The book must be this run's alone."""
    kept = book.notices()
    changes = mailing.decide(kept, look(kept), clock())
    if changes:
        book.change_notices(changes.put, changes.dropped)
        kept = book.notices()
    pending = _pending(kept, mailing)
    if not pending:
        return ()
    named = {one.name: one for one in mailing.receivers}
    work = {
        name: (named[name], mailing.addresses[name], [row.content for row in rows if row.content is not None])
        for name, rows in pending.items()
    }
    posted = mailing.post(work)
    delivered = [row.key for name, rows in pending.items() for row in rows[: posted[name].taken]]
    missed = [row.key for name, rows in pending.items() for row in rows[posted[name].taken :]]
    try:
        book.notices_tried(delivered, missed, clock())
    except StateError:
        why = "it could not be written down which it took"
        return tuple(Sent(name, mailing.addresses[name].host, 0, len(rows), why) for name, rows in pending.items())
    return tuple(_sent(name, rows, posted[name], mailing.addresses[name]) for name, rows in pending.items())


def _pending(kept: Sequence[KeptNotice], mailing: Mailing) -> dict[str, list[KeptNotice]]:
    """What is still to be delivered, by receiver."""
    found: dict[str, list[KeptNotice]] = {}
    names = {one.name for one in mailing.reachable}
    for row in kept:
        if row.content is not None and row.key.receiver in names:
            found.setdefault(row.key.receiver, []).append(row)
    return found


def _sent(name: str, rows: Sequence[KeptNotice], posted: Posted, address: WebhookAddress) -> Sent:
    return Sent(name, address.host, posted.taken, len(rows) - posted.taken, posted.problem)
