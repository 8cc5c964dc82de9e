"""What is remembered of suppressions: what was applied of each, and whom it named last."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from runner.core.fingerprints import FingerprintOrigin
from runner.core.identifiers import IdentifierType
from runner.core.records import AccountRef
from runner.quick_dataclass import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class SuppressionDefinition:
    """The declared part of a suppression, as far as it decides who is kept out of which audiences.

    `meaning`, `sql` and `text` are as in records.Definition; `accounts` are those whose audiences it is for, in order,
    None for all there are.
    """

    meaning: str
    sql: str
    mapping: Mapping[str, str]
    accounts: tuple[AccountRef, ...] | None = None
    text: str = field(default="", compare=False)
    reason: str = field(default="", compare=False)

    def concerns(self, account: AccountRef) -> bool:
        """Whether audiences of the account are among those it is for."""
        return self.accounts is None or account in self.accounts

    def same(self, other: SuppressionDefinition) -> bool:
        """Whether both keep the same people out of the same audiences."""
        if self.meaning and self.meaning == other.meaning:
            return replace(self, sql=other.sql) == other
        return self == other

    def narrowed(self, to: SuppressionDefinition) -> bool:
        """Whether `to` is for fewer accounts: some that this one is for are missing there."""
        if to.accounts is None:
            return False
        return self.accounts is None or not set(self.accounts) <= set(to.accounts)


_MOVED = re.compile(r"(?:^|; )([\d,]+) entered, ([\d,]+) left(?:;|$)")


def moved_words(entered: int, left: int) -> str:
    """How the history says who entered a suppression and who left it: `1,200 entered, 3 left`."""
    return f"{entered:,} entered, {left:,} left"


def moved_in(sentence: str) -> tuple[int, int] | None:
    """Who entered and who left, of a sentence of the history with `moved_words`; None where it does not say."""
    found = _MOVED.search(sentence)
    return (int(found[1].replace(",", "")), int(found[2].replace(",", ""))) if found else None


@dataclass(frozen=True, slots=True)
class SuppressionFiles:
    """Whom a suppression named last, as Parquet files with columns of a membership file (see MembershipFiles):
    `identifier_type`, `identifier`, `unknown`; `first_run` UINTEGER, the run that saw the identifier in it first, and
    in all evaluations since, null where that is not known; and `entered` BOOLEAN, whether the evaluation before did not
    name it. Files from before there were these columns have none.

    `before` is whom it named when every audience was last known to hold none of them; None where that is `members`:
    nobody is left to be removed. `fingerprints` says what those in `members` were made with, which then has the columns
    `fingerprint_1` and `fingerprint_2` UBIGINT, null where an identifier has none; None where it has no such columns
    that can be used. They are names of identifiers and decide nothing: who is in a file is who has a row in it.
    """

    members: Path
    before: Path | None = None
    fingerprints: FingerprintOrigin | None = None


@dataclass(frozen=True, slots=True)
class NamedPeople:
    """Whom a suppression names now, beside whom it named last.

    `path` is a file as SuppressionFiles has them, valid until the store is closed, and `members` counts it; `entered`
    and `left` are how many came and went. `gone` is a file of those who went (`identifier_type`, `identifier`), None
    where nobody looked for them. `fingerprints` are as in SuppressionFiles; with `renewed` they are to be written down
    for their own sake. `mistaken` says that those of before led to other identifiers than the texts themselves.
    """

    path: Path
    members: Mapping[IdentifierType, int]
    entered: int
    left: int
    gone: Path | None = None
    fingerprints: FingerprintOrigin | None = None
    renewed: bool = False
    mistaken: bool = False


@dataclass(frozen=True, slots=True)
class AppliedSuppression:
    """A suppression that an apply has put into effect.

    `members` counts whom it named last, by type; `evaluated_at` is when, None before the first time. `is_clean` says
    that no audience is known to hold any of these. `failing_since` is when it could first not be evaluated, or had lost
    too many; None where the last time went well.
    """

    name: str
    definition: SuppressionDefinition
    applied_at: datetime
    members: Mapping[IdentifierType, int] = field(default_factory=dict)
    evaluated_at: datetime | None = None
    is_clean: bool = False
    failing_since: datetime | None = None
