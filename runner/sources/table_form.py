"""How the files of a table are written, as far as its long form says so: a reader guesses what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runner.core.findings import Location
from runner.core.sql_quoting import folded, literal
from runner.core.suggest import quoted_word
from runner.quick_dataclass import dataclass, field
from runner.sources.interface import Declaration, Step

FORMATS = {"columns": ("csv", "json"), "delimiter": ("csv",), "nulls": ("csv",)}
"""The keys -> the formats in which a reader would guess what they say."""

_INSTEAD = {
    "columns": "a Parquet file has types of its own; cast in the SQL",
    "delimiter": "only CSV has one; leave it out",
    "nulls": "only CSV has texts that mean no value; leave it out",
}


@dataclass(frozen=True, slots=True)
class TableForm:
    """`columns`: column -> type, of those that are not guessed, `places` where each is declared; `delimiter`: what is
    between two fields, empty where it is guessed; `nulls`: the texts that mean no value, by default the empty one.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ""
    nulls: tuple[str, ...] = ()
    places: Mapping[str, Location] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that say it."""
        said = {"columns": self.columns, "delimiter": self.delimiter, "nulls": self.nulls}
        return tuple(key for key, value in said.items() if value)

    @property
    def identity(self) -> tuple[object, ...]:
        """What it tells a reader."""
        return (tuple(sorted(self.columns.items())), self.delimiter, self.nulls)

    def declares(self, column: str) -> bool:
        """Whether it says which type the column has, in any case of letters."""
        return any(folded(one) == folded(column) for one in self.columns)

    def csv_options(self) -> tuple[str, ...]:
        """What `read_csv` is to be told. With types, the first line is the header: the columns are known by it."""
        types = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in self.columns.items())
        return (
            *((f"types = {{{types}}}", "header = true") if types else ()),
            *((f"delim = {literal(self.delimiter)}",) if self.delimiter else ()),
            *((f"nullstr = [{', '.join(map(literal, self.nulls))}]",) if self.nulls else ()),
        )

    def json_options(self, guessed: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """What `read_json` is to be told: the types of all columns, or of none."""
        types = {name: kind for name, kind in guessed if not self.declares(name)} | dict(self.columns)
        return (f"columns = {{{', '.join(f'{literal(name)}: {literal(kind)}' for name, kind in types.items())}}}",)


GUESSED = TableForm()
"""That of a table of which nothing is said."""


def declared_form(given: Mapping[str, object], written: Declaration, *at: Step) -> TableForm:
    """The form that the long form of a table gives; a column that is declared twice is refused."""
    columns: Mapping[str, str] = given.get("columns") or {}  # type: ignore[assignment]  # the schema holds it to that
    nulls: list[str] = given.get("nulls") or []  # type: ignore[assignment]
    partitions = {folded(name): name for name in given.get("partitions") or ()}  # type: ignore[attr-defined]
    first: dict[str, str] = {}
    for column in columns:
        earlier = first.setdefault(folded(column), column)
        if earlier != column:
            message = f"{quoted_word(column)} and {quoted_word(earlier)} are one name in SQL; leave out one of them"
            written.refuse("duplicate-name", message, *at, "columns", column, at_key=True)
        if folded(column) in partitions:
            message = f"{quoted_word(column)} is declared under `partitions:` too; leave it out here"
            written.refuse("duplicate-name", message, *at, "columns", column, at_key=True)
    places = {column: written.place(*at, "columns", column, at_key=True) for column in columns}
    return TableForm(columns, str(given.get("delimiter") or ""), tuple(nulls), places)


def out_of_place(keys: Iterable[str], file_format: str) -> tuple[str, str] | None:
    """The first of the keys that says nothing about files of the format, and what to do; None where all do."""
    key = next((key for key in keys if file_format not in FORMATS.get(key, (file_format,))), None)
    return None if key is None else (key, _INSTEAD[key])
