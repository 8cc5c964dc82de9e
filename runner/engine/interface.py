"""What finds the people of a segment, and what compares them with an audience: two interfaces.

The embedded DuckDB implements both. A warehouse would implement `SegmentEvaluator` alone: memberships are Parquet files
of the state, whatever ran the SQL.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from runner.core.asked_people import AskedPeople, FoundMembers, FoundSuppressed, GivenValue
from runner.core.findings import Finding, Location
from runner.core.fingerprints import Fingerprinting, FingerprintOrigin
from runner.core.holdout import Choice
from runner.core.identifiers import IdentifierType, WireForms
from runner.core.membership import (
    Batch,
    ComparedMembership,
    Evaluation,
    MembershipFiles,
    Sample,
    SettledMembership,
)
from runner.core.project import Activation, Evaluated, Segment, Source
from runner.core.segment_test import GivenTable, TextRow
from runner.core.suppression import NamedPeople, SuppressionFiles
from runner.quick_dataclass import dataclass

BLANK, HASHED, AS_GIVEN, REJECTED = range(4)
"""Kinds of value in an evaluation: nothing there; valid, and encoded or hashed by the evaluator; valid, and a hash
already; rejected for the first reason of its type. Greater numbers are its further reasons (see `reasons`)."""

HELD_OUT, KEYLESS = 254, 255
"""Kinds of every value of a row that is left out: its holdout holds it out, or it has no key to decide by."""

NOBODY_GONE: Mapping[Path, tuple[Path, Path]] = {}
"""Of no file is it known who is not in the one that took its place."""

NUMBER = "segment_number"
"""The column of wire forms that says of which segment a row is, where several are in one file."""

LONGEST_EMAIL, LONGEST_OPAQUE = 254, 1024
"""Characters that an e-mail address, and an identifier without a form of its own, may have."""

_REASONS: Mapping[IdentifierType, tuple[str, str]] = {
    IdentifierType.EMAIL: ("not an e-mail address", f"longer than {LONGEST_EMAIL} characters"),
    IdentifierType.PHONE_NUMBER: ("not a phone number", "a national number: E.164 with the country code is needed"),
    IdentifierType.MOBILE_AD_ID: ("not a UUID", "all zeros: tracking is switched off"),
}
_OPAQUE_REASONS = ("control characters inside", f"longer than {LONGEST_OPAQUE:,} characters")


def reasons(identifier_type: IdentifierType) -> Mapping[int, str]:
    """Why a value of the type can be rejected, by kind."""
    return dict(enumerate(_REASONS.get(identifier_type, _OPAQUE_REASONS), start=REJECTED))


class MappedColumn(NamedTuple):
    """One of the columns that hold a type of identifier: the first, the second, ... that the mapping names."""

    type: IdentifierType
    number: int = 1

    @property
    def name(self) -> str:
        """What the column with its wire forms is called in an evaluation's file: `email`, `email_2`, ..."""
        return str(self.type) if self.number == 1 else f"{self.type}_{self.number}"


def mapped_columns(mapping: Mapping[IdentifierType, tuple[str, ...]]) -> Mapping[MappedColumn, str]:
    """Every column that a mapping names, in its order."""
    return {
        MappedColumn(one, number): name for one, names in mapping.items() for number, name in enumerate(names, start=1)
    }


@dataclass(frozen=True, slots=True)
class Reached:
    """A warehouse that answered after `seconds`: whether its sessions are read-only, and whether its user may do
    anything at all; None where it cannot say.
    """

    seconds: float
    is_read_only: bool | None
    is_almighty: bool | None


