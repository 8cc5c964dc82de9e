"""Who is notified, and of what: the receivers that `notify` of the Project document declares."""

from __future__ import annotations

from enum import StrEnum

from runner.core.destination import MissingSecret, Secret
from runner.core.findings import Location
from runner.core.project import Limit
from runner.quick_dataclass import dataclass


class NoticeCondition(StrEnum):
    """What a notice is about: a state in which an activation, a suppression or the whole run can be.

    SUPPRESSION says that a suppression cannot take effect, so that nobody is added where it applies.
    """

    FAILED = "failed"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    STALE = "stale"
    TURNOVER = "turnover"
    SUPPRESSION = "suppression"


OUTCOMES = frozenset(
    {NoticeCondition.FAILED, NoticeCondition.BLOCKED, NoticeCondition.SKIPPED, NoticeCondition.SUPPRESSION}
)
"""How a run can end badly: of these, one subject is in one at a time."""

RECOVERED = "recovered"
"""The word in `when` for notices that something is over."""


class ReceiverFormat(StrEnum):
    """The shape of what is posted: Headcount's own JSON, or the message that Slack takes."""

    JSON = "json"
    SLACK = "slack"


@dataclass(frozen=True, slots=True)
class Receiver:
    """A webhook. `when` are the conditions it is notified of, `recovered` whether also when they are over.

    `max_turnover` is the most that may enter and leave an audience in one run without a notice; None for any number.
    """

    name: str
    url: Secret | MissingSecret
    format: ReceiverFormat
    when: frozenset[NoticeCondition]
    recovered: bool
    max_turnover: Limit | None
    location: Location
