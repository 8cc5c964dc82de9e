"""A plan: the full list of changes that would bring the destination to the declared state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import date, datetime
from typing import Self

from runner.core.destination import LiveAudience
from runner.core.findings import Finding, Location
from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, Delta, Evaluation, Rejected, removals_of
from runner.core.project import Activation
from runner.core.records import AccountRef, Action, AppliedAudience, AudienceKey, Definition
from runner.planning.allowances import AllowedRemovals, Grant
from runner.planning.blocks import Block
from runner.planning.overlap import Overlap
from runner.planning.suppression_rules import PlannedSuppression, Withdrawal
from runner.quick_dataclass import dataclass, field, replace

ORDER = (
    Action.DELETE,
    Action.BLOCKED,
    Action.FAILED,
    Action.CONFLICT,
    Action.RECREATE,
    Action.CREATE,
    Action.UPDATE,
    Action.SYNC,
    Action.ORPHANED,
    Action.UNCHANGED,
)
"""The order in which a plan is shown: what can hurt comes first."""

CHANGING = frozenset({Action.CREATE, Action.UPDATE, Action.SYNC, Action.RECREATE, Action.DELETE})
"""The actions that an apply carries out."""


NO_DESTINATION = "no destination of the files uses its account"
"""Why an audience that is no longer declared cannot be deleted either."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """The audience's name or description is not as declared; `drift` when someone changed it in the destination."""

    field: str
    before: str
    after: str
    drift: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What has to happen to one audience, and why, as far as definitions say; its members have not been looked at.

    `intended` is the action without regard to guardrails. `activation` is None for an audience that is no longer
    declared, `applied` None for one that is not made yet. `definition` is what will be recorded as applied;
    `redefined` says that it differs from what was last applied. `refill` says that the audience is cleared and filled
    again. `error` and `hint` are about a conflict or failure. A re-create with an `audience_id` first deletes that
    audience, which cannot become what is declared. `live` is the audience as it is in the destination, `holder`
    another one that has the name. `vanished` is how many audiences of ours the account had that are gone at once, all
    of them; 0 where that is not so.
    """

    id: str
    intended: Action
    destination: str
    account: AccountRef
    name: str
    reasons: tuple[str, ...] = ()
    activation: Activation | None = None
    applied: AppliedAudience | None = None
    audience_id: str | None = None
    definition: Definition | None = None
    redefined: bool = False
    fields: tuple[FieldChange, ...] = ()
    refill: bool = False
    error: str = ""
    hint: str = ""
    live: LiveAudience | None = None
    holder: LiveAudience | None = None
    vanished: int = 0

    @property
    def key(self) -> AudienceKey:
        """Which audience; one that a create has made that was given up has an id, and so a key, of its own."""
        return AudienceKey(self.id, *self.account)

    @property
    def is_gone(self) -> bool:
        """Whether the audience that the state knows was looked for in the destination, and is not there."""
        return self.intended is Action.RECREATE and self.audience_id is None

    @property
    def replaces(self) -> bool:
        """Whether an audience that exists is deleted for the one that is made."""
        return self.intended is Action.RECREATE and self.audience_id is not None

    @property
    def old_name(self) -> str:
        """The name that a rename gives up; empty when the name stays."""
        return next((part.before for part in self.fields if part.field == "name"), "")

    @property
    def name_aside(self) -> str:
        """What the audience is called, for a moment, while it swaps names with another one."""
        return f"{self.name} (headcount {self.audience_id})"

    @property
    def location(self) -> Location | None:
        return self.activation.location if self.activation else None

    def failed(self, error: str, hint: str) -> Self:
        """The same, but nothing can be done about the audience."""
        return replace(self, intended=Action.FAILED, error=error, hint=hint)

    def in_conflict(self, error: str, hint: str) -> Self:
        """The same, but another audience has the name."""
        return replace(self, intended=Action.CONFLICT, error=error, hint=hint)


@dataclass(frozen=True, slots=True)
class Measured:
    """The segment of an activation evaluated, and what must be sent for its audience to hold just that.

    `compared` is what will be sent, `delta` what that means for the audience; `warnings` are about the activation's
    settings. `newly_held_out` are the members of each type that leave because its holdout is new or another one.
    """

    activation: Activation
    evaluation: Evaluation
    compared: ComparedMembership
    delta: Delta
    warnings: tuple[Finding, ...] = ()
    newly_held_out: Mapping[IdentifierType, int] = field(default_factory=dict)

    def without_additions(self) -> Measured:
        """The same, but nobody is added."""
        return replace(self, compared=self.compared.without_additions(), delta=removals_of(self.delta))


@dataclass(frozen=True, slots=True)
class PlannedChange(Decision):
    """A decision with the members it moves, judged by the guardrails: what a plan consists of.

    `measured` is None where no segment had to be evaluated. `blocks` keep the change from being carried out. `overlap`
    is what other audiences hold already of the segment of a new one. `allowance` is what the files let it remove;
    `grant` what let its removals pass, None where nothing had to. `seconds` is how long it took to evaluate the segment
    and compare it, None where none was. `leaving` is what suppressions take out of it, in any case; nobody is added
    while those in `waits_for` do not take effect.
    """

    measured: Measured | None = None
    blocks: tuple[Block, ...] = ()
    overlap: Overlap | None = None
    allowance: AllowedRemovals | None = None
    grant: Grant | None = None
    seconds: float | None = None
    leaving: Delta = field(default_factory=dict)
    waits_for: tuple[PlannedSuppression, ...] = ()

    @classmethod
    def of(cls, decision: Decision, measured: Measured | None = None, blocks: Iterable[Block] = ()) -> PlannedChange:
        decided = {part.name: getattr(decision, part.name) for part in fields(Decision)}
        return cls(**decided, measured=measured, blocks=tuple(blocks))

    @property
    def action(self) -> Action:
        return Action.BLOCKED if self.blocks else self.intended

    @property
    def delta(self) -> Delta:
        return self.measured.delta if self.measured else {}

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """The values of the segment that cannot be sent."""
        return self.measured.evaluation.rejected if self.measured else ()

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What of the segment's SQL and of the settings is worth a warning."""
        return (*self.measured.evaluation.warnings, *self.measured.warnings) if self.measured else ()

    @property
    def moves(self) -> bool:
        """Whether members are sent or the audience is cleared."""
        return self.refill or any(part.added or part.removed for part in self.delta.values())

    @property
    def defines(self) -> bool:
        """Whether it applies a definition: to a new audience, or another one than was applied last."""
        applied = self.applied
        made = self.intended in (Action.CREATE, Action.RECREATE) or applied is None or applied.applied_at is None
        return made or (applied is not None and applied.definition != self.definition)

    @property
    def sends(self) -> int:
        """How many identifiers are sent; an audience that is replaced takes its members along."""
        return sum(part.added if self.replaces else part.added + part.removed for part in self.delta.values())

    @property
    def after(self) -> int:
        """How many members the audience has when the change is done."""
        return sum(part.after for part in self.delta.values())


