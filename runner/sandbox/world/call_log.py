"""The call log: what the sandbox was asked, and what it answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.sandbox.world.sandbox_clock import timestamp

MAX_CALLS = 100_000
"""How many calls the log remembers."""


@dataclass(slots=True)
class CallRecord:
    """One call. `status` is None where the connection was closed without an answer, and while no answer was given."""

    method: str
    path: str
    time: float
    status: int | None = None
    client_id: str | None = None
    segment_id: str | None = None
    operation: str | None = None
    identifier_type: str | None = None
    count: int | None = None
    fault: str | None = None
    identifiers: Sequence[str] | None = field(default=None, repr=False)

    def shown(self, *, identifiers: bool) -> dict[str, Any]:
        """The record as the admin path shows it."""
        record = {
            "method": self.method,
            "path": self.path,
            "time": timestamp(self.time),
            "status": self.status,
            "clientId": self.client_id,
            "segmentId": self.segment_id,
            "operation": self.operation,
            "identifierType": self.identifier_type,
            "count": self.count,
            "fault": self.fault,
        }
        return record | {"identifiers": list(self.identifiers or ())} if identifiers else record


class CallLog:
    """The latest calls, oldest first. Identifiers are only remembered when asked for."""

    def __init__(self, keep_identifiers: bool) -> None:
        self.keep_identifiers = keep_identifiers
        self.records: deque[CallRecord] = deque(maxlen=MAX_CALLS)

    def begin(self, method: str, path: str, now: float) -> CallRecord:
        record = CallRecord(method, path, now)
        self.records.append(record)
        return record

    def note_amendment(
        self, record: CallRecord, operation: str, identifier_type: str, identifiers: Sequence[str]
    ) -> None:
        """Remember what an amendment carried."""
        record.operation, record.identifier_type, record.count = operation, identifier_type, len(identifiers)
        if self.keep_identifiers:
            record.identifiers = identifiers
