"""What the process that runs segments and the one that asks it say to each other.

Requests are pickled: they come from the process that is trusted. Answers are lines of JSON, for the one that gives
them runs SQL out of pull requests: nothing that it says is more than text and numbers.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from runner.core.errors import SegmentError
from runner.core.findings import Finding, Location
from runner.core.project import Source
from runner.engine.duckdb.session import Limits
from runner.engine.segments.segment_query import SegmentQuery, SmallQueries
from runner.quick_dataclass import dataclass

LONGEST_ANSWER = 16_000_000
"""Bytes of a line: findings quote a line of SQL each."""


@dataclass(frozen=True, slots=True)
class Begin:
    """The first message: what the process may use, a folder for its files that is there, the folder to remove when the
    process that asks was killed, and the sockets over which it may ask for objects."""

    limits: Limits
    folder: Path
    left_behind: Path
    sockets: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """See SegmentQueries.check; `seconds` are those until the process is given up, as in every question."""

    query: SegmentQuery
    sources: tuple[Source, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class AdviceRequest:
    """See SegmentQueries.advise."""

    query: SegmentQuery
    seconds: float


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """See SegmentQueries.write."""

    query: SegmentQuery
    sources: tuple[Source, ...]
    rows: str
    target: Path
    readable: tuple[Path, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class SmallRequest:
    """See SegmentQueries.write_small."""

    small: SmallQueries
    sources: tuple[Source, ...]
    folder: Path
    seconds: float

    @property
    def query(self) -> SegmentQuery:
        """The first of them, which stands for all where their process itself fails."""
        return self.small.queries[0]


Question = CheckRequest | AdviceRequest | WriteRequest | SmallRequest
Request = Begin | Question


def send(request: Request, to: BinaryIO) -> None:
    """Write one request whole."""
    body = pickle.dumps(request)
    to.write(len(body).to_bytes(8, "big") + body)
    to.flush()


def receive(source: BinaryIO) -> Request | None:
    """The next request; None when nobody can ask any more."""
    head = source.read(8)
    if len(head) < 8:
        return None
    body = source.read(int.from_bytes(head, "big"))
    request: Request = pickle.loads(body)  # noqa: S301 (from the process that started this one)
    return request


def finding_as_data(finding: Finding) -> dict[str, Any]:
    """A finding as JSON has it."""
    from dataclasses import asdict

    return asdict(finding)


def finding_of(data: Mapping[str, Any]) -> Finding:
    """The finding that the data says."""
    return Finding(**{**data, "location": Location(**data["location"])})


def error_as_data(error: SegmentError) -> dict[str, Any]:
    """What failed about a segment, as JSON has it."""
    finding = finding_as_data(error.finding) if error.finding else None
    return {"message": error.message, "hint": error.hint, "finding": finding}


def error_of(data: Mapping[str, Any]) -> SegmentError:
    """The error that the data says."""
    finding = finding_of(data["finding"]) if data["finding"] else None
    return SegmentError(data["message"], data["hint"], finding)


def answer_line(answer: Mapping[str, Any]) -> bytes:
    """An answer, as a line."""
    return json.dumps(answer).encode() + b"\n"
