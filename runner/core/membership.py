"""Who is in a segment and who is in an audience, as counts and as handles to files; never as values in memory.

Words: D is the segment now, M the membership that the destination certainly holds of ours, U the identifiers of which
an interrupted run cannot say whether it took them. The delta is: add (D − M) ∪ (D ∩ U), remove (M − D) ∪ (U − D).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from runner.core.findings import Finding
from runner.core.fingerprints import Fingerprinting, FingerprintOrigin
from runner.core.identifiers import IdentifierType, Operation
from runner.quick_dataclass import dataclass, field, replace

ON_ITS_WAY = timedelta(minutes=5)
"""How long after it left a call without an answer may still take effect."""


def overtaken(sent_at: datetime | None, doubt_at: datetime | None) -> bool:
    """Whether what was sent and answered then may be undone by a call that left before it and is still on its way.

    `doubt_at` is when the last call left whose answer never came; None where there was none, or it is not known.
    """
    return sent_at is not None and doubt_at is not None and sent_at < doubt_at + ON_ITS_WAY


@dataclass(frozen=True, slots=True)
class Rejected:
    """Values of one kind that cannot be sent, for one reason, never one of them."""

    identifier_type: IdentifierType
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A segment evaluated: `path` is the evaluator's file of wire forms, valid until the evaluator is closed.

    `rows` are the rows the SQL yielded, `people` those with at least one valid identifier, `blank` the null or blank
    values per type, each column counted. `columns` says how many columns of the file a type has, where it is more than
    one. `path` is None for a segment that was compared with a membership while it ran: only its counts
    and what differs were written. `warnings` are about the segment's SQL. `held_out` are the rows that its holdout
    leaves out, `without_key` those on which it cannot decide, which are left out as well: neither has people or values.
    `suppressed` are the rows that are left out because a suppression names somebody in them: they are among `rows` and
    not among `people`. `fingerprints` says what those in the file were made with, None where it has none. `number` says
    which rows of the file are the segment's, where several share one; no two evaluations of a run have the same.
    `looked_up` are its rows where known texts stand in them by number, which only the membership they were looked up in
    can be compared with; `path` is None then. `mistaken` says that fingerprints led to other identifiers than the texts
    themselves, so that everybody was hashed.
    """

    path: Path | None
    types: tuple[IdentifierType, ...]
    rows: int
    people: int
    blank: Mapping[IdentifierType, int]
    rejected: tuple[Rejected, ...]
    warnings: tuple[Finding, ...] = ()
    columns: Mapping[IdentifierType, int] = field(default_factory=dict)
    held_out: int = 0
    without_key: int = 0
    suppressed: int = 0
    fingerprints: FingerprintOrigin | None = None
    number: int | None = None
    looked_up: LookedUpRows | None = None
    mistaken: bool = False

    @property
    def own_file(self) -> Path | None:
        """The file, where the segment shares it with no other."""
        return self.path if self.number is None else None


@dataclass(frozen=True, slots=True)
class MembershipFiles:
    """What a destination holds of ours, as the state knows it: a membership file, and a delta that may be half-way.

    `members` is the Parquet file of the membership last settled (columns `identifier_type` VARCHAR, `identifier` BLOB,
    `unknown` BOOLEAN: true for U, `run` UINTEGER: the run that added it, null where that is not known) or None for an
    empty one; `changes`, where there is one, a small file of what has changed since that one was written (the same
    columns and `gone` BOOLEAN: no member any more), which overrules it. `outbox` is the Parquet file of an unfinished
    delta (columns `batch` INTEGER, `operation` VARCHAR, `identifier_type` VARCHAR, `identifier` BLOB, `run` UINTEGER:
    the run that wrote it) or None; `taken` and `in_flight` number its batches that it has answered and may have
    received. All other batches were never sent. One that it answered while an earlier call may still have been on its
    way counts as in flight. Files that were written before there was a column `run` have none.

    `counts` is how many identifiers of each type the membership last settled has, and how many of them are unknown, as
    that was recorded with the files; None where it was not.

    `fingerprints` says of each file that has them what its fingerprints were made with: it has the further columns
    `fingerprint_1` and `fingerprint_2` UBIGINT, null where an identifier has none; and `changes` has `overrules`
    BIGINT, the row of `members` that a row of it takes the place of, null where there is none.
    """

    members: Path | None = None
    outbox: Path | None = None
    taken: frozenset[int] = frozenset()
    in_flight: frozenset[int] = frozenset()
    changes: Path | None = None
    counts: Mapping[IdentifierType, tuple[int, int]] | None = field(default=None, compare=False)
    fingerprints: Mapping[Path, FingerprintOrigin] = field(default_factory=dict, compare=False)

    @property
    def untouched(self) -> bool:
        """Whether nothing may have been sent since the membership was settled."""
        return self.outbox is None or not (self.taken or self.in_flight)

    @property
    def origin(self) -> FingerprintOrigin | None:
        """What the fingerprints of the settled membership were made with; None where it has none that can be used."""
        if self.members is None:
            return None
        found = self.fingerprints.get(self.members)
        same = self.changes is None or self.fingerprints.get(self.changes) == found
        return found if same else None

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.outbox, self.changes, self.members) if path is not None)


