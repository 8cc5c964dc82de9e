"""What an examination finds: one line per thing looked at, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from runner.quick_dataclass import dataclass


class Verdict(StrEnum):
    """`WARN` is worth knowing and stops nothing, `WRONG` keeps a command from doing its work."""

    OK = "ok"
    WARN = "warn"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. Holds no secret and no person's data.

    `topic` groups checks (those of schemas/doctor.schema.json), `subject` names what
    was looked at within it; `hint` says what to do, and is empty where there is nothing to be done.
    """

    topic: str
    subject: str
    verdict: Verdict
    message: str
    hint: str = ""


def is_healthy(checks: Iterable[Check]) -> bool:
    """Whether nothing is wrong; warnings are not."""
    return all(check.verdict is not Verdict.WRONG for check in checks)
