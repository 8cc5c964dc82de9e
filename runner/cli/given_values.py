"""Reading identifiers that somebody gives in a file: one a line, or CSV whose header names their types."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from runner.core.asked_people import GivenValue, evident_types
from runner.core.errors import UsageError
from runner.core.identifiers import IdentifierType

_SHOWN = 10
"""Lines that a message names at most."""

Given = tuple[IdentifierType, GivenValue]


def read_values(file: str, type: IdentifierType | None) -> tuple[Given, ...]:  # noqa: A002 - the option's name
    """Every value of a file, `-` for standard input, with each type that it is of; blank ones are left out.

    `type` is that of all, where there is no header. Raises UsageError, which names lines and never a value.
    """
    lines = _lines(file)
    header = _header(lines[0]) if lines else None
    found = tuple(_columns(lines, header, file)) if header else tuple(_singly(lines, type, file))
    if not found:
        raise UsageError(f"{file}: there is no identifier in it", "write one a line, or CSV with a header of types")
    return found


def _lines(file: str) -> list[str]:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text", "save it as UTF-8") from None
    except OSError as error:
        # What was given may be a person's address and no path: it is not repeated.
        message = f"what was given is no file that can be read: {error.strerror}"
        raise UsageError(message, "give the path of a file with one value a line, or - for standard input") from None


def _header(line: str) -> tuple[str, list[IdentifierType]] | None:
    """The delimiter and the types of a first line that names types, and nothing else."""
    for delimiter in (",", ";", "\t"):
        names = [name.strip().strip('"').lower() for name in line.split(delimiter)]
        if set(names) <= set(map(str, IdentifierType)):
            return delimiter, [IdentifierType(name) for name in names]
    return None


def _columns(lines: list[str], header: tuple[str, list[IdentifierType]], file: str) -> Iterator[Given]:
    delimiter, types = header
    for number, row in enumerate(csv.reader(lines[1:], delimiter=delimiter), 2):
        if len(row) > len(types):
            raise UsageError(f"{file}:{number}: {len(row)} fields, the header has {len(types)}", "add a column's type")
        for kind, text in zip(types, row, strict=False):
            if text.strip():
                yield kind, GivenValue(text, number, kind)


def _singly(lines: list[str], type: IdentifierType | None, file: str) -> Iterator[Given]:  # noqa: A002
    unclear: list[str] = []
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        types = (type,) if type else evident_types(text)
        if not types:
            unclear.append(str(number))
        for kind in types:
            yield kind, GivenValue(text, number, kind)
    if unclear:
        more = ", ..." if len(unclear) > _SHOWN else ""
        raise UsageError(
            f"{file}: which type of identifier it is does not show in line {', '.join(unclear[:_SHOWN])}{more}",
            f"say it with --type, or in a header: {', '.join(IdentifierType)}",
        )