@dataclass(frozen=True, slots=True)
class LookedUpRows:
    """The rows of a segment whose known texts were found by their fingerprints, for those `types`.

    The files have them as an evaluation's file, but that a known text has no wire form there; one of several files may
    lack columns, which are null then. Beside each column of these
    types is the number of the member that its text stands for, among those of `held`, and of the person remembered as
    named, among the rows of the files `remembered`; each null where it was not found. `by` is how the run uses
    fingerprints. Of what is left of a segment without people whom suppressions name, `left_out` is a file of the
    identifiers that the membership holds on rows that were taken out and on none that are left; None where it was not
    asked for, since each row has one identifier.
    """

    files: tuple[Path, ...]
    held: MembershipFiles
    types: tuple[IdentifierType, ...]
    remembered: tuple[Path, ...]
    by: Fingerprinting
    left_out: Path | None = None


@dataclass(frozen=True, slots=True)
class TypeDelta:
    """One identifier type's part of a delta, in distinct identifiers.

    `before` is |M ∪ U|, `after` is |D|. `added` and `removed` are what will be sent; `unknown` (= |U|) says how many of
    these are sent only because an interrupted run left them unknown.
    """

    before: int
    after: int
    added: int
    removed: int
    unknown: int = 0

    @property
    def certainly_removed(self) -> int:
        """|M − D|: who leaves, without those that are removed again only because they are unknown (|U − D|)."""
        return self.before - self.unknown + self.added - self.after


NOBODY = TypeDelta(0, 0, 0, 0)
"""Of a type that nobody has."""

Delta = Mapping[IdentifierType, TypeDelta]
"""What must be sent, per identifier type. A type is present when it is mapped now or has members."""


def removals_of(delta: Delta) -> Delta:
    """The delta with its removals alone: nobody is added."""
    return {kind: replace(part, added=0, after=part.before - part.removed) for kind, part in delta.items()}


@dataclass(frozen=True, slots=True)
class NewFingerprints:
    """Identifiers with their fingerprints, in a file of the store's (`identifier`, `fingerprint_1`, `fingerprint_2`),
    or in so many `columns` of a segment's own."""

    path: Path
    origin: FingerprintOrigin
    columns: int = 0


@dataclass(frozen=True, slots=True)
class ComparedMembership:
    """What brings an audience that holds `held` to a segment: plan shows it, apply sends it.

    `differing` are the store's Parquet files of the identifiers to add and to remove, per type of `delta`; they are
    valid until the store is closed. For the types in `as_evaluated` it is the segment's own file: nothing was held, and
    it has nobody twice. With `removals_only` nobody of them is added.

    `fingerprints` says what those beside the identifiers of `differing` were made with, of each type that has any.
    `refreshed` are fingerprints of members that lacked them, per type, where so many did that the membership is better
    written again. `mistaken` says that fingerprints of what is held led to other identifiers than
    the texts themselves, so that they were not used.
    """

    held: MembershipFiles
    delta: Delta
    differing: Mapping[IdentifierType, tuple[Path, ...]]
    as_evaluated: frozenset[IdentifierType] = frozenset()
    removals_only: bool = False
    fingerprints: Mapping[IdentifierType, FingerprintOrigin] = field(default_factory=dict)
    refreshed: Mapping[IdentifierType, NewFingerprints] = field(default_factory=dict)
    mistaken: bool = False

    @property
    def origin(self) -> FingerprintOrigin | None:
        """What its fingerprints were made with; None where it has none."""
        return next(iter(self.fingerprints.values()), None)

    def without_additions(self) -> ComparedMembership:
        """The same, but nobody is added: who is unknown and in the segment stays unknown."""
        return replace(self, delta=removals_of(self.delta), removals_only=True)


@dataclass(frozen=True, slots=True)
class Batch:
    """One call's worth of a delta. Numbers count from 0 in the order of sending: removals first."""

    number: int
    operation: Operation
    identifier_type: IdentifierType | None
    identifiers: int


@dataclass(frozen=True, slots=True)
class SettledMembership:
    """A membership settled: |M ∪ U| per type, and how many of them are unknown.

    With `changes_only`, the file that was written holds what has changed of the membership file there was (see
    MembershipFiles). `fingerprints` says what those in it were made with, None where it has none.
    """

    members: Mapping[IdentifierType, int]
    unknown: Mapping[IdentifierType, int]
    changes_only: bool = False
    fingerprints: FingerprintOrigin | None = None


@dataclass(frozen=True, slots=True)
class Sampled:
    """Identifiers of one type of a segment, to be looked for in audiences: all of them, or one in some.

    `path` is the store's file of those that were taken, valid until the store is closed, and `taken` their number;
    `identifiers` is how many the segment has, of which one in `one_in` (a power of two) was taken, by its hash.
    """

    path: Path
    identifiers: int
    taken: int
    one_in: int = 1


Sample = Mapping[IdentifierType, Sampled]
"""A segment's identifiers, per type; a type of which there are none is left out."""
