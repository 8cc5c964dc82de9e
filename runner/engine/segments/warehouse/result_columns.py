"""Which columns of a warehouse's result hold identifiers, and how each is read in the embedded engine.

Text, whole numbers, decimals without a fraction and UUIDs are; 32 bytes of binary are a SHA-256 where one may stand.
"""

from __future__ import annotations

import json
import re
from enum import Enum, auto

from runner.core.declared_segment import ColumnKind
from runner.core.identifiers import IdentifierType
from runner.engine.segments.bind import Unfit
from runner.engine.segments.warehouse.arrow_schema import ArrowField

_HASHED_TYPES = frozenset({IdentifierType.EMAIL, IdentifierType.PHONE_NUMBER})
_TEXTS = frozenset({"u", "U", "vu", "n"})
_INTEGERS = frozenset("cCsSiIlL")
_BINARIES = frozenset({"z", "Z", "vz", "w:32"})
_NUMBERS_OF_ANOTHER_KIND = frozenset({"oid", "money"})
"""Types of Postgres that its driver gives as whole numbers, and that are none."""

_POSTGRES_TYPE = "POSTGRESQL:type"


class _Shape(Enum):
    TEXT = auto()
    NUMBER = auto()
    FRACTION = auto()
    BINARY = auto()
    OTHER = auto()


def unfit(column: ArrowField, identifier_type: IdentifierType) -> Unfit | None:
    """What keeps the column from holding identifiers of the type; None where nothing does."""
    shape = _shape(column)
    if shape in (_Shape.TEXT, _Shape.NUMBER) or (shape is _Shape.BINARY and identifier_type in _HASHED_TYPES):
        return None
    if shape is _Shape.FRACTION:
        hint = "where it holds whole numbers, cast it in the SQL: to bigint, or to a decimal without a fraction"
    elif shape is _Shape.BINARY:
        hint = "write it as text in the SQL, in hexadecimal digits or decoded"
    else:
        hint = f"cast the column that holds the {identifier_type} to text in the SQL"
    return Unfit(_type_name(column), hint)


def unfit_key(column: ArrowField) -> Unfit | None:
    """What keeps the column from being the key of a holdout; None where nothing does."""
    if _shape(column) in (_Shape.TEXT, _Shape.NUMBER):
        return None
    hint = "cast it in the SQL: whole numbers to bigint or a decimal without a fraction, others to text"
    return Unfit(_type_name(column), hint)


def as_text(column: ArrowField, name: str) -> str:
    """DuckDB's expression for the column `name` of the stream.

    Binary that is no SHA-256 becomes a text that is no identifier either, so that it is counted as rejected.
    """
    if _shape(column) is not _Shape.BINARY:
        return name
    return f"case octet_length({name}) when 32 then lower(hex({name})) when 0 then '' else '\\x' || hex({name}) end"


def column_kind(column: ArrowField) -> ColumnKind:
    """What the column holds, as far as conditions care."""
    form, extension = column.format, column.extension
    if not extension and form in ("tdD", "tdm"):
        return ColumnKind.DATE
    if not extension and form.startswith("ts"):
        return ColumnKind.INSTANT if form.partition(":")[2] else ColumnKind.LOCAL_TIME
    if not extension and form == "b":
        return ColumnKind.BOOLEAN
    if extension == "arrow.uuid" or column.metadata.get(_POSTGRES_TYPE) in ("uuid", "citext"):
        return ColumnKind.WORD
    if extension == "arrow.opaque" and _opaque(column) is _Shape.OTHER:
        return ColumnKind.OTHER
    shapes = {_Shape.TEXT: ColumnKind.TEXT, _Shape.NUMBER: ColumnKind.NUMBER, _Shape.FRACTION: ColumnKind.NUMBER}
    return shapes.get(_shape(column), ColumnKind.OTHER)


def _shape(column: ArrowField) -> _Shape:
    """What a column holds, by its type in Arrow and by what the driver says of types that Arrow lacks."""
    form, extension = column.format, column.extension
    if extension == "arrow.opaque":
        return _opaque(column)
    if extension == "arrow.uuid" or (form in _TEXTS and extension in ("", "arrow.json")):
        return _Shape.TEXT
    if form in _INTEGERS and not extension:
        other = column.metadata.get(_POSTGRES_TYPE) in _NUMBERS_OF_ANOTHER_KIND
        return _Shape.OTHER if other else _Shape.NUMBER
    if form.startswith("d:"):
        scale = form.removeprefix("d:").split(",")[1]
        return _Shape.NUMBER if scale == "0" else _Shape.FRACTION
    if form in ("e", "f", "g"):
        return _Shape.FRACTION
    return _Shape.BINARY if form in _BINARIES and not extension else _Shape.OTHER


def _opaque(column: ArrowField) -> _Shape:
    """A type that Arrow does not know: numbers of any size come as text, with what is known of their digits."""
    try:
        name = json.loads(column.metadata.get("ARROW:extension:metadata", "")).get("type_name")
    except (ValueError, AttributeError):
        return _Shape.OTHER
    if name == "citext":
        return _Shape.TEXT
    if name != "numeric":
        return _Shape.OTHER
    modifier = column.metadata.get("POSTGRESQL:typmod", "")
    # Four more than precision and scale, in sixteen bits each; none where any number of digits may follow.
    known = re.fullmatch("[0-9]+", modifier) is not None and int(modifier) >= 4
    return _Shape.NUMBER if known and (int(modifier) - 4) & 0x7FF == 0 else _Shape.FRACTION


def _type_name(column: ArrowField) -> str:
    """The type in a word, empty where there is none that may be shown."""
    own = column.metadata.get(_POSTGRES_TYPE, "")
    if re.fullmatch("[a-z][a-z0-9_]{0,40}", own):
        return own.upper()
    form = column.format
    known = {"b": "BOOLEAN", "e": "FLOAT", "f": "FLOAT", "g": "DOUBLE", "tdD": "DATE", "tdm": "DATE"}
    if form.startswith("ts"):
        return "TIMESTAMP"
    if form.startswith("d:"):
        return "DECIMAL"
    if form.startswith("+"):
        return {"l": "LIST", "L": "LIST", "m": "MAP"}.get(form[1:2], "STRUCT")
    return "BINARY" if form in _BINARIES else known.get(form, "")
