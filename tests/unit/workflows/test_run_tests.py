"""A test counts people after suppressions, which read the same rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date

from runner.core.findings import Location
from runner.core.identifiers import IdentifierType
from runner.core.project import Project, Schedule, Segment, Source, SqlText, Suppression, SuppressionLimits
from runner.core.segment_test import GivenRow, GivenTable, SegmentTest, Subject, TextRow
from runner.engine.interface import GivenPeople
from runner.workflows.run_tests import SegmentTestResult, run_test
from tests.builders import EMAIL, HERE, MADID, activation

ANN, BOB, CAT = ("ann@x", "1"), ("bob@x", None), (None, "3")


class Given:
    """Segments whose rows are known by their names; a wire form is the value in lower case."""

    def __init__(self, rows: Mapping[str, Collection[TextRow]]) -> None:
        self.rows = rows

    def people(
        self,
        segment: Segment,
        columns: Mapping[str, Location],
        sources: tuple[Source, ...],
        given: tuple[GivenTable, ...],
    ) -> GivenPeople:
        read = frozenset({segment.name})
        return GivenPeople(frozenset(row[: len(columns)] for row in self.rows[segment.name]), read)

    def wire_forms(self, identifier_type: IdentifierType, texts: Collection[str]) -> Mapping[str, bytes]:
        return {text: text.lower().encode() for text in texts}


def suppression(name: str, columns: Mapping[IdentifierType, tuple[str, ...]]) -> Suppression:
    segment = Segment(name, "", SqlText("select 1", "activations/a.yaml", 5), "f" * 64, HERE)
    return Suppression(name, "", segment, columns, None, Schedule(), SuppressionLimits(), HERE)


def tried(rows: Mapping[str, Collection[TextRow]], *suppressions: Suppression, count: int = 0) -> SegmentTestResult:
    loyal = activation("loyal", mapping={EMAIL: ("email",), MADID: ("idfa",)})
    project = Project("activations", (), (), (), (loyal,), suppressions)
    test = SegmentTest("t", Subject.ACTIVATION, "loyal", HERE, HERE, date(2026, 11, 28), (), None, count)
    return run_test(test, project, Given(rows))


def test_a_row_of_which_one_identifier_is_suppressed_is_left_out() -> None:
    rows = {"Loyal": [ANN, BOB, CAT], "no consent": [("ANN@X", None)]}
    named = suppression("no consent", {EMAIL: ("email",), MADID: ("idfa",)})
    assert tried(rows, count=3).passed
    assert tried(rows, named, count=2).passed


def test_each_suppression_counts() -> None:
    rows = {"Loyal": [ANN, BOB, CAT], "one": [("ann@x",)], "two": [("3",)]}
    both = suppression("one", {EMAIL: ("email",)}), suppression("two", {MADID: ("idfa",)})
    assert tried(rows, *both, count=1).found == 1


def test_a_suppression_of_other_accounts_does_not() -> None:
    rows = {"Loyal": [ANN], "elsewhere": [("ann@x",)]}
    elsewhere = replace(suppression("elsewhere", {EMAIL: ("email",)}), accounts=())
    assert tried(rows, elsewhere, count=1).passed


def test_a_suppression_is_tested_by_its_name() -> None:
    project = Project("activations", (), (), (), (), (suppression("no consent", {EMAIL: ("email",)}),))
    row = GivenRow({"email": "ann@x"}, {"email": HERE}, HERE)
    test = SegmentTest("t", Subject.SUPPRESSION, "no consent", HERE, HERE, None, (), (row,), None)
    assert run_test(test, project, Given({"no consent": [("ann@x",)]})).passed
    assert run_test(test, project, Given({"no consent": [("bob@x",)]})).missing == (("ann@x",),)
