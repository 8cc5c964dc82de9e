"""What the files declare, resolved: the project as every later step sees it.

Values are frozen and complete: templates are rendered, defaults merged, references resolved, paths absolute.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from runner.core.declared_segment import DeclaredSegment
from runner.core.destination import Destination
from runner.core.findings import Location, Place
from runner.core.holdout import Holdout
from runner.core.identifiers import IdentifierType
from runner.core.records import AccountRef, AudienceKey
from runner.core.segment_test import SegmentTest
from runner.core.written_text import WrittenText
from runner.quick_dataclass import dataclass, field

if TYPE_CHECKING:
    from runner.core.receivers import Receiver

ANY_DAY = date(2000, 1, 1)
"""The day on which whatever recognises a definition is taken, so that it is the same every day."""


RESERVED_SOURCE_NAMES = frozenset({"main", "temp", "system", "memory", "information_schema", "pg_catalog"})
"""What means something else in DuckDB's SQL, in lower case."""


TableName = tuple[str, str]
"""The names of a source and of one of its tables, in lower case."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where segment SQL reads from; its tables appear in SQL as `<name>.<table>`.

    `type` is the kind of source, which adds fields of its own (see runner.sources).
    """

    name: str
    type: str
    location: Location


@dataclass(frozen=True, slots=True)
class SqlText:
    """The SQL of a segment, rendered, and the way back to the place it was written at.

    `file` is the YAML or .sql file; `first_line` the line there (from 1) that holds the first line of what was written;
    `indent` the columns that the file has before each line of it. `exact` is false where lines of what was written are
    no lines of the file. `written` is what was written, where templates were filled in.
    """

    text: str
    file: str
    first_line: int
    indent: int = 0
    exact: bool = True
    written: WrittenText | None = field(default=None, compare=False)

    def place(self, offset: int, length: int = 1) -> Place:
        """The place in the file of a stretch of `text`; the start of the SQL where that cannot be known."""
        start, end, written = offset, offset + length, self.text
        if self.written is not None:
            start, end = self.written.stretch(start, end)
            written = self.written.text
        if not self.exact or (self.written is not None and not self.written.pieces):
            return Place(Location(self.file, self.first_line, self.indent + 1))
        line_start = written.rfind("\n", 0, start) + 1
        line = written[line_start:].partition("\n")[0].rstrip("\r")
        column = start - line_start + self.indent
        excerpt = " " * self.indent + line
        location = Location(self.file, self.first_line + written.count("\n", 0, start), column + 1)
        return Place(location, excerpt, max(1, min(end - start, len(excerpt) - column)))


@dataclass(frozen=True, slots=True)
class DbtModel:
    """A model of dbt's: its unique id, its name, what it is called in the warehouse, and the columns that dbt knows.

    `relation` is quoted for the warehouse; `columns` are in lower case, and none where nobody wrote them down.
    """

    id: str
    name: str
    relation: str
    columns: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Segment:
    """A named SQL query that yields the people of an audience, one row each.

    `meaning` is a SHA-256 (hex) of what the SQL means: it changes when the query, a variable used in it, or the path of
    a table that it reads changes, and neither with a comment nor with `today`. `fingerprint` is what stood in its place
    before: it changes with the text and with any source it reads. `declared` is the SQL as it is on ANY_DAY. `source`
    names the warehouse that runs it; empty where the embedded engine does. `models` are those of dbt's that it reads.
    `entry` names the one of a family (`for_each`) that it was written out for.
    One declared by `conditions` has the SQL that these come to as long as the columns of its tables are not known.
    """

    name: str
    description: str
    sql: SqlText
    fingerprint: str
    location: Location
    meaning: str = ""
    declared: str = ""
    source: str = ""
    models: tuple[DbtModel, ...] = ()
    entry: str = ""
    conditions: DeclaredSegment | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Limit:
    """A guardrail's limit: a share of the membership in percent, or a number of identifiers."""

    value: float
    percent: bool

    def __str__(self) -> str:
        return f"{self.value:g}%" if self.percent else f"{self.value:,.0f}"


@dataclass(frozen=True, slots=True)
class Permission:
    """What a reviewer lets pass: so many removed identifiers in all, until the end of a day, for a reason.

    `location` is where the day is written.
    """

    removals: int
    until: date
    reason: str
    location: Location

    def __str__(self) -> str:
        return f"{self.removals:,} removals until {self.until}"


