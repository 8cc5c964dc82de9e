"""What a person can fix in the files: a finding has a code, a place, a sentence and a hint.

Findings are values. They are collected, sorted and shown together, and a report decides how.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.quick_dataclass import dataclass, replace


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file: `file` as the user would name it, `line` and `column` from 1.

    Column 0 is the whole line, line 0 the whole file, or a folder, which has no lines.
    """

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return ":".join([self.file, *(str(number) for number in (self.line, self.column) if number)])


@dataclass(frozen=True, slots=True)
class Place:
    """A place with the line that stands there, empty where it cannot be shown, and how much of it is meant."""

    location: Location
    excerpt: str = ""
    length: int = 1


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong, or worth a warning.

    `message` says what is wrong and, where it can, what to write instead; `code` is stable and documented
    (docs/reference/findings.md); `excerpt` is the source line at the location and `length` how many of its characters
    are meant, for the caret; `hint` is a further sentence of advice. None of them holds a secret or a person's data.
    A warning stops nothing and changes no exit code.
    """

    location: Location
    code: str
    message: str
    hint: str = ""
    excerpt: str = ""
    length: int = 1
    is_warning: bool = False


_NAMED = 3
"""Entries of a family that a finding names; of more, it says how many."""


def for_entries(finding: Finding, entries: Sequence[str]) -> Finding:
    """The finding with the entries of a family that it is about behind what it says; itself where there are none."""
    if not entries:
        return finding
    more = len(entries) - _NAMED
    named = "; ".join(entries[:_NAMED]) + (f"; and {more:,} more" if more > 0 else "")
    return replace(finding, message=f"{finding.message} (for {named})")


MOST_FINDINGS = 1_000
"""As many are kept and shown at most: nobody reads a million, and they would take memory and minutes."""


def bounded(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings in the order of their places, and, where there are too many, one more that says so at the end."""
    found = sorted(set(findings))
    if len(found) <= MOST_FINDINGS:
        return tuple(found)
    shown = found[:MOST_FINDINGS]
    message = f"there are more than {MOST_FINDINGS:,} findings; correct these first, the others are not shown"
    return *shown, Finding(Location(shown[-1].location.file, 0, 0), "too-many-findings", message)
