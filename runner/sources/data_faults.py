"""What is wrong with a data file, found by reading it again: an engine's own words quote the data, and blame the SQL.

Nothing of a file's rows is ever part of a fault: places, counts and the file's name are.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from time import monotonic
from unicodedata import category, name

from runner.core.errors import SegmentError
from runner.core.findings import Finding, Location
from runner.quick_dataclass import dataclass
from runner.sources.file_bytes import opened_file
from runner.sources.json_faults import first_bad_line
from runner.sources.local_paths import shown
from runner.sources.table_form import GUESSED, TableForm
from runner.sources.text_lines import CHUNK, SECONDS, WHOLE, Lines, Unreadable, is_zstd, plain_lines

_FORMATS = {"parquet": "parquet", "pq": "parquet", "csv": "csv", "tsv": "csv"} | dict.fromkeys(
    ("json", "jsonl", "ndjson"), "json"
)

_DELIMITERS = ",;\t|"
_LONGEST_FIELD = 1 << 20
"""Characters of a field: more means that a quote is not closed."""

_SECRET = re.compile(r".*@.*|[0-9a-f-]{32,}", re.IGNORECASE)
_NUMBER = re.compile(r"[\s.,:/+-]*\d[\d\s.,:/+-]*")
"""What nobody calls a column: an address or a hash; and where all of a line are numbers or dates, nor these."""


@dataclass(frozen=True, slots=True)
class DataFault:
    """What is wrong with `file`, in which line (the first where it is the file as a whole), and what to do."""

    file: str
    line: int
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a text file: the names as they are written, and what separates fields."""

    names: tuple[str, ...]
    delimiter: str

    def position(self, column: str) -> int | None:
        """Where the column is, whatever surrounds its name and however it is spelled as to case."""
        plain = [_plain(one) for one in self.names]
        return plain.index(_plain(column)) if _plain(column) in plain else None


def format_of(file: str) -> str:
    """The format of a file by its name (parquet, csv, json), empty where that does not say."""
    match = re.search(r"\.(parquet|pq|csv|tsv|json|jsonl|ndjson)(?:\.(?:gz|zst))?$", file, re.IGNORECASE)
    return _FORMATS[match[1].lower()] if match else ""


def faulty(fault: DataFault) -> SegmentError:
    """The error for a segment whose data file has a fault."""
    return SegmentError(fault.message, fault.hint, finding_of(fault))


def finding_of(fault: DataFault) -> Finding:
    """The finding for a data file's fault: its place is the file's, not that of SQL that is innocent."""
    return Finding(Location(shown(fault.file), fault.line, 0), "data-file", fault.message, fault.hint)


def whole_fault(file: str, lines: Lines = plain_lines, delimiter: str = "") -> DataFault | None:
    """What is wrong with a file that no engine could open, as far as reading it tells."""
    kind = format_of(file)
    if kind == "parquet":
        return parquet_fault(file)
    packed = zstd_fault(file) if is_zstd(file) else None
    if packed is not None or not kind:
        return packed
    return layout_fault(file, lines, delimiter) if kind == "csv" else json_fault(file, lines)


def _unreadable(file: str, why: Unreadable) -> DataFault | None:
    return DataFault(file, why.line, why.message, why.hint) if why.message else None


def json_fault(file: str, lines: Lines = plain_lines) -> DataFault | None:
    """The first line of a JSON file at which it is none, or why it cannot be read as text at all."""
    try:
        line = first_bad_line(file, lines)
    except Unreadable as fault:
        return _unreadable(file, fault)
    return DataFault(file, line, NO_JSON, NO_JSON_HINT) if line else None


def zstd_fault(file: str) -> DataFault | None:
    """Why a file is not packed as its name says, as far as its beginning tells."""
    try:
        with opened_file(file) as content:
            begin = content.read(4)
    except OSError:
        return None
    if begin == b"\x28\xb5\x2f\xfd":
        return None
    message = "it is no zstd file, though its name ends in .zst" if begin else "it is empty"
    return DataFault(file, 1, message, WHOLE)


