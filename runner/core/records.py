"""What was carried out before: the audiences Headcount made or took over, and what it remembers of each run.

These are the values that the state gives back; how they are kept is the state's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from runner.core.identifiers import IdentifierType
from runner.quick_dataclass import dataclass, field, replace


class AccountRef(NamedTuple):
    """The ad account an audience lives in: the destination's type and the account's id there."""

    kind: str
    account_id: str


class AudienceKey(NamedTuple):
    """Which audience is meant: that of an activation in one account. An activation that moved has one in each."""

    activation: str
    kind: str
    account_id: str


class Binding(NamedTuple):
    """What a state belongs to: the address of the API, and the target, which is empty where none is declared."""

    api: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Definition:
    """The declared part of an audience, as far as it decides who is in it and what it is called.

    `meaning` is the segment's (see project.Segment), `sql` its fingerprint, which decides where a definition was
    recorded before there were meanings; `text` is the SQL, for people: it decides nothing. `mapping` is identifier type
    -> column name, `holdout` what Holdout.data says (empty where there is none), `options` the fields of the
    destination without which its identifiers mean nothing. Schedules and guardrails are not part of it: they change
    nothing in the destination. `undated_name` and `undated_description` are set where the words name the day: they are
    what these come to on one fixed day (docs/adr/0008).
    """

    name: str
    description: str
    mapping: Mapping[str, str | tuple[str, ...]]
    sql: str
    options: Mapping[str, str | int] = field(default_factory=dict)
    protect: bool = False
    undated_name: str | None = None
    undated_description: str | None = None
    meaning: str = ""
    text: str = field(default="", compare=False)
    holdout: Mapping[str, str] = field(default_factory=dict)

    @property
    def undated(self) -> Definition:
        """The definition as it is on every day: two that differ in this differ in more than the day."""
        name = self.name if self.undated_name is None else self.undated_name
        description = self.description if self.undated_description is None else self.undated_description
        return replace(self, name=name, description=description, undated_name=None, undated_description=None)


def same_sql(before: Definition, now: Definition) -> bool:
    """Whether the SQL means the same; one recorded by its text alone is compared by that."""
    return before.meaning == now.meaning if before.meaning and now.meaning else before.sql == now.sql


def redefined(before: Definition | None, now: Definition | None) -> bool:
    """Whether more than the day has changed since a definition was applied."""
    if before is None or now is None:
        return True
    return not same_sql(before, now) or replace(before.undated, sql=now.sql, meaning=now.meaning) != now.undated


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A delta that a run began and did not end: how many of its batches are in each condition."""

    batches: int
    taken: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class AppliedAudience:
    """An audience of ours, in the account (`kind` and `account_id`) it lives in.

    `record_id` is the state's number for this record. `audience_id` is None while a create has been intended and its
    answer is not known; `intended_at` is when, by the destination's clock. `definition` is what was last applied, None
    after an import that no apply has followed. `members` counts the membership last settled per type, `unknown` how
    many of these an interrupted run left uncertain. `refill` says that the content is not known and the next apply
    clears and refills; `filling` that it has not been filled whole since it was made or cleared. `invalid` is how many
    of the identifiers sent the destination has called malformed since the membership was empty. `given_up_at` is when,
    by the destination's clock, a create without an answer was expected no more: another name was asked for, or none.
    `doubt_at` is when, by this machine's clock, the last call about its members left whose answer never came.
    """

    record_id: int
    activation: str
    destination: str
    kind: str
    account_id: str
    audience_id: str | None
    definition: Definition | None
    intended_at: datetime
    applied_at: datetime | None = None
    serial: int = 0
    members: Mapping[IdentifierType, int] = field(default_factory=dict)
    unknown: Mapping[IdentifierType, int] = field(default_factory=dict)
    refill: bool = False
    filling: bool = False
    invalid: int = 0
    unfinished: Unfinished | None = None
    given_up_at: datetime | None = None
    doubt_at: datetime | None = None

    @property
    def account(self) -> AccountRef:
        return AccountRef(self.kind, self.account_id)

    @property
    def key(self) -> AudienceKey:
        return AudienceKey(self.activation, self.kind, self.account_id)

    @property
    def protected(self) -> bool:
        return self.definition is not None and self.definition.protect

    @property
    def doubtful(self) -> int:
        """How many identifiers an interrupted run left uncertain."""
        return sum(self.unknown.values())

    @property
    def left_work(self) -> bool:
        """Whether an earlier run left something for the next one to do."""
        return self.refill or self.unfinished is not None or bool(self.doubtful)


class Action(StrEnum):
    """What a plan does about one activation (or one audience that no activation declares any more)."""

    CREATE = "create"
    UPDATE = "update"
    SYNC = "sync"
    RECREATE = "re-create"
    CONFLICT = "conflict"
    DELETE = "delete"
    ORPHANED = "orphaned"
    BLOCKED = "blocked"
    FAILED = "failed"
    UNCHANGED = "unchanged"


SUPPRESS = "suppress"
"""The action of people's leaving because a suppression names them, and of a suppression's own line in a history."""

SUPPRESSION_LINE = "suppression "
"""What a suppression's own line in a history begins with, where an activation has its id: no id has a space."""


IMPORT = "import"
"""The command, and the action, of taking over an audience: no run of an activation, whose members it leaves alone."""


FORGET = "forget"
"""The action of people's leaving because they are erased."""


