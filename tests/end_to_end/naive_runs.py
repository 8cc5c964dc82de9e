"""What runs must leave behind, as plainly as possible: sets in Python, and nothing of Headcount's."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from runner.core.identifiers import IdentifierType
from tests.unit.engine.naive import outcome

EMAIL, MOBILE = IdentifierType.EMAIL, IdentifierType.MOBILE_AD_ID
Identifier = tuple[IdentifierType, str]
Key = tuple[str, str]
"""An activation's id, and the account that its audience is in."""


@dataclass(frozen=True)
class Row:
    """A person in a table, by the texts of its columns; `group` is what segments and suppressions ask for."""

    id: int | None
    email: str | None
    other: str | None
    idfa: str | None
    group: int


Tables = Mapping[str, tuple[Row, ...]]


@dataclass(frozen=True)
class Holdout:
    """A share in percent, of a name."""

    percent: int
    name: str


@dataclass(frozen=True)
class Wanted:
    """An activation: the rows of some groups of some tables, one after the other."""

    id: str
    account: str
    tables: tuple[str, ...]
    groups: tuple[int, ...]
    mapping: tuple[tuple[IdentifierType, tuple[str, ...]], ...]
    holdout: Holdout | None = None
    form: str = "sql"

    @property
    def key(self) -> Key:
        return self.id, self.account


@dataclass(frozen=True)
class Kept:
    """A suppression: those of some groups of a table, for some accounts."""

    name: str
    accounts: frozenset[str]
    table: str
    groups: tuple[int, ...]
    mapping: tuple[tuple[IdentifierType, tuple[str, ...]], ...]
    form: str = "sql"


@dataclass(frozen=True)
class Counts:
    """What a plan says of a segment."""

    rows: int
    suppressed: int
    held_out: int
    without_key: int
    people: int


def identifiers(row: Row, mapping: Iterable[tuple[IdentifierType, tuple[str, ...]]]) -> frozenset[Identifier]:
    """The wire forms of what is mapped."""
    found = set()
    for kind, columns in mapping:
        for column in columns:
            what, text = outcome(kind, getattr(row, column), str.lower)
            if what == "wire":
                found.add((kind, text))
    return frozenset(found)


def rows_of(tables: Tables, names: Iterable[str], groups: Collection[int]) -> list[Row]:
    return [row for name in names for row in tables[name] if row.group in groups]


def named_by(one: Kept, tables: Tables) -> frozenset[Identifier]:
    rows = rows_of(tables, (one.table,), one.groups)
    return frozenset(found for row in rows for found in identifiers(row, one.mapping))


def kept_out(kept: Iterable[Kept], tables: Tables, account: str) -> set[Identifier]:
    """Whom suppressions name now that are for an account."""
    return {found for one in kept if account in one.accounts for found in named_by(one, tables)}


def is_held_out(row: Row, holdout: Holdout | None) -> bool:
    if holdout is None or row.id is None:
        return False
    digest = hashlib.sha256(f"{holdout.name}:{row.id}".encode()).hexdigest()
    return int(digest[:15], 16) < Fraction(holdout.percent, 100) * 16**15


@dataclass(frozen=True)
class Evaluated:
    """A segment without whom is named and whom the holdout keeps; `beside` is on rows of people named and no other."""

    members: frozenset[Identifier]
    beside: frozenset[Identifier]
    counts: Counts


def evaluated(one: Wanted, tables: Tables, named: Collection[Identifier]) -> Evaluated:
    rows = rows_of(tables, one.tables, one.groups)
    without_key = [row for row in rows if one.holdout is not None and row.id is None]
    held_out = [row for row in rows if is_held_out(row, one.holdout)]
    rest = [identifiers(row, one.mapping) for row in rows if row not in without_key and row not in held_out]
    kept = [each for each in rest if not each & set(named)]
    members = frozenset(found for each in kept for found in each)
    beside = frozenset(found for each in rest for found in each) - members
    counts = Counts(len(rows), len(rest) - len(kept), len(held_out), len(without_key), sum(map(bool, kept)))
    return Evaluated(members, beside, counts)


def would_empty(held: Collection[Identifier], desired: Collection[Identifier]) -> bool:
    """Whether a type would lose all its members, which a guardrail stops."""
    return bool({kind for kind, _ in held} - {kind for kind, _ in desired})


@dataclass
class Memory:
    """What audiences hold, and what was applied: of each suppression also whom it named then."""

    members: dict[Key, frozenset[Identifier]] = field(default_factory=dict)
    applied: dict[Key, Wanted] = field(default_factory=dict)
    suppressions: dict[str, tuple[Kept, frozenset[Identifier]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """Whether a run is an apply (`ships`), and whether it lets pass removals, and suppressions that name fewer."""

    ships: bool
    removals: bool
    suppressions: bool


@dataclass(frozen=True)
class Outcome:
    """What a run must come to: who is in which audience then, and of each segment evaluated, whom it asks for, what
    was counted, and whether a guardrail stops it."""

    members: Mapping[Key, frozenset[Identifier]]
    desired: Mapping[Key, frozenset[Identifier]]
    counts: Mapping[Key, Counts]
    blocked: frozenset[Key]
    waiting: frozenset[str]
    left_alone: bool


class _Named:
    """Whom the suppressions that a run looks at keep out of each account, and the accounts where nobody is added."""

    def __init__(self, memory: Memory, kept: Iterable[Kept], tables: Tables, accounts: set[str], rules: Rules) -> None:
        declared = {one.name: one for one in kept}
        self.waiting: set[str] = set()
        self._by_account: dict[str, set[Identifier]] = {}
        for name in sorted(declared.keys() | memory.suppressions.keys()):
            now, (then, whom) = declared.get(name), memory.suppressions.get(name, (None, frozenset()))
            before, where = then.accounts if then else frozenset(), now.accounts if now else frozenset()
            if not accounts & (before | where):
                continue
            if (not rules.ships and now != then) or (not rules.suppressions and before - where):
                self.waiting |= before | where
                where = before
            elif now is None:
                del memory.suppressions[name]
            else:
                whom = named_by(now, tables)
                memory.suppressions[name] = now, whom
            for account in where:
                self._by_account.setdefault(account, set()).update(whom)

    def of(self, account: str) -> set[Identifier]:
        return self._by_account.get(account, set())


def run(memory: Memory, wanted: Sequence[Wanted], kept: Iterable[Kept], tables: Tables, rules: Rules) -> Outcome:
    """A run of these activations. The memory is what it leaves."""
    chosen = [one for one in wanted if rules.ships or memory.applied.get(one.key) == one]
    named = _Named(memory, kept, tables, {one.account for one in chosen}, rules)
    members = {key: held - named.of(key[1]) for key, held in memory.members.items()}
    desired: dict[Key, frozenset[Identifier]] = {}
    counts: dict[Key, Counts] = {}
    blocked: set[Key] = set()
    for one in chosen:
        found = evaluated(one, tables, named.of(one.account))
        held = members.get(one.key, frozenset()) - found.beside
        waits = one.account in named.waiting
        counts[one.key] = found.counts
        desired[one.key] = found.members & held if waits else found.members
        if waits and one.key not in members:
            blocked.add(one.key)
        elif not rules.removals and would_empty(held, desired[one.key]):
            blocked.add(one.key)
            members[one.key] = held
        else:
            members[one.key] = desired[one.key]
            memory.applied[one.key] = one
    memory.members = members
    left_alone = len(chosen) < len(wanted) or bool(named.waiting)
    return Outcome(dict(members), desired, counts, frozenset(blocked), frozenset(named.waiting), left_alone)