def header_of(file: str, lines: Lines = plain_lines, delimiter: str = "") -> Header | None:
    """The file's header line; None where it has none that can be read. A `delimiter` is found out if it is empty."""
    try:
        first = next(_rows(file, ",", lines), None)
        if first is None:
            return None
        raw = next(lines(file))
    except (Unreadable, StopIteration):
        return None
    read = {one: next(csv.reader([raw], delimiter=one), []) for one in delimiter or _DELIMITERS}
    found = max(read, key=lambda one: len(read[one]))
    return Header(tuple(read[found]), found)


def layout_fault(file: str, lines: Lines = plain_lines, delimiter: str = "") -> DataFault | None:
    """The first line of a CSV file that does not fit its header, or why it cannot be read as text at all.

    A file that is well laid out, or is too large to be looked through in time, has none.
    """
    until = monotonic() + SECONDS
    header = header_of(file, lines, delimiter)
    try:
        for number, (line, row) in enumerate(_rows(file, header.delimiter if header else ",", lines)):
            if header is not None and row and len(row) != len(header.names):
                return _ragged(file, line, row, header)
            if number % CHUNK == 0 and monotonic() > until:
                return None
    except Unreadable as fault:
        return _unreadable(file, fault)
    return None if header else DataFault(file, 1, "it is empty", _EMPTY)


def _ragged(file: str, line: int, row: list[str], header: Header) -> DataFault:
    """That a record has more or fewer fields than the header. One that goes on in the lines after it has a quote there
    that is closed too late, unless its values have several lines.
    """
    fields = f"{len(row):,} field{'' if len(row) == 1 else 's'}"
    message, further = f"{fields}, the header has {len(header.names):,}", sum(field.count("\n") for field in row)
    if not further:
        return DataFault(file, line, message, _RAGGED)
    return DataFault(
        file, line, f"a double quote opens in this line and closes in line {line + further:,}: {message}", _LATE
    )


def header_fault(file: str, column: str, lines: Lines = plain_lines, delimiter: str = "") -> DataFault | None:
    """Why a column that was asked for is not found in a CSV file, where that is the file's fault."""
    header = header_of(file, lines, delimiter)
    if header is None:
        return layout_fault(file, lines, delimiter)
    position = header.position(column)
    if position is None:
        other = other_delimiter(file, column, lines, delimiter)
        if other is not None:
            return DataFault(file, 1, *other)
        return DataFault(file, 1, _VALUES, _NO_HEADER) if _holds_values(header) else None
    fault = layout_fault(file, lines, delimiter)
    if fault is not None or header.names[position].lower() == column.lower():
        return fault
    odd = ", ".join(dict.fromkeys(_called(one) for one in header.names[position] if not _ordinary(one)))
    around = odd or "blanks"
    message = f"the name of column {position + 1} has characters around it that cannot be seen ({around})"
    return DataFault(file, 1, message, f'write just "{_plain(column)}" in the header')


def other_delimiter(file: str, column: str, lines: Lines, delimiter: str) -> tuple[str, str] | None:
    """That a column is not found since another delimiter than the declared one is between its names, and what to do."""
    header = header_of(file, lines) if delimiter else None
    if header is None or header.delimiter == delimiter or header.position(column) is None:
        return None
    there, declared = (_WRITTEN.get(one, one) for one in (header.delimiter, delimiter))
    what = f'what is between its names looks like "{there}", and the `delimiter` that is declared is "{declared}"'
    return what, f'write `delimiter: "{there}"` where the table is declared'


_WRITTEN = {"\t": "\\t"}
"""Delimiters -> how YAML has them between double quotes, where that is another way."""


def _holds_values(header: Header) -> bool:
    return any(map(_SECRET.fullmatch, header.names)) or all(map(_NUMBER.fullmatch, header.names))


def only_header(file: str, lines: Lines = plain_lines) -> DataFault | None:
    """That a CSV file has no rows, so that nobody can know what its columns hold; None where it has some."""
    try:
        rows = [row for _, (_, row) in zip(range(2), _rows(file, ",", lines), strict=False)]
    except Unreadable as fault:
        return _unreadable(file, fault)
    if len(rows) > 1:
        return None
    if not rows:
        return DataFault(file, 1, "it is empty", _EMPTY)
    message = "it has a header and no rows, so what its columns hold is not known and they are all text"
    return DataFault(file, 1, message, "was it written to the end? if it may be empty, cast its columns in the SQL")


