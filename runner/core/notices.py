"""Notices: what has become of a subject, for those who must act. None holds an identifier, SQL, or an engine's text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from runner.core.receivers import NoticeCondition
from runner.quick_dataclass import dataclass, field

RUN, FILES = "the run", "the files"
"""Subjects beside activations and suppressions: a run that failed as a whole, and files that are not valid."""


class NoticeKey(NamedTuple):
    """Which notice is meant: of one condition of one subject, for one receiver."""

    receiver: str
    subject: str
    condition: str


@dataclass(frozen=True, slots=True)
class KeptNotice:
    """What the state remembers of a condition that a receiver is to know, or knows.

    `content` is what is still to be delivered (schemas/notice.schema.json), None once it is; `attempts` how often that
    failed. `delivered_at` is when the receiver was last notified, None before that.
    """

    key: NoticeKey
    since: datetime
    content: Mapping[str, Any] | None = None
    attempts: int = 0
    delivered_at: datetime | None = None

    @property
    def ends(self) -> bool:
        """Whether what is still to be delivered says that it is over: with that the row ends."""
        return self.content is not None and self.content["status"] == "recovered"


@dataclass(frozen=True, slots=True)
class Turnover:
    """What entered and left an audience in one run, and what it held before, in identifiers."""

    added: int
    removed: int
    before: int


@dataclass(frozen=True, slots=True)
class Wording:
    """What a notice says of a condition: a sentence, and what to do; since when, where that is known better than by
    this run.
    """

    message: str
    hint: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """What a run has seen of one subject: the conditions that hold, and those of which it is certain that they do not.

    Of a condition in neither, the run knows nothing. `label` names the subject in a sentence; `place` is where it is
    declared, `owner` whom the files name. `is_gone` says that no file declares it any more.
    """

    subject: str
    label: str
    on: Mapping[NoticeCondition, Wording] = field(default_factory=dict)
    off: frozenset[NoticeCondition] = frozenset()
    turnover: Turnover | None = None
    place: str = ""
    owner: str = ""
    is_gone: bool = False
