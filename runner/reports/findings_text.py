"""Findings as text: place, sentence, the source line with a caret under what is meant, and a hint."""

from __future__ import annotations

from collections.abc import Callable
from unicodedata import combining, east_asian_width

from runner.core.findings import Finding
from runner.reports.escape import printable
from runner.reports.format import plural

_WIDTH = 100
_FAR = 10 * _WIDTH
"""The most columns of a source line that are shown."""
_TAB = 4


def render_findings(findings: tuple[Finding, ...], red: Callable[[str], str] = str) -> str:
    """Every finding and how many there are, each line ended; `red` is how what is wrong stands out."""
    blocks = [_block(finding, red) for finding in findings]
    files = {finding.location.file for finding in findings}
    warnings = sum(finding.is_warning for finding in findings)
    wrong = len(findings) - warnings
    counted = [plural(wrong, "finding")] if wrong or not warnings else []
    counted += [plural(warnings, "warning")] if warnings else []
    return "\n".join([*blocks, f"{' and '.join(counted)} in {plural(len(files), 'file')}."]) + "\n"


def _block(finding: Finding, red: Callable[[str], str]) -> str:
    place = finding.location
    said = f"{'warning' if finding.is_warning else 'error'}[{finding.code}]: {printable(finding.message)}"
    lines = [f"{printable(str(place))}: {said if finding.is_warning else red(said)}"]
    number = str(place.line or 1)
    margin = " " * (len(number) + 3)
    if finding.excerpt.strip():
        line, caret = _excerpt(finding.excerpt, place.column - 1, finding.length)
        lines += [f"   {number} | {line}".rstrip(), f"{margin} | {caret}"]
    if finding.hint:
        lines.append(f"{margin} = {printable(finding.hint)}")
    return "\n".join(lines)


def _excerpt(text: str, start: int, length: int) -> tuple[str, str]:
    """The source line, cut around the caret where it is long, and the caret's line."""
    skipped = max(0, start - _FAR)  # a line may have a hundred thousand characters, and each finding shows its own
    text, start = text[skipped : start + min(length, _FAR) + _FAR], start - skipped
    cells = [_cell(character) for character in text]
    start = min(start, len(cells))
    end = max(start + 1, min(start + length, len(cells)))
    before, meant, after = cells[:start], cells[start:end], cells[end:]
    left = right = ""
    if _width(cells) > _WIDTH:
        kept, left = _from_end(before, max(_WIDTH // 3, _WIDTH - _width([*meant, *after])))
        before = kept
        meant, right = _from_start(meant, _WIDTH - _width(before))
        if not right:
            after, right = _from_start(after, _WIDTH - _width([*before, *meant]))
        else:
            after = []
    line = left + "".join([*before, *meant, *after]) + right
    pad = " " * (len(left) + _width(before))
    return line, pad + "^" * max(1, _width(meant))


def _from_end(cells: list[str], room: int) -> tuple[list[str], str]:
    if _width(cells) <= room:
        return cells, ""
    kept: list[str] = []
    for cell in reversed(cells):
        room -= _columns(cell)
        if room < 0:
            break
        kept.insert(0, cell)
    return kept, "..."


def _from_start(cells: list[str], room: int) -> tuple[list[str], str]:
    if _width(cells) <= room:
        return cells, ""
    kept: list[str] = []
    for cell in cells:
        room -= _columns(cell)
        if room < 0:
            break
        kept.append(cell)
    return kept, "..."


def _cell(character: str) -> str:
    """A character as it can be shown: a tab as spaces, whatever a terminal might obey as an escape."""
    if character == "\t":
        return " " * _TAB
    return printable(character)


def _width(cells: list[str]) -> int:
    return sum(_columns(cell) for cell in cells)


def _columns(cell: str) -> int:
    """How many columns of a terminal a cell takes."""
    return sum(0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1 for character in cell)