def value_fault(
    file: str,
    column: str,
    what: str,
    unfit: Callable[[list[str]], Collection[int]],
    is_shown: bool,
    reported: int | None = None,
    lines: Lines = plain_lines,
    form: TableForm = GUESSED,
) -> DataFault | None:
    """The first value of a CSV file's column that is not what it is read as; None where all are.

    `unfit` gives the positions of those of some values that are not. Where most are not, the column is written in
    another way, and the line that the engine `reported` is given. A column whose name may not be shown (`is_shown`) is
    named by its position: where there is no header line, its name is somebody's.
    """
    header = header_of(file, lines, form.delimiter)
    position = header.position(column) if header else None
    if header is None or position is None:
        return None
    if not is_shown and _holds_values(header):
        return DataFault(file, 1, _VALUES, _NO_HEADER)
    until, seen, wrong, first = monotonic() + SECONDS, 0, 0, 0
    try:
        rows = _rows(file, header.delimiter, lines)
        next(rows, None)
        while monotonic() < until:
            chunk = [(line, row[position]) for _, (line, row) in zip(range(CHUNK), rows, strict=False) if row]
            if not chunk:
                break
            bad = sorted(unfit([value for _, value in chunk]))
            first = first or (chunk[bad[0]][0] if bad else 0)
            seen, wrong = seen + len(chunk), wrong + len(bad)
    except (Unreadable, IndexError):
        return layout_fault(file, lines, form.delimiter)
    line = reported if reported and 2 * wrong > seen else first or reported
    called = column if is_shown else f"{position + 1:,}"
    hint = DECLARED_HINT if form.declares(column) else VALUE_HINT
    return DataFault(file, line, f"a value of column {called} is no {what}", hint) if line else None


def parquet_fault(file: str) -> DataFault | None:
    """Why a file is no whole Parquet file, as far as its two ends say."""
    try:
        with opened_file(file) as content:
            begin = content.read(4)
            content.seek(-min(4, len(begin)), 2)
            end = content.read(4)
    except OSError:
        return None
    if not begin:
        return DataFault(file, 1, "it is empty", "was it written to the end?")
    if begin != b"PAR1":
        return DataFault(file, 1, "it is no Parquet file", "name it by its format: .csv, .json")
    if end != b"PAR1":
        return DataFault(file, 1, "it is cut off: the end of a Parquet file is missing", WHOLE)
    return None


NO_JSON = "this line is no JSON"
NO_JSON_HINT = "correct that line: one object in each, or one list of objects in the file"
_OPEN = "a double quote opens in this line, and no other closes it"
_CLOSE = "close it at the end of the value; where it is part of the value, write the value in quotes and that one twice"
_LATE = "close it where its value ends, most likely in the line in which it opens"
_END = "\x1e"
"""Given as the last line: where it becomes part of a field, a quote was open."""
_RAGGED = "correct that line, or put a value that holds the separator between double quotes"
_EMPTY = "was it written to the end? it needs a header line at least"
_VALUES = "the first line holds values, not the names of columns"
_NO_HEADER = "put a header line, with the names of the columns, before it"
VALUE_HINT = "correct that line, or read the column with try_cast(... as ...), which makes it null"
DECLARED_HINT = "correct that line; or declare it as a varchar, and read it with try_cast(... as ...)"


def _rows(file: str, delimiter: str, lines: Lines) -> Iterator[tuple[int, list[str]]]:
    """Each record, with the line it begins in. Raises Unreadable."""
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(chain(lines(file), (_END,)), delimiter=delimiter)
    line = 1
    while True:
        try:
            row = next(reader)
        except csv.Error:
            raise Unreadable(line, _OPEN, _CLOSE) from None
        if row == [_END]:
            return
        if row and row[-1].endswith(_END):
            raise Unreadable(line + sum(field.count("\n") for field in row[:-1]), _OPEN, _CLOSE)
        yield line, row
        line = reader.line_num + 1


def _plain(text: str) -> str:
    return "".join(one for one in text if category(one) not in _UNSEEN or one == " ").strip().lower()


def _ordinary(character: str) -> bool:
    return category(character) not in _UNSEEN or character == " "


def _called(character: str) -> str:
    return f"U+{ord(character):04X} {name(character, 'a control character')}".lower().replace("u+", "U+")


_UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
"""Kinds of characters that show nothing: controls, formats such as U+FEFF, blanks such as U+00A0."""
