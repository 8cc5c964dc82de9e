"""What a kind of source says of itself: how it is declared and checked, and how a segment reaches it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import Enum, IntEnum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from runner.core.destination import MissingSecret, Secret
from runner.core.errors import SegmentError
from runner.core.findings import Finding, Location
from runner.core.project import Source
from runner.object_stores.interface import RemoteObject
from runner.quick_dataclass import dataclass, field

if TYPE_CHECKING:
    from runner.sources.table_form import TableForm

S = TypeVar("S", bound=Source)

UNREACHABLE = "source-unreachable"
"""The code of the finding for what cannot be looked at from here, now: a warning where the files are checked."""

Step = str | int


class Declaration(Protocol):
    """A `kind: Source` document as the kind of its type reads it. A path of steps leads to a value: key, or position.

    `name` and `location` are the source's; paths in it are relative to `folder`, which is absolute.
    """

    name: str
    location: Location
    folder: Path

    def value(self, field: str) -> Any:
        """A top-level field as plain data, of the shape that the schema asks for; None where it has findings."""

    def place(self, *steps: Step, at_key: bool = False) -> Location:
        """Where a value stands, or its key."""

    def refuse(self, code: str, message: str, *steps: Step, at_key: bool = False) -> None:
        """Record a finding at a value, or at its key."""

    def secret(self, *steps: Step, variable: str) -> Secret | MissingSecret | None:
        """What a reference to the environment at this place stands for; None after findings.

        `variable` is the one that advice names.
        """


@dataclass(frozen=True, slots=True)
class Missing:
    """A file that is not there or may not be read: of which table (empty: of the whole source), where that is declared,
    and what to do. `code` is the finding's.
    """

    table: str
    location: Location
    what: str
    hint: str
    code: str = "no-source-file"


class Cause(Enum):
    """Why something could not be read, as far as it may be said."""

    LOCKED = auto()
    FORBIDDEN = auto()
    NOT_UTF8 = auto()
    UNKNOWN = auto()


class CannotRead(Exception):
    """The engine could not read. `file` is the one at fault, empty where that is not known; no word is the engine's."""

    def __init__(self, cause: Cause, file: str = "") -> None:
        super().__init__(cause.name)
        self.cause = cause
        self.file = file


class Attaching(Protocol):
    """The engine's connection while sources are attached to it, before segment SQL may use it."""

    def run(self, sql: str, files: Collection[str] = ()) -> list[tuple[Any, ...]]:
        """Run one statement of DuckDB's SQL, which reads these files; all of its rows.

        Raises CannotRead where it reads any. What has nothing to do with them passes by: the time limit, a full disk.
        """

    def readers(self, source: str, table: str) -> int:
        """How many segments of the run read a table, as far as that is known."""

    def parsed(self, reader: str, files: Collection[str]) -> str | None:
        """What to read instead of a reader of files: a copy of its rows, which all segments of the run read.

        None where the reader is to be kept, also where it cannot read: `run` says why. The time limit and a full disk
        pass by, and so do files that changed.
        """


class NamesFrom(IntEnum):
    """Where column names come from: a schema that a person wrote, or data, where a name can be somebody's.

    In the order in which they are to be distrusted.
    """

    SCHEMA = auto()
    JSON = auto()
    """The keys of objects."""
    CSV = auto()
    """The first line of a file, which is the first person's where there is no header."""


@dataclass(frozen=True, slots=True)
class StoredCode:
    """What a source that is a database brings along besides rows: SQL that runs when it is read.

    `code`: the SELECT that runs when one of its tables is read (a view, or generated columns), by the table's name;
    empty where it cannot be known. `macros`: the names of its macros, as they are written there.
    """

    code: Mapping[str, str] = field(default_factory=dict)
    macros: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reachable:
    """An attached source: the names of its tables in SQL, and the files that must stay readable.

    `stored` is set for a database, where tables lie in schemas, `main` by default. `names` says where the column names
    come from. `listed` are the objects that each pattern of an object store meant, `forms` the files of which more is
    said than their names.
    """

    name: str
    tables: tuple[str, ...]
    files: tuple[str, ...]
    stored: StoredCode | None = None
    names: NamesFrom = NamesFrom.SCHEMA
    listed: Mapping[str, tuple[RemoteObject, ...]] = field(default_factory=dict)
    forms: Mapping[str, TableForm] = field(default_factory=dict)


class SourceKind(Protocol[S]):
    """One kind of source, with its own type of Source. Kinds are stateless.

    One that has credentials keeps them in its Source as Secret, out of `identity` and every message; they are
    `{{ env('X') }}` and nothing else, as a destination's are, and never a template.
    """

    @property
    def type(self) -> str:
        """Its name in the files."""

    def declare(self, written: Declaration) -> S:
        """The source that the document declares; what is wrong with it has been refused."""

    def missing(self, source: S) -> Iterable[Missing]:
        """What it names and is not there, as far as that can be known without opening it."""

    def identity(self, source: S, folder: Path) -> tuple[object, ...]:
        """What tells it from any other source, relative to the folder: name, type, where it points. Never a secret.

        A segment's fingerprint covers it, and instances of the engine are kept by it. Its `repr` must stay the same.
        """

    def only(self, source: S, tables: Collection[str]) -> S:
        """The source with these of its tables alone, where they are declared one by one; else the source."""

    def tables(self, source: S) -> tuple[str, ...]:
        """The tables that are known from its declaration alone."""


class AttachedKind(SourceKind[S], Protocol[S]):
    """A kind whose tables are put within reach of segment SQL, which the embedded engine runs.

    The other half of SourceKind is `WarehouseKind`: it runs the segment itself, and gives back rows of the mapped
    columns. `runner.engine.segments.queries_by_source` distinguishes the two.
    """

    def attach(self, source: S, used: Collection[str], connection: Attaching) -> Reachable:
        """Make the tables that are used (names in lower case) readable as `<source>.<table>`.

        Raises SegmentError with the place of what cannot be read.
        """

    def files(self, source: S, used: Collection[str]) -> tuple[str, ...]:
        """The local files that its tables used mean now: those of `Reachable.files`, in that order. Raises OSError."""


def unreadable(
    source: Source, table: str, location: Location, what: str, hint: str, code: str = "source-unreadable"
) -> SegmentError:
    """The error for a table that cannot be read; for the whole source, where `table` is empty."""
    message = f"source {source.name}{'.' if table else ''}{table}: {what}"
    return SegmentError(message, hint, Finding(location, code, message, hint))