class SegmentEvaluator(Protocol):
    """Finds the people of a segment, as wire forms.

    An implementation
    - MUST bring values to the wire forms of the design exactly (tests/conformance holds awkward values and results),
    - MUST let segment SQL read the declared sources and nothing else,
    - MUST report no value and no part of one, errors included: the kinds and counts of what is rejected suffice,
    - MUST NOT hold a segment's people in Python memory.

    `Evaluation.path` is a Parquet file with a row for each row of the SQL, in any order, duplicates included, and two
    columns for each mapped column, named after its type (`email`, `email_kind`), those of the second one that holds a
    type `email_2` and `email_2_kind`, and so on (see MappedColumn):
    - `<type>` BLOB: the wire form as bytes, null where the value is blank or rejected. For `email` and `phone_number`
      the 32 bytes of the SHA-256, or the 16 of an MD5 that was given as the e-mail; for `mobile_ad_id` the 16 of the
      UUID; for any other type the UTF-8 text. Equal people have equal bytes: memberships are compared by them.
    - `<type>_kind` UTINYINT, never null: BLANK, HASHED, AS_GIVEN, or from REJECTED on a number of `reasons`. In a row
      that the activation's holdout leaves out it is HELD_OUT or KEYLESS for every type, and there is no wire form.
    Segments that share a file have their rows under a number each, in the column NUMBER.
    Further columns are not read. The counts of the Evaluation are those of this file.
    """

    def name(self, run: str) -> None:
        """What segments are called from now on in the logs of warehouses that run them, beside the activation's id."""

    def prepare(self, sources: tuple[Source, ...]) -> None:
        """Segments over these will soon be evaluated: begin what takes time to begin, and do not wait for it. What goes
        wrong is said by what is asked then."""

    def expect(self, segments: Iterable[Evaluated], sources: tuple[Source, ...]) -> None:
        """What is about to be evaluated, as far as that is known: what several read may be read once for all."""

    def check(self, activation: Evaluated, sources: tuple[Source, ...]) -> tuple[Finding, ...]:
        """What is wrong with the activation's SQL and mapping against the sources, without reading rows; and warnings
        about SQL that may yield other people in each run."""

    def advise(self, activation: Evaluated) -> tuple[Finding, ...]:
        """Those warnings alone. Reads nothing; none where the SQL cannot be parsed."""

    def evaluate(
        self, activation: Evaluated, sources: tuple[Source, ...], by: Fingerprinting | None = None
    ) -> Evaluation:
        """Run the segment, bring mapped columns to wire form; with the warnings. Raises SegmentError.

        By a fingerprinting that writes there are two more columns, for each mapped column of a type for which it pays:
        `<name>_fingerprint_1` and `<name>_fingerprint_2` UBIGINT, null where there is no wire form.
        """

    def evaluate_small(
        self, activations: Sequence[Activation], sources: tuple[Source, ...]
    ) -> Mapping[int, Evaluation]:
        """The evaluations of several segments of few people, where that is sooner done for all together; by their
        places.

        What is not there is left to `evaluate`, failures above all. Raises SegmentError.
        """

    def md5s(self, of: Evaluated, evaluation: Evaluation) -> int:
        """How many of the e-mail addresses in the file of an evaluation `of` something were given as MD5, duplicates
        included: no other wire form of an address tells that one. Raises SegmentError.
        """

    def choose(self, activation: Activation, sources: tuple[Source, ...]) -> Choice:
        """Run the segment and say which of its people the activation's holdout leaves out. Raises SegmentError."""

    def asked(self, values: Iterable[tuple[IdentifierType, GivenValue]]) -> AskedPeople:
        """People to be looked for: the wire forms of values, each of the type that is said. Raises StateError."""

    def release(self) -> None:
        """Let go of the sources, which others may wait to write; evaluations go on to be there, and may follow."""

    def close(self) -> None:
        """Give back what evaluations left open."""


@dataclass(frozen=True, slots=True)
class GivenPeople:
    """What a segment yields over given rows: the distinct `rows` of its columns, as text.

    `read` are the given tables that it reads; with `findings`, the rows that were given do not fit.
    """

    rows: frozenset[TextRow]
    read: frozenset[str]
    findings: tuple[Finding, ...] = ()


class GivenSegments(Protocol):
    """Runs segments over the rows that a test gives, without any source: no data, no network."""

    def people(
        self,
        segment: Segment,
        columns: Mapping[str, Location],
        sources: tuple[Source, ...],
        given: tuple[GivenTable, ...],
    ) -> GivenPeople:
        """What the segment yields in these columns, whose places are where a finding about one goes. Raises
        SegmentError."""

    def wire_forms(self, identifier_type: IdentifierType, texts: Collection[str]) -> Mapping[str, bytes]:
        """The wire form of each of some values; none of one that is blank or cannot be sent."""


