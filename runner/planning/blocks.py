"""What stops a change: a guardrail, and the option that lets it pass."""

from __future__ import annotations

from runner.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """A guardrail that stops a change; `allow` is the option that lets it pass for one run, empty where none does."""

    guardrail: str
    message: str
    allow: str = ""