class Outcome(StrEnum):
    """How one activation fared in one run."""

    DONE = "done"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_wrong(self) -> bool:
        """Whether somebody should know of it: the audience is not what its segment says."""
        return self in (Outcome.FAILED, Outcome.BLOCKED, Outcome.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """Who ran a command and from what, each empty where it is not known.

    `dirty` says whether a file that declares something was not as it is in the commit, None where that is not known.
    """

    user: str = ""
    host: str = ""
    ci_job: str = ""
    ci_url: str = ""
    commit: str = ""
    dirty: bool | None = None

    @property
    def person(self) -> str:
        """`user@host`, or the one of both that is known."""
        return "@".join(part for part in (self.user, self.host) if part)


NOT_KNOWN = RunOrigin()
"""Nothing is known of who ran it."""


@dataclass(frozen=True, slots=True)
class DefinitionThen:
    """What a run applied, of an audience or of a suppression, for people: it decides nothing.

    `sql` is as it is on the fixed day of docs/adr/0008, and empty where only its fingerprint was recorded. Of an
    audience are `name`, `description`, `options` and `holdout`; of a suppression `reason`, and `accounts`, None for all
    there are.
    """

    sql: str
    mapping: Mapping[str, str | tuple[str, ...]]
    name: str = ""
    description: str = ""
    options: Mapping[str, str | int] = field(default_factory=dict)
    holdout: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False
    reason: str = ""
    accounts: tuple[AccountRef, ...] | None = None


@dataclass(frozen=True, slots=True)
class ActivationRun:
    """One activation in one run. `action` is the plan's word for it (create, sync, ...), `detail` a sentence, and what
    to do about it where something can be done (see `with_advice`).

    `added` and `removed` include the members of an audience that was deleted. `counts` has both by identifier type,
    where that was recorded, and under `suppressed` how many of the removed left because suppressions name them.
    `permission` is the option or the guardrail without which the run would have been stopped here, if any, and
    `permission_reason` the reason that the files give for it. `rows` are those that the segment's SQL yielded, None
    where it was not evaluated; `held_out` those of them that its holdout left out, `suppressed` those that suppressions
    did. `definition` is what the run applied, None where it applied none; only the state knows it, and gives it back.
    """

    activation: str
    action: str
    outcome: Outcome
    added: int = 0
    removed: int = 0
    rejected: int = 0
    invalid: int = 0
    members: int = 0
    seconds: float = 0.0
    detail: str = ""
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    permission: str = ""
    permission_reason: str = ""
    held_out: int = 0
    suppressed: int = 0
    rows: int | None = None
    definition: DefinitionThen | None = None

    @property
    def figures(self) -> Mapping[str, str | int | float]:
        """How it fared, in numbers, for a log."""
        names = ("action", "added", "removed", "rejected", "invalid", "held_out", "members", "seconds")
        return {"outcome": str(self.outcome), **{name: getattr(self, name) for name in names}}

    @property
    def only_withdrew(self) -> bool:
        """Whether people left whom a suppression names, or who were erased, and nothing else was done to the audience.

        That says nothing of its segment, which may fail. A suppression's own line is not meant.
        """
        withdrew = self.action in (SUPPRESS, FORGET) and self.outcome is Outcome.DONE
        return withdrew and not self.activation.startswith(SUPPRESSION_LINE)


@dataclass(frozen=True, slots=True)
class SegmentCost:
    """What one segment cost in a run: rows that its SQL yielded, None where it failed; seconds until it was compared
    with its audience.
    """

    activation: str
    rows: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class RunCost:
    """What all segments of a run cost: how many were evaluated, the sums, and the costliest, the slowest first."""

    evaluated: int
    rows: int
    seconds: float
    costliest: tuple[SegmentCost, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One apply or sync; `finished_at` is None when it was killed or still goes on.

    `plan_id` is the plan that an apply followed, empty for a sync. `unchanged` counts the activations that were looked
    at and needed nothing, which are not among `activations`. `cost` is that of its segments, None where that was not
    recorded, and `today` the date that templates saw, likewise. `is_whole` is false for a run from before those of
    which everything is kept: some of its outcomes, its cost, and who ran a sync may be missing.
    """

    id: int
    command: str
    started_at: datetime
    finished_at: datetime | None
    activations: tuple[ActivationRun, ...] = ()
    origin: RunOrigin = NOT_KNOWN
    plan_id: str = ""
    unchanged: int = 0
    cost: RunCost | None = None
    is_whole: bool = True
    today: date | None = None


@dataclass(frozen=True, slots=True)
class LastRun:
    """How an activation fared in a run, and when that began. `detail` is as in ActivationRun."""

    started_at: datetime
    outcome: Outcome
    detail: str


_ADVICE = "\n-> "


def with_advice(sentence: str, *advice: str) -> str:
    """What happened and what to do about it in one text, as a run is remembered: `taken_apart` gives both back."""
    return _ADVICE.join((sentence, *(one for one in advice if one)))


def taken_apart(detail: str) -> tuple[str, tuple[str, ...]]:
    """What happened, and what to do about it."""
    sentence, *advice = detail.split(_ADVICE)
    return sentence, tuple(advice)


@dataclass(frozen=True, slots=True)
class Latest:
    """The last runs of an activation: of any outcome but skipped, with members sent, and one that went well.

    The deletion of an orphan that has the activation's id is neither of the first and the last.
    """

    run: LastRun | None = None
    change: LastRun | None = None
    good: LastRun | None = None


@dataclass(frozen=True, slots=True)
class Setback:
    """The last runs of an activation that went wrong one after the other: failed, blocked or interrupted.

    `since` is when the first of them began, as far back as runs are kept, and `first` how that one ended. `alike_since`
    is when the first of those began that ended as the last of them did, without another between them. `over_at` is when
    the first good run after them all did, None while there is none.
    """

    since: datetime
    first: Outcome
    alike_since: datetime
    over_at: datetime | None = None
