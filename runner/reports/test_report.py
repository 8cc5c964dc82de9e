"""How tests of segments went: as text, as JSON, and as JUnit's XML, which CI services show.

Rows are shown: a test is made up by its author, and nothing in it comes from the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

from runner.core.segment_test import TextRow
from runner.reports.escape import printable
from runner.reports.format import plural
from runner.reports.json_documents import document, finding_data, location_data
from runner.reports.styled_text import Text
from runner.workflows.run_tests import SegmentTestResult

SHOWN = 20
"""Rows of a test that are shown as missing, and as unexpected; the JSON document has them all."""


def results_text(results: Sequence[SegmentTestResult]) -> Text:
    """A line for each test that passed, a few for one that did not, and a last line with the numbers."""
    text = Text()
    for result in results:
        test = result.test
        sign, style = ("+", "green") if result.passed else ("x", "bold red")
        text.append(f"{sign} {printable(test.name)}", style=style)
        text.append(f"  {_outcome(result)}", style=style)
        text.append(f"  ({printable(_about(result))})\n")
        for line in _details(result):
            text.append(f"    {printable(line)}\n")
    return text.append(results_summary(results) + "\n", style="bold")


def results_summary(results: Sequence[SegmentTestResult]) -> str:
    """The numbers, in one sentence."""
    if not results:
        return "No file declares a test: write `kind: Test` documents."
    passed, broken = sum(one.passed for one in results), sum(not one.could_run for one in results)
    failed = len(results) - passed - broken
    parts = [f"{passed:,} passed"] if passed else []
    parts += [f"{failed:,} failed"] if failed else []
    parts += [f"{broken:,} could not run"] if broken else []
    return f"{plural(len(results), 'test')}: {', '.join(parts)}."


def _about(result: SegmentTestResult) -> str:
    """What is tested, and for which target."""
    target = f", target {result.target}" if result.target else ""
    return f"{result.test.subject} {result.test.of}{target}"


def _outcome(result: SegmentTestResult) -> str:
    if not result.could_run:
        return "could not run"
    return "passed" if result.passed else "failed"


def _details(result: SegmentTestResult) -> Iterator[str]:
    """What is wrong, where, and what to do."""
    if result.passed:
        return
    for finding in result.findings:
        yield f"{finding.location}: {finding.message}"
        if finding.hint:
            yield f"-> {finding.hint}"
    if result.error:
        yield result.error
    if result.could_run:
        yield f"{result.test.location}: expected {plural(result.expected, 'person', 'people')}, found {result.found:,}"
    for what, rows in (("missing", result.missing), ("unexpected", result.unexpected)):
        for row in rows[:SHOWN]:
            yield f"{what:<10}  {_shown(result.columns, row)}"
        if len(rows) > SHOWN:
            yield f"{what:<10}  and {len(rows) - SHOWN:,} more"


def _shown(columns: Sequence[str], row: TextRow) -> str:
    cells = (f"{name}: {'null' if cell is None else cell}" for name, cell in zip(columns, row, strict=True))
    return f"{{{', '.join(cells)}}}"


def results_document(results: Sequence[SegmentTestResult]) -> dict[str, Any]:
    """schemas/test-run.schema.json"""
    return document(
        "test-run",
        passed=sum(one.passed for one in results),
        failed=sum(one.could_run and not one.passed for one in results),
        could_not_run=sum(not one.could_run for one in results),
        tests=[_result(one) for one in results],
    )


def _result(result: SegmentTestResult) -> dict[str, Any]:
    def rows(these: Sequence[TextRow]) -> list[dict[str, str | None]]:
        return [dict(zip(result.columns, row, strict=True)) for row in these]

    return {
        "name": result.test.name,
        "subject": str(result.test.subject),
        "of": result.test.of,
        "target": result.target or None,
        "location": location_data(result.test.location),
        "outcome": _outcome(result),
        "expected": result.expected,
        "found": result.found,
        "missing": rows(result.missing),
        "unexpected": rows(result.unexpected),
        "findings": [finding_data(finding) for finding in result.findings],
        "error": result.error,
    }


def results_junit(results: Sequence[SegmentTestResult]) -> str:
    """The results as GitLab, Jenkins and others read them."""
    failed = sum(one.could_run and not one.passed for one in results)
    counts = {"tests": str(len(results)), "failures": str(failed)}
    counts["errors"] = str(sum(not one.could_run for one in results))
    suite = ElementTree.Element("testsuite", {"name": "headcount", **counts})
    for result in results:
        test = result.test
        names = {"classname": _about(result), "name": test.name}
        case = ElementTree.SubElement(suite, "testcase", {key: printable(text) for key, text in names.items()})
        case.set("file", printable(test.location.file))
        case.set("line", str(test.location.line))
        if not result.passed:
            lines = [printable(line) for line in _details(result)]
            kind = "failure" if result.could_run else "error"
            ElementTree.SubElement(case, kind, {"message": lines[0]}).text = "\n".join(lines)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=False) + "\n"
