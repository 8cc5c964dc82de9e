"""Running the project's tests of segments, each over the rows that it gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from runner.core.errors import SegmentError
from runner.core.findings import Finding, Location
from runner.core.identifiers import IdentifierType
from runner.core.project import Activation, Project, Segment, Suppression
from runner.core.segment_test import GivenRow, SegmentTest, Subject, TextRow
from runner.core.suggest import quoted_word, suggest
from runner.engine.interface import GivenPeople, GivenSegments
from runner.quick_dataclass import dataclass, field, replace
from runner.workflows.failure_messages import as_failure


@dataclass(frozen=True, slots=True)
class SegmentTestResult:
    """How a test went. `columns` are those of `missing` (expected, and not found) and `unexpected`, in rows of text.

    `found` and `expected` are numbers of people. `findings` and `error` keep a test from being run; `error` is about
    something else than a place of the files. `target` is the one for which it was run, empty where there are none.
    """

    test: SegmentTest
    columns: tuple[str, ...] = ()
    found: int = 0
    expected: int = 0
    missing: tuple[TextRow, ...] = ()
    unexpected: tuple[TextRow, ...] = ()
    findings: tuple[Finding, ...] = ()
    error: str = ""
    target: str = ""

    @property
    def could_run(self) -> bool:
        return not self.findings and not self.error

    @property
    def passed(self) -> bool:
        return self.could_run and not self.missing and not self.unexpected and self.found == self.expected


@dataclass(frozen=True, slots=True)
class _Tested:
    """A segment, the columns that its test looks at with the places where these are named, and who may not be in it.

    `mapping` says as what a column is an identifier.
    """

    segment: Segment
    columns: Mapping[str, Location]
    mapping: Mapping[IdentifierType, tuple[str, ...]] = field(default_factory=dict)
    suppressions: tuple[Suppression, ...] = ()


def run_test(test: SegmentTest, project: Project, given: GivenSegments) -> SegmentTestResult:
    """Run one test in the project as it is on the test's day."""
    tested = _tested(test, project)
    wrong = tuple(_unknown_columns(test, tested))
    if wrong:
        return SegmentTestResult(test, findings=wrong)
    try:
        people = _people(tested, test, project, given)
    except SegmentError as error:
        if error.finding is not None:
            return SegmentTestResult(test, findings=(error.finding,))
        return SegmentTestResult(test, error=as_failure(error).message)
    wrong = people.findings or tuple(_unread(test, people.read))
    return SegmentTestResult(test, findings=wrong) if wrong else _compared(test, tuple(tested.columns), people.rows)


def _people(tested: _Tested, test: SegmentTest, project: Project, given: GivenSegments) -> GivenPeople:
    """Who is in the segment, but for those who are suppressed. Raises SegmentError."""
    people = given.people(tested.segment, tested.columns, project.sources, test.given)
    for suppression in tested.suppressions:
        columns = _places(suppression.mapping, {}, suppression.location)
        named = given.people(suppression.segment, columns, project.sources, test.given)
        if named.findings:
            return named
        unwanted = _identifiers(named.rows, tuple(columns), suppression.mapping, given)
        left = frozenset(
            row
            for row in people.rows
            if unwanted.isdisjoint(_identifiers([row], tuple(tested.columns), tested.mapping, given))
        )
        people = replace(people, rows=left, read=people.read | named.read)
    return people


def _identifiers(
    rows: Iterable[TextRow],
    columns: tuple[str, ...],
    mapping: Mapping[IdentifierType, tuple[str, ...]],
    given: GivenSegments,
) -> frozenset[tuple[IdentifierType, bytes]]:
    """Every identifier of the rows, as it would be sent."""
    listed, found = list(rows), set()
    for kind, names in mapping.items():
        places = [columns.index(name) for name in names]
        texts = {text for row in listed for place in places if (text := row[place]) is not None}
        found |= {(kind, wire) for wire in given.wire_forms(kind, texts).values()}
    return frozenset(found)


def _tested(test: SegmentTest, project: Project) -> _Tested:
    if test.subject is Subject.SUPPRESSION:
        one = next(one for one in project.suppressions if one.name == test.of)
        return _Tested(one.segment, _places(one.mapping, {}, one.location))
    if test.subject is Subject.ACTIVATION:
        activation = next(one for one in project.activations if one.id == test.of)
        suppressions = tuple(one for one in project.suppressions if one.concerns(activation.account))
        return _Tested(activation.segment, _mapped(activation), activation.mapping, suppressions)
    segment = next(one for one in project.segments if one.name == test.of)
    columns = {name: place for row in test.expect or () for name, place in row.places.items()}
    for activation in project.activations:
        if activation.segment == segment and not columns:
            columns = dict(_mapped(activation))
    return _Tested(segment, columns)


def _mapped(activation: Activation) -> Mapping[str, Location]:
    places = {setting.key: setting.location for setting in activation.settings}
    return _places(activation.mapping, places, activation.location)


def _places(
    mapping: Mapping[IdentifierType, tuple[str, ...]], written: Mapping[str, Location | None], otherwise: Location
) -> dict[str, Location]:
    """Each mapped column with the place where it is mapped."""
    return {name: written.get(f"mapping.{kind}") or otherwise for kind, names in mapping.items() for name in names}


def _unknown_columns(test: SegmentTest, tested: _Tested) -> Iterator[Finding]:
    """A finding for each column that `expect` names and the activation does not map."""
    for row in test.expect or ():
        for name, place in row.places.items():
            if name not in tested.columns:
                mapped = ", ".join(tested.columns)
                message = f"{quoted_word(name)} is no column that is mapped{suggest(name, tested.columns)}"
                yield Finding(place, "test-unmapped-column", message, f"mapped are: {mapped}")
    if not tested.columns:
        message = "no activation uses this segment, so write `expect` with its columns instead of `expect_count`"
        yield Finding(test.subject_place, "test-no-columns", message)


def _unread(test: SegmentTest, read: frozenset[str]) -> Iterator[Finding]:
    """A finding for each table that is given rows and that nothing reads: a typo, or a test of something else."""
    for table in test.given:
        if table.rows and table.name not in read:
            message = f"nothing that is tested here reads {quoted_word(table.name)}{suggest(table.name, read)}"
            yield Finding(table.location, "test-unread-table", message)


def _compared(test: SegmentTest, columns: tuple[str, ...], rows: Iterable[TextRow]) -> SegmentTestResult:
    """What differs; a row without any identifier is nobody."""
    found = frozenset(row for row in rows if any(cell is not None for cell in row))
    if test.expect is None:
        return SegmentTestResult(test, columns, len(found), test.expect_count or 0)
    expected = frozenset(_row(row, columns) for row in test.expect)
    missing, unexpected = _in_order(expected - found), _in_order(found - expected)
    return SegmentTestResult(test, columns, len(found), len(expected), missing, unexpected)


def _in_order(rows: Iterable[TextRow]) -> tuple[TextRow, ...]:
    return tuple(sorted(rows, key=lambda row: [cell or "" for cell in row]))


def _row(row: GivenRow, columns: tuple[str, ...]) -> TextRow:
    values = (row.values.get(name) for name in columns)
    return tuple(None if value is None else _text(value) for value in values)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
