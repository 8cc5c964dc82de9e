"""A plan: the full list of changes that would bring the destination to the declared state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from runner.core.destination import LiveAudience
from runner.core.findings import Location
from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, Evaluation, TypeDelta
from runner.core.project import Activation
from runner.core.records import AccountRef, Action, AppliedAudience, AudienceKey, Definition

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
class Block:
    """A guardrail that stops a change; `allow` is the option that lets it pass for one run, empty where none does."""

    guardrail: str
    message: str
    allow: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one audience, and why.

    `intended` is what the plan would do were it not for `blocks`. `activation` is None for an audience that is no
    longer declared, `applied` None for one that is not made yet. `definition` is what will be recorded as applied.
    `redefined` says that the definition differs from what was last applied. `refill` says that the audience is cleared
    and filled again. `error` and `hint` are about a conflict or a failure. A re-create with an `audience_id` first
    deletes that audience, which cannot become what is declared. `live` is the audience as it is in the destination,
    `holder` another one that has the name. `compared` is what will be sent, `delta` what that means for the audience.
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
    evaluation: Evaluation | None = None
    compared: ComparedMembership | None = None
    delta: Mapping[IdentifierType, TypeDelta] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    error: str = ""
    hint: str = ""
    live: LiveAudience | None = None
    holder: LiveAudience | None = None

    @property
    def key(self) -> AudienceKey:
        """Which audience; the id of one that a create has made that was given up is of its own."""
        return AudienceKey(self.id, *self.account)

    @property
    def action(self) -> Action:
        return Action.BLOCKED if self.blocks else self.intended

    @property
    def replaces(self) -> bool:
        """Whether an audience that exists is deleted for the one that is made."""
        return self.intended is Action.RECREATE and self.audience_id is not None

    @property
    def sends(self) -> int:
        """How many identifiers are sent; an audience that is replaced takes its members along."""
        return self.added if self.replaces else self.added + self.removed

    @property
    def added(self) -> int:
        return sum(part.added for part in self.delta.values())

    @property
    def removed(self) -> int:
        return sum(part.removed for part in self.delta.values())

    @property
    def before(self) -> int:
        return sum(part.before for part in self.delta.values())

    @property
    def after(self) -> int:
        return sum(part.after for part in self.delta.values())

    @property
    def rejected(self) -> int:
        return sum(part.count for part in self.evaluation.rejected) if self.evaluation else 0

    @property
    def name_aside(self) -> str:
        """What the audience is called, for a moment, while it swaps names with another one."""
        return f"{self.name} (headcount {self.audience_id})"

    @property
    def location(self) -> Location | None:
        return self.activation.location if self.activation else None


@dataclass(frozen=True, slots=True)
class Options:
    """What a plan was asked for, each list in order and without doubles.

    `changed` are the activations that --changed-since came to, None where it was not given. `variables` are the names
    of those given for this run; their values may be secret and are not kept.
    """

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    changed: tuple[str, ...] | None = None
    prune: bool = False
    allow_removals: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes, in the order in which they are shown; `today` is the date that segments were evaluated for."""

    changes: tuple[Change, ...]
    made_at: datetime
    today: date
    options: Options = field(default_factory=Options)

    @classmethod
    def of(cls, changes: Iterable[Change], made_at: datetime, today: date, options: Options | None = None) -> Plan:
        ordered = sorted(changes, key=lambda change: (ORDER.index(change.action), change.id, change.destination))
        return cls(tuple(ordered), made_at, today, options or Options())

    def having(self, *actions: Action) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action in actions)

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes that an apply would carry out."""
        return self.having(*CHANGING)

    @property
    def counts(self) -> Mapping[Action, int]:
        """How many changes there are of each action, those of none left out, in the order of showing."""
        found = {action: len(self.having(action)) for action in ORDER}
        return {action: count for action, count in found.items() if count}
