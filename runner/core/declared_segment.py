"""A segment that was declared without SQL, as the engine sees it: it becomes SQL once its columns are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Protocol

from runner.core.findings import Finding, Location
from runner.quick_dataclass import dataclass


class ColumnKind(StrEnum):
    """What a column holds, as far as conditions care; the values are words for people.

    `LOCAL_TIME` is a time without a zone, `INSTANT` one that has its zone, `WORD` what is compared as text but is none:
    an ENUM, a UUID. Of `OTHER` it can only be asked whether there is a value.
    """

    TEXT = "text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    DATE = "a date"
    LOCAL_TIME = "a time without zone"
    INSTANT = "a time with zone"
    WORD = "a word"
    OTHER = "something else"


Columns = Mapping[str, ColumnKind]
"""The columns of a table as they are spelled there, in their order."""


@dataclass(frozen=True, slots=True)
class TableOf:
    """A table that a declared segment reads: `select` yields all of it, and `location` is where it is declared.

    A part of the segment that was written in SQL counts as one: whatever is wrong with its `select` is wrong there.
    """

    name: str
    select: str
    location: Location


class DeclaredSegment(Protocol):
    """A segment declared by conditions. Implementations are values that can be sent to another process."""

    @property
    def files(self) -> frozenset[str]:
        """The files that declare what it speaks of."""

    def tables(self) -> tuple[TableOf, ...]:
        """The tables that it reads, each once."""

    def fragments(self) -> tuple[TableOf, ...]:
        """Its conditions that were written in SQL, each in a query of its own."""

    def check(self, columns: Mapping[str, Columns], shown: Collection[str]) -> tuple[Finding, ...]:
        """What is wrong with it against the columns of its tables, by the tables' names; those `shown` may be named."""

    def text(self, columns: Mapping[str, Columns]) -> str:
        """Its SQL, for tables that have these columns; it has no findings against them."""
