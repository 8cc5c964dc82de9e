"""What a run does about suppressions: who is new in one, whom it takes out of which audience, and what keeps it from
taking effect.

A suppression that does not take effect fails closed: nobody is added where it applies, and whom it named last goes on
leaving.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from runner.core.destination import Destination
from runner.core.fingerprints import FingerprintOrigin
from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership
from runner.core.project import Suppression, SuppressionLimits
from runner.core.records import AccountRef, AppliedAudience
from runner.core.suppression import AppliedSuppression, SuppressionDefinition
from runner.planning.blocks import Block
from runner.planning.limits import SMALL, exceeds
from runner.quick_dataclass import dataclass, field


class Standing(StrEnum):
    """How a suppression in the files is to the one that was applied; NOT_READABLE where files that are not valid say
    nothing of it that can be read, which no run ever sees.
    """

    NEW = "new"
    CHANGED = "changed"
    APPLIED = "applied"
    UNDECLARED = "no longer declared"
    NOT_READABLE = "not readable"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What leaves one audience because suppressions name it, whatever else happens to that audience.

    `destination` is one that uses its account; None where there is none. `is_blind` says that nobody knows what the
    audience holds. `error` says why nothing can leave.
    """

    record: AppliedAudience
    compared: ComparedMembership
    destination: Destination | None = None
    is_blind: bool = False
    error: str = ""

    @property
    def batch_size(self) -> int:
        """How many identifiers go into a call."""
        return self.destination.batch_size if self.destination is not None else 1

    @property
    def removed(self) -> int:
        """How many identifiers leave."""
        return sum(part.removed for part in self.compared.delta.values())


@dataclass(frozen=True, slots=True)
class Taken:
    """How many identifiers of one type a new or changed suppression takes out of an audience of `before` of them."""

    activation: str
    identifier_type: IdentifierType
    removed: int
    before: int


@dataclass(frozen=True, slots=True)
class PlannedSuppression:
    """One suppression in a run.

    `named` is a file of whom it names from this run on, None where it was not evaluated; `members` counts them,
    `entered` and `left` are who came and went since the last time; `base` is a file of whom it named when every
    audience was last known to hold none of them, `gone` one of those who went, None where nobody looked for them.
    `is_forgotten` says that whom it named last cannot be
    read, and that it was allowed to go on without. `takes` is what a new or changed one takes out of
    audiences. `blocks`, `error` and `waits` each keep it from taking effect; `waits` says that only an apply can
    change that. `let_pass_by` is the option without which it would be blocked, empty where nothing had to let it pass.
    `rejected` counts values that it yields and that are no identifiers: they keep nobody out; `rejected_before` is how
    many did so when the history last said something of it. `md5s` are the addresses that it has as MD5. `asked_at` is
    when its data was asked, None where it was not: whoever came into the data after that may not be named.
    `fingerprints` says what those in `named` were made with; with `renews_fingerprints` they are to be written down for
    their own sake. `mistaken` says that those of before led to other identifiers than the texts themselves, so that
    everybody was hashed.
    """

    name: str
    standing: Standing
    declared: Suppression | None = None
    applied: AppliedSuppression | None = None
    named: Path | None = None
    members: Mapping[IdentifierType, int] = field(default_factory=dict)
    entered: int = 0
    left: int = 0
    base: Path | None = None
    gone: Path | None = None
    is_forgotten: bool = False
    takes: tuple[Taken, ...] = ()
    blocks: tuple[Block, ...] = ()
    error: str = ""
    hint: str = ""
    waits: str = ""
    let_pass_by: str = ""
    rejected: int = 0
    rejected_before: int = 0
    md5s: int = 0
    asked_at: datetime | None = None
    fingerprints: FingerprintOrigin | None = None
    renews_fingerprints: bool = False
    mistaken: bool = False

    @property
    def takes_effect(self) -> bool:
        """Whether whom it names now is what counts from this run on."""
        return not (self.blocks or self.error or self.waits)

    @property
    def reason(self) -> str:
        """Why people are in it, as the files say it, or last said."""
        if self.declared is not None:
            return self.declared.reason
        return self.applied.definition.reason if self.applied is not None else ""

    @property
    def changes_definition(self) -> bool:
        """Whether an apply changes what is in effect."""
        return self.standing is not Standing.APPLIED

    @property
    def rejects_others(self) -> bool:
        """Whether more or fewer of its values are no identifiers than the time before."""
        return self.named is not None and self.rejected != self.rejected_before

    @property
    def is_new(self) -> bool:
        """Whether whom it names now is to be written down, since that is not what is."""
        return bool(self.changes_definition or self.is_forgotten or self.entered or self.left)

    def concerns(self, account: AccountRef) -> bool:
        """Whether it is, or was, for the audiences of an account."""
        declared = self.declared is not None and self.declared.concerns(account)
        return declared or (self.applied is not None and self.applied.definition.concerns(account))

    def why_not(self) -> str:
        """Why it does not take effect, in words."""
        return self.error or "; ".join(block.message for block in self.blocks) or self.waits


