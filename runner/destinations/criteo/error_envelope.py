"""What Criteo says is wrong: the error envelope, read on every status and out of any bytes.

Criteo's documents promise `{"errors": [...], "warnings": [...]}` and its gateways now and then send an HTML page,
half a body or none. Reading never fails. Titles and codes are Criteo's own words and may be shown; `detail`,
`sampleInvalidIdentifiers` and bodies may hold identifiers and are not even kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from runner.quick_dataclass import dataclass

NAME_TAKEN = "name-must-be-unique"
GONE = frozenset({"audience-invalid", "audience-not-found", "segment-not-found"})
"""Codes that say that an audience does not exist (any more), or not for these credentials."""

_IDENTIFIER = re.compile(
    r"\S+@\S+"  # an e-mail address
    r"|[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}"  # a mobile ad id
    r"|[0-9A-Fa-f]{32,}"  # a hash
    r"|\+[0-9][0-9 ().-]{5,}"  # a phone number
    r"|(?=[\w+/=.-]*[0-9])[\w+/=.-]{32,}"  # an opaque id
)
_TRACE = re.compile(r"[\w.:|-]{1,63}", re.ASCII)
_LONGEST = 300
_LONGEST_READ = 600


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """One entry of `errors` or `warnings`; any field may be empty."""

    code: str
    title: str
    type: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """A JSON answer of Criteo. `data` and `meta` (`metadata` of some calls) are as they came: plain
    JSON, of any shape."""

    data: Any = None
    meta: Any = None
    errors: tuple[ErrorDetail, ...] = ()
    warnings: tuple[ErrorDetail, ...] = ()

    @property
    def problems(self) -> tuple[ErrorDetail, ...]:
        return self.errors + self.warnings

    @property
    def trace_id(self) -> str:
        return next((problem.trace_id for problem in self.problems if problem.trace_id), "")


def read_envelope(body: bytes) -> Envelope | None:
    """The envelope in a body, or None when the body is not a JSON object."""
    answer = read_object(body)
    if answer is None:
        return None
    return Envelope(
        data=answer.get("data"),
        meta=answer.get("meta", answer.get("metadata")),
        errors=tuple(_problems(answer.get("errors"))),
        warnings=tuple(_problems(answer.get("warnings"))),
    )


def read_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a body, or None when there is none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def first_of(problems: Iterable[ErrorDetail], codes: Iterable[str]) -> ErrorDetail | None:
    """The first problem with one of the codes."""
    wanted = frozenset(codes)
    return next((problem for problem in problems if problem.code in wanted), None)


def scrubbed(text: object) -> str:
    """Criteo's words on one line, with whatever looks like an identifier masked; empty for what is no text."""
    if not isinstance(text, str):
        return ""
    if len(text) > _LONGEST_READ:
        text = text[:_LONGEST_READ].rpartition(" ")[0]  # half an identifier would no longer look like one
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return _IDENTIFIER.sub("***", line)[:_LONGEST]


def _problems(entries: object) -> Iterable[ErrorDetail]:
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            yield ErrorDetail(
                code=scrubbed(entry.get("code")),
                title=scrubbed(entry.get("title")),
                type=scrubbed(entry.get("type")).replace("_", "-"),
                trace_id=_trace(entry.get("traceId")) or _trace(entry.get("traceIdentifier")),
            )
        elif entry is not None:
            yield ErrorDetail("", "", "", "")


def _trace(value: object) -> str:
    return value if isinstance(value, str) and _TRACE.fullmatch(value) else ""
