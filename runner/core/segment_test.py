"""A test of a segment, as declared: some rows of its tables, and the people that must come of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from runner.core.findings import Location
from runner.quick_dataclass import dataclass

TextRow = tuple[str | None, ...]
"""Values of a segment's columns, as text."""


class Subject(StrEnum):
    """What a test is about; the word is the field of the document that names it."""

    ACTIVATION = "activation"
    SEGMENT = "segment"
    SUPPRESSION = "suppression"


@dataclass(frozen=True, slots=True)
class GivenRow:
    """One row that a test writes out: column -> value, and where each stands."""

    values: Mapping[str, Any]
    places: Mapping[str, Location]
    location: Location


@dataclass(frozen=True, slots=True)
class GivenTable:
    """The rows of one table, by the table's name as the SQL says it."""

    name: str
    location: Location
    rows: tuple[GivenRow, ...]


@dataclass(frozen=True, slots=True)
class SegmentTest:
    """A `kind: Test` document. `today` is None where the day of the run will do; of `expect` and `expect_count` one is
    None.
    """

    name: str
    subject: Subject
    of: str
    location: Location
    subject_place: Location
    today: date | None
    given: tuple[GivenTable, ...]
    expect: tuple[GivenRow, ...] | None
    expect_count: int | None