def definition_of_suppression(suppression: Suppression) -> SuppressionDefinition:
    """The part of a suppression that is recorded as applied."""
    segment = suppression.segment
    return SuppressionDefinition(
        meaning=segment.meaning,
        sql=segment.fingerprint,
        mapping={str(kind): ", ".join(columns) for kind, columns in sorted(suppression.mapping.items())},
        accounts=suppression.accounts,
        text=segment.declared,
        reason=suppression.reason,
    )


def standing_of(declared: Suppression | None, applied: AppliedSuppression | None) -> Standing:
    """How the two are to each other; one of them is there."""
    if declared is None:
        return Standing.UNDECLARED
    if applied is None:
        return Standing.NEW
    same = applied.definition.same(definition_of_suppression(declared))
    return Standing.APPLIED if same else Standing.CHANGED


def blocks_of(one: PlannedSuppression) -> tuple[Block, ...]:
    """What keeps a suppression that was evaluated, or that is no longer declared, from taking effect."""
    return tuple(_blocks(one))


def _blocks(one: PlannedSuppression) -> Iterator[Block]:
    allow = f"--allow-suppression {one.name}"
    if one.declared is None:
        held = sum(one.applied.members.values()) if one.applied is not None else 0
        yield Block("not_declared", f"it is no longer declared: {held:,} identifiers may be sent again", allow)
        return
    limits = one.declared.limits
    before = sum(one.applied.members.values()) if one.applied is not None else 0
    if one.applied is not None and one.applied.definition.narrowed(definition_of_suppression(one.declared)):
        yield Block("fewer_destinations", "it is for fewer destinations than before", allow)
    if exceeds(one.left, before, limits.max_lost):
        yield Block(
            "max_lost",
            f"{one.left:,} of the {before:,} identifiers that it named are in it no more, more than {limits.max_lost}",
            allow,
        )
    if one.standing is Standing.APPLIED and exceeds(one.entered, before, limits.max_added):
        yield Block(
            "max_added",
            f"{one.entered:,} identifiers enter it, which named {before:,}: more than {limits.max_added}",
            allow,
        )
    if one.changes_definition:
        yield from (
            Block(
                "max_removed",
                f"it takes {part.removed:,} of {part.before:,} {part.identifier_type} out of {part.activation}, "
                f"more than {limits.max_removed}",
                allow,
            )
            for part in one.takes
            if _judged(part, limits) and exceeds(part.removed, part.before, limits.max_removed)
        )


def _judged(part: Taken, limits: SuppressionLimits) -> bool:
    return limits.max_removed_declared or part.before >= SMALL


def no_identifiers(one: PlannedSuppression) -> str:
    """What is said of values that a suppression yields and that are no identifiers."""
    if not one.rejected:
        return "every value of it is an identifier again"
    before = f"; {one.rejected_before:,} before" if one.rejected_before and one.rejects_others else ""
    if one.rejected == 1:
        return f"1 of its values is no identifier, and keeps nobody out{before}"
    return f"{one.rejected:,} of its values are no identifiers, and keep nobody out{before}"