@dataclass(frozen=True, slots=True)
class Options:
    """What a plan was asked for, each list in order and without doubles.

    `changed` are the activations that --changed-since came to, None where it was not given. `variables` are the names
    of those given for this run; their values may be secret and are not kept. `allow_recreate` are the accounts whose
    audiences may all be made again, `target` is the project's target, empty where it has none; `allow_suppressions` are
    the suppressions that guardrails would stop.
    """

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    changed: tuple[str, ...] | None = None
    prune: bool = False
    allow_removals: tuple[str, ...] = ()
    allow_recreate: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    target: str = ""
    allow_suppressions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes, in the order in which they are shown; `today` is the date that segments were evaluated for.

    `withdrawals` are what leaves audiences because of the `suppressions`, whatever else happens to these.
    """

    changes: tuple[PlannedChange, ...]
    made_at: datetime
    today: date
    options: Options = field(default_factory=Options)
    suppressions: tuple[PlannedSuppression, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()

    @classmethod
    def of(
        cls, changes: Iterable[PlannedChange], made_at: datetime, today: date, options: Options | None = None
    ) -> Plan:
        return cls((), made_at, today, options or Options()).with_changes(changes)

    def with_changes(self, changes: Iterable[PlannedChange]) -> Plan:
        """The same plan with these changes instead, in the order of showing."""
        ordered = sorted(changes, key=lambda change: (ORDER.index(change.action), change.id, change.destination))
        return replace(self, changes=tuple(ordered))

    @property
    def has_work(self) -> bool:
        """Whether an apply would change anything, beside what is written down of what was looked at."""
        defines = any(one.takes_effect and (one.changes_definition or one.is_forgotten) for one in self.suppressions)
        return bool(self.pending or self.withdrawals) or defines

    def having(self, *actions: Action) -> tuple[PlannedChange, ...]:
        return tuple(change for change in self.changes if change.action in actions)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What of the segments' SQL and of the settings is worth a warning, once each."""
        return tuple(dict.fromkeys(warning for change in self.changes for warning in change.warnings))

    @property
    def pending(self) -> tuple[PlannedChange, ...]:
        """The changes that an apply would carry out."""
        return self.having(*CHANGING)

    @property
    def counts(self) -> Mapping[Action, int]:
        """How many changes there are of each action, those of none left out, in the order of showing."""
        found = {action: len(self.having(action)) for action in ORDER}
        return {action: count for action, count in found.items() if count}