@dataclass(frozen=True, slots=True)
class Guardrails:
    """Limits that stop a change no one can have meant; `None` is a limit that is switched off.

    `max_removed_declared` is false when `max_removed` is the built-in limit, which only counts for memberships of 1,000
    identifiers or more. Where nothing is said of `min_members` (None), a new audience needs one member. `allow` lets
    removals pass that the limits would stop.
    """

    max_removed: Limit | None = Limit(30, percent=True)
    max_added: Limit | None = None
    min_members: int | None = None
    max_removed_declared: bool = False
    allow: Permission | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often memberships are brought up to date: every `every` seconds, by `cron` in `timezone`, or by hand."""

    every: int | None = None
    cron: str | None = None
    timezone: str = "UTC"

    @property
    def manual(self) -> bool:
        return self.every is None and self.cron is None


@dataclass(frozen=True, slots=True)
class Setting:
    """One resolved value of an activation and where it came from: `location` is None for a built-in default."""

    key: str
    value: str
    location: Location | None


@dataclass(frozen=True, slots=True)
class Words:
    """What an audience is called and said to be."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Activation:
    """One segment sent to one destination. `id` is the key in the state.

    `freshness` is how many seconds ago the last good run may be; `files` are those that the activation depends on.

    `mapping` are the columns that hold each type of identifier: a person has as many as of them hold a value.

    `any_day` are the name and description as they are on ANY_DAY; None where they are the same every day. `entry` names
    the one of a family (`for_each`) that it was made for.
    """

    id: str
    segment: Segment
    destination: Destination
    name: str
    description: str
    mapping: Mapping[IdentifierType, tuple[str, ...]]
    schedule: Schedule
    guardrails: Guardrails
    protect: bool
    location: Location
    settings: tuple[Setting, ...] = ()
    freshness: int | None = None
    tags: tuple[str, ...] = ()
    owner: str = ""
    files: frozenset[str] = frozenset()
    any_day: Words | None = None
    entry: str = ""
    holdout: Holdout | None = None

    @property
    def account(self) -> AccountRef:
        return self.destination.account

    @property
    def key(self) -> AudienceKey:
        return AudienceKey(self.id, *self.account)


@dataclass(frozen=True, slots=True)
class SuppressionLimits:
    """Limits of a suppression; `None` is a limit that is switched off.

    `max_removed` is the share of one audience, or the number of its identifiers, that a new or changed suppression may
    take out of it. `max_added` is how many may enter a suppression from one run to the next, `max_lost` how many may
    leave it. The built-in ones count from 1,000 identifiers on; the `_declared` ones always.
    """

    max_removed: Limit | None = Limit(30, percent=True)
    max_added: Limit | None = None
    max_lost: Limit | None = Limit(30, percent=True)
    max_removed_declared: bool = False
    max_lost_declared: bool = False


@dataclass(frozen=True, slots=True)
class Suppression:
    """People who may never be sent to some destinations, whatever a segment says.

    `accounts` are those of its destinations, in order; None for every account. `schedule` is its own.
    """

    name: str
    reason: str
    segment: Segment
    mapping: Mapping[IdentifierType, tuple[str, ...]]
    accounts: tuple[AccountRef, ...] | None
    schedule: Schedule
    limits: SuppressionLimits
    location: Location
    settings: tuple[Setting, ...] = ()
    files: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """What the history and the progress call it; no activation has an id with a blank in it."""
        return f"suppression {self.name}"

    @property
    def holdout(self) -> None:
        """Nobody is held out of a suppression."""
        return None

    def concerns(self, account: AccountRef) -> bool:
        """Whether it is for the audiences of an account."""
        return self.accounts is None or account in self.accounts


Evaluated = Activation | Suppression
"""What has a segment and a mapping: people can be found for it."""


@dataclass(frozen=True, slots=True)
class Project:
    """Everything the files declare. `activations` are in the order of their ids, `suppressions` of their names.

    `receivers` are those of notices, for the target that was chosen. It `is_whole` unless documents with findings are
    missing from it: what it does not declare may then be declared all the same.
    """

    folder: str
    sources: tuple[Source, ...]
    destinations: tuple[Destination, ...]
    segments: tuple[Segment, ...]
    activations: tuple[Activation, ...]
    suppressions: tuple[Suppression, ...] = ()
    tests: tuple[SegmentTest, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    is_whole: bool = True
