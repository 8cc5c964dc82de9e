"""What `headcount doctor` found, line by line and as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from runner.core.checks import Check, Verdict, is_healthy
from runner.reports.escape import printable
from runner.reports.format import plural
from runner.reports.json_documents import document
from runner.reports.styled_text import Text

MESSAGES = 20
"""The column in which what a check found begins."""

_STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.WRONG: "bold red"}


def check_text(check: Check) -> Text:
    """A line for the check, and one below it for what to do."""
    text = Text(f"{check.verdict:<5}", style=_STYLES[check.verdict])
    text = Text().append_text(text).append(f"  {check.topic:<11}  ")
    text.append(
        f"{printable(check.subject)}: {printable(check.message)}\n"
        if check.subject
        else f"{printable(check.message)}\n"
    )
    if check.hint:
        text.append(f"{'':{MESSAGES}}-> {printable(check.hint)}\n")
    return text


def verdict_text(checks: Sequence[Check]) -> Text:
    """The last line: how many of each."""
    counts = Counter(check.verdict for check in checks)
    parts = [f"{counts[Verdict.WRONG]:,} wrong"] if counts[Verdict.WRONG] else []
    parts += [plural(counts[Verdict.WARN], "warning")] if counts[Verdict.WARN] else []
    found = ", ".join(parts) or "nothing is wrong"
    return Text(f"{plural(len(checks), 'check')}: {found}.\n", style="bold")


def doctor_document(checks: Sequence[Check]) -> dict[str, Any]:
    """schemas/doctor.schema.json"""
    return document(
        "doctor",
        healthy=is_healthy(checks),
        checks=[
            {
                "topic": check.topic,
                "subject": check.subject,
                "verdict": str(check.verdict),
                "message": check.message,
                "hint": check.hint,
            }
            for check in checks
        ],
    )