class MembershipStore(Protocol):
    """Does set algebra on segments and the membership files of the state (see MembershipFiles for their columns).

    An implementation
    - MUST write a file under another name first, and give it its own when it is whole. It need not flush it: the state
      does that before it points to it, and removes files that nothing points to,
    - MUST NOT hold a membership in Python memory.
    """

    def evaluate_and_compare(
        self,
        evaluator: SegmentEvaluator,
        activation: Activation,
        sources: tuple[Source, ...],
        held: MembershipFiles,
        by: Fingerprinting | None = None,
        *,
        counts_only: bool = False,
    ) -> tuple[Evaluation, ComparedMembership]:
        """Evaluate a segment and compare it with one membership: as `evaluate` and `compare`, perhaps in one pass.

        With `by`, texts whose fingerprint a member has may be taken for that member without being hashed. Where
        `counts_only` are wanted, there may be no file of who is in the segment, nor of what differs.
        Raises SegmentError, and StateError where the membership cannot be read.
        """

    def look_up(
        self,
        evaluator: SegmentEvaluator,
        activation: Activation,
        sources: tuple[Source, ...],
        held: MembershipFiles,
        remembered: Sequence[SuppressionFiles],
        by: Fingerprinting | None = None,
    ) -> Evaluation:
        """Evaluate a segment that suppressions are for, to be compared with `held` alone, without hashing whom that or
        the files `remembered` of the suppressions know: then its rows are `looked_up`; else as `evaluate` does.

        Raises SegmentError, and StateError where a file of the state cannot be read.
        """

    def compare(self, evaluation: Evaluation | None, held: MembershipFiles) -> ComparedMembership:
        """What brings the membership to the segment (to nothing when `evaluation` is None). Raises StateError: also for
        one that was looked up in another membership."""

    def without_those_gone(self, compared: ComparedMembership, held: MembershipFiles) -> ComparedMembership:
        """The comparison, now that some of those who are to be removed were taken out of the audience, which was all
        that happened to it, and it holds `held`. Raises StateError."""

    def compare_small(self, asked: Sequence[tuple[Evaluation, MembershipFiles]]) -> Mapping[int, ComparedMembership]:
        """The same for several segments, where that is sooner done for all together; by their places.

        What is not there is left to `compare`. Raises StateError.
        """

    def write_outbox(
        self, compared: ComparedMembership, path: Path, batch_size: int, run: int | None = None
    ) -> tuple[Batch, ...]:
        """Write the delta to `path` in batches of one operation and one type, removals first.

        Who is added with it is a member since `run`, None where that is not to be known. No file is written when there
        is nothing to send. Raises StateError.
        """

    def batches(self, outbox: Path) -> Iterator[tuple[int, WireForms]]:
        """Number and wire forms of each batch, in order, read once and bounded in memory. Raises StateError."""

    def settle(self, held: MembershipFiles, path: Path, *, whole: bool = False) -> SettledMembership:
        """Fold an unfinished delta into a new membership file at `path`: taken batches take effect, identifiers of
        batches in flight become unknown, batches never sent are dropped. A member keeps the run that added it.

        Where little changes of much, the file may hold the changes alone, unless `whole` is asked for: then it says
        nothing of who is no member any more. Raises StateError.
        """

    def fingerprint(self, held: MembershipFiles, compared: ComparedMembership, path: Path) -> FingerprintOrigin:
        """Write the settled membership whole, with the fingerprints that `compared` found it to lack, to `path`.

        Gives what these were made with. Raises StateError.
        """

    def sample(self, compared: ComparedMembership) -> Sample:
        """The identifiers of a segment that was compared with nobody, or some of them. Raises StateError."""

    def shared(self, sample: Sample, held: MembershipFiles) -> Mapping[IdentifierType, int]:
        """How many of those an audience holds, by type; a type that it has nobody of is left out. Raises StateError."""

    def pairwise(self, held: Sequence[MembershipFiles]) -> Mapping[tuple[int, int], int]:
        """How many identifiers each two of some audiences have in common, exactly, by their places in `held`.

        The lower place comes first; who have nobody in common are left out. Raises StateError.
        """

    def named(self, evaluation: Evaluation, last: Path | None = None, run: int | None = None) -> Path:
        """A file of whom a suppression's evaluation names, as SuppressionFiles has them; it lasts until the store is
        closed, as do the files of all methods below.

        Who is not in the file `last`, of whom it named before, was first seen by `run`. Raises StateError.
        """

    def evaluate_and_name(
        self,
        evaluator: SegmentEvaluator,
        suppression: Evaluated,
        sources: tuple[Source, ...],
        last: SuppressionFiles | None,
        run: int | None,
        by: Fingerprinting | None = None,
    ) -> tuple[Evaluation, NamedPeople]:
        """Evaluate a suppression, and write whom it names as `named` does; with `by`, whom it named last need not be
        hashed. Raises SegmentError, and StateError."""

    def came_and_went(self, named: Path, last: Path | None) -> tuple[int, int]:
        """How many identifiers entered such a file that was made with `last`, and how many left. Raises StateError."""

    def named_since(self, files: SuppressionFiles) -> Path:
        """A file of whom it names and did not name before. Raises StateError."""

    def entered(self, named: Path) -> Path:
        """A file of those of such a file who are not in the one that it was written beside. Raises StateError."""

    def md5s(self, named: Path) -> int:
        """How many of the e-mail addresses in such a file are there as MD5. Raises StateError."""

    def named_still(self, named: Path, before: Path) -> Path:
        """A file of those of such a file `before` who are named still. Raises StateError."""

    def left_out(self, whole: Evaluation, left: Evaluation) -> Path:
        """Such a file of the identifiers that are in a segment, but on no row that is left of it; of one that was
        looked up, of those whom the membership holds. Raises StateError."""

    def counted(self, named: Path) -> Mapping[IdentifierType, int]:
        """How many identifiers of each type such a file has. Raises StateError."""

    def found(self, named: tuple[Path, ...], evaluations: Iterable[Evaluation]) -> Path:
        """A file of those named who are in some of the segments. Raises StateError."""

    def without(self, evaluation: Evaluation, named: tuple[Path, ...]) -> Evaluation:
        """The segment without every row one of whose identifiers is named: none of that row's is sent.

        Raises StateError.
        """

    def without_looked_up(
        self,
        evaluation: Evaluation,
        named: tuple[Path, ...],
        since: tuple[Path, ...],
        gone: Mapping[Path, tuple[Path, Path]] = NOBODY_GONE,
    ) -> Evaluation:
        """The same of a segment whose rows were looked up, with the files of all who are `named` now; `since` are files
        of those among them whom the membership may hold. `gone` may have, of files of people remembered, the one that
        took its place and one of those who are not in that any more. Raises StateError."""

    def without_each(self, evaluations: Sequence[Evaluation], named: tuple[Path, ...]) -> tuple[Evaluation, ...]:
        """The same for each of several segments, in their order. Raises StateError."""

    def leaving(self, held: MembershipFiles, named: tuple[Path, ...]) -> ComparedMembership:
        """What leaves an audience for those named: (M ∪ U) ∩ S, and nothing else. Raises StateError."""

    def everybody(
        self, held: MembershipFiles, named: tuple[Path, ...], types: frozenset[IdentifierType]
    ) -> ComparedMembership:
        """Everybody named, of these types, to be removed from an audience whose members are not known.

        Raises StateError.
        """

    def found_members(self, held: MembershipFiles, people: AskedPeople) -> tuple[FoundMembers, ...]:
        """Who of them is in M ∪ U, once an unfinished delta is settled. Raises StateError."""

    def found_suppressed(self, named: Path, people: AskedPeople) -> tuple[FoundSuppressed, ...]:
        """Who of them is in a file of whom a suppression names. Raises StateError."""

    def mentioned(self, files: tuple[Path, ...], people: AskedPeople) -> int:
        """How many rows of files of the state are about them, whatever they say of them. Raises StateError."""

    def rows_of(self, evaluation: Evaluation, people: AskedPeople) -> Evaluation:
        """The segment's rows that they are on, with every identifier on these. Raises StateError."""

    def without_people(self, file: Path, people: AskedPeople, path: Path, kept: Path) -> None:
        """Write the rows of a suppression's file to `path` that are not about them, or about those of them who are in
        `kept`. Raises StateError.
        """
