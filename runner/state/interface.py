"""What a state must do (`State`), and a place for it (`Backing`); a folder and a bucket are the two there are.

An implementation
- MUST make every method below that changes something atomic and durable before it returns; `mark_taken` and those of
  runs may wait for the next such method, since without them a batch is merely unknown,
- MUST refuse, with StateError, content that is damaged or written by a newer version, and never take it for empty,
- MUST let readers read while a run holds the lock,
- MUST hold wire forms only, and no secret.

The life of a delta: `open_delta`, then per batch `mark_in_flight` and `mark_taken`; when all are taken, or at the start
of the next run, `close_delta`. A file that no record points to is garbage that a later run removes.
A membership is one file, or a file of its changes and the whole one that these are changes of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Protocol

from runner.core.day import Note, Past
from runner.core.destination import Accepted
from runner.core.erasure_receipts import Receipt
from runner.core.fingerprints import FingerprintOrigin, Salt
from runner.core.identifiers import IdentifierType
from runner.core.membership import Batch, MembershipFiles, SettledMembership
from runner.core.notices import KeptNotice, NoticeKey
from runner.core.older_versions import OlderVersions
from runner.core.project import Permission
from runner.core.records import (
    NOT_KNOWN,
    ActivationRun,
    AppliedAudience,
    Binding,
    Definition,
    Latest,
    Run,
    RunCost,
    RunOrigin,
    Setback,
)
from runner.core.suppression import AppliedSuppression, SuppressionDefinition, SuppressionFiles
from runner.state.db.database import Database
from runner.state.db.journal import JournalEntry
from runner.state.local.state_folder import StateFolder, StoredFile


class State(Protocol):
    """What Headcount remembers."""

    # -- reading -------------------------------------------------------------------------------------------------

    def audiences(self) -> tuple[AppliedAudience, ...]:
        """Every audience of ours, in the order of activation ids; one activation may have orphans in other accounts."""

    def given_up(self) -> tuple[AppliedAudience, ...]:
        """The creates without an answer that were given up: what may yet come of them is ours and unwanted."""

    def audience(self, key: int) -> AppliedAudience:
        """One audience of ours; the key must be one that the state knows."""

    def held(self, key: int) -> MembershipFiles:
        """Handles to what the audience holds; empty ones when it must be refilled. Checks the files' checksums, but of
        those that a run found to be whole, and that nobody has touched since, where it was opened only to plan.

        A batch that was answered while a call before it may still have been on its way counts as in flight.

        Without the lock, the files last until a run moves on: a reader that then misses one asks again.
        """

    def runs(self, activation: str | None = None, limit: int = 20) -> tuple[Run, ...]:
        """Past runs, the newest first, with the outcome of every activation (or of the one asked for)."""

    def run(self, number: int, activation: str | None = None) -> Run | None:
        """One past run, with the outcome of every activation (or of the one asked for); None where it is not kept."""

    def latest(self) -> Mapping[str, Latest]:
        """The last runs of every activation that has been run."""

    def setbacks(self) -> Mapping[str, Setback]:
        """Of each activation whose kept runs went wrong at some time, the last row of such runs."""

    def rejected(self) -> Mapping[str, int]:
        """How many values were rejected in the last run of each activation that recorded more than that it was
        unchanged, and of each suppression, by the name of its line, when the history last said something of it.
        """

    def last_good(self) -> Mapping[str, datetime]:
        """When the last run that went well began, by activation; its deletion of an orphan is none of its runs."""

    def past(self) -> Past:
        """The past by day, of every activation."""

    def noted(self, activations: Collection[str]) -> Mapping[str, Note]:
        """What was last written down of each activation, whenever that was."""

    def binding(self) -> Binding | None:
        """The API and target that the state belongs to; None before the first run that sent something."""

    def removed_under(self, activation: str, permission: Permission) -> int:
        """How many identifiers were removed from audiences of an activation since a run was first under a permission.

        A permission is the same one as long as its last day is.
        """

    def salt(self) -> Salt | None:
        """What fingerprints are made with now; None where none was made yet."""

    # -- the lock ------------------------------------------------------------------------------------------------

    def lock(self, command: str) -> AbstractContextManager[None]:
        """Hold the state for one run; raises Locked, naming the holder, at once when another run holds it."""

    def require_lock(self) -> None:
        """Raise LockLost when this run held the lock and someone else may have it now: nothing may be sent then.

        Costs nothing: what others did to the lock since it was last renewed is not asked.
        """

    def confirm_lock(self, within: float = 0.0) -> None:
        """Raise LockLost when this run held the lock and, by what is there now, does not hold it any more.

        To be asked before a call leaves that had to wait. What was confirmed in the last `within` seconds is believed.
        """

    def bind(self, to: Binding) -> None:
        """The state belongs to this API and target from now on."""

    def make_salt(self, at: datetime) -> Salt | None:
        """Make a salt, with which fingerprints are made from now on; None where it cannot be stored for the moment."""

    def permit(self, activation: str, permission: Permission, today: date) -> None:
        """Count what is removed under a permission from now on. Those that ended before `today` are forgotten."""

    # -- audiences -----------------------------------------------------------------------------------------------

    def intend(
        self, activation: str, destination: str, kind: str, account_id: str, definition: Definition, at: datetime
    ) -> int:
        """Record that an audience is about to be created; returns its key."""

    def created(self, key: int, audience_id: str) -> None:
        """The destination has answered the create (or the audience was found again)."""

    def give_up(self, key: int, at: datetime) -> None:
        """Expect the answer of a create no more, without forgetting what was asked for."""

    def imported(
        self, activation: str, destination: str, kind: str, account_id: str, audience_id: str, at: datetime
    ) -> int:
        """Take over an audience whose content is not known: it has no definition and `refill` set; returns its key."""

    def define(self, key: int, definition: Definition, destination: str, at: datetime) -> None:
        """The definition has been applied."""

    def require_refill(self, key: int) -> None:
        """The content can no longer be trusted: the next apply or sync clears and refills."""

    def clearing(self, key: int, at: datetime, *, lost: bool = True) -> None:
        """The audience is about to be emptied; `lost` when a clear that left before, if one did, may come late."""

    def cleared(self, key: int) -> None:
        """The destination has emptied the audience: its membership is empty, nothing is unknown, `refill` is off."""

    def forget(self, key: int) -> None:
        """The audience is deleted or gone: drop the record and its files."""

    # -- deltas --------------------------------------------------------------------------------------------------

    def open_delta(
        self, key: int, write: Callable[[Path], tuple[Batch, ...]], *, withdrawal: bool = False
    ) -> tuple[Batch, ...]:
        """Have the next delta written to a path and record it as on its way; gives its batches.

        Where `write` gives none, there is no delta and no file. Requires that none is open. A `withdrawal` is of people
        whom suppressions name: no permission to remove is used by it.
        """

    def mark_in_flight(self, key: int, number: int, at: datetime | None = None, *, lost: bool = False) -> None:
        """A batch is about to be sent; `lost` when it was before, and that may have had its effect or may yet have it.

        Durable at once. Without `at`, nothing is known of when it was sent.
        """

    def mark_refused(self, key: int, number: int) -> None:
        """The destination has refused the batch as it was sent last: it was never sent, unless an attempt was lost."""

    def mark_taken(self, key: int, number: int, taken: Accepted) -> None:
        """The destination has answered a batch."""

    def close_delta(self, key: int, write: Callable[[Path], SettledMembership]) -> None:
        """Have the next membership written to a path and record it as the one there is; the open delta is done with.

        One of changes only tells what has changed of the whole file that there is, which stays.
        """

    def rewrite(self, key: int, write: Callable[[Path], SettledMembership]) -> None:
        """Have the membership that there is written again, as one whole file. Requires that no delta is open."""

    def drop_files(self, key: int) -> None:
        """Let go of every file of an audience of which nobody knows what it holds. Requires `refill`."""

    def fingerprinted(self, key: int, write: Callable[[Path], FingerprintOrigin]) -> None:
        """Have the settled membership written to a path as a whole file, the same but for its fingerprints; `write`
        gives what they were made with. Requires that no delta is open."""

    def outbox_fingerprints(self, key: int, origin: FingerprintOrigin) -> None:
        """Those in the outbox were made with this; where it is not recorded, they are not used. It may wait for the
        next method that is durable."""

    def drop_fingerprints(self, key: int) -> None:
        """Those of the audience's files are not to be used any more."""

    # -- suppressions --------------------------------------------------------------------------------------------

    def suppressions(self) -> tuple[AppliedSuppression, ...]:
        """Every suppression that was applied and not forgotten, in the order of their names."""

    def suppression_files(self, name: str) -> SuppressionFiles | None:
        """Whom it named last; None where it was never evaluated. Checks the files' checksums; raises StateError."""

    def define_suppression(self, name: str, definition: SuppressionDefinition, at: datetime) -> None:
        """The definition is in effect. Any audience may hold people that it names."""

    def remember_suppression(
        self,
        name: str,
        write: Callable[[Path], Mapping[IdentifierType, int]],
        at: datetime,
        write_before: Callable[[Path], object] | None = None,
        fingerprints: FingerprintOrigin | None = None,
    ) -> None:
        """It names whom `write` writes into a new file, and counts, from now on; they were found at a time.

        `fingerprints` says what those in that file were made with.

        Until `suppression_clean`, whom it named when it was last clean is kept as well; where somebody of them is not
        named any more, and so may be in audiences again, `write_before` writes those who are.
        """

    def suppression_evaluated(self, name: str, at: datetime) -> None:
        """It was evaluated and names whom it named before."""

    def suppression_failing(self, name: str, at: datetime) -> None:
        """It cannot take effect; since when is remembered until it is evaluated again."""

    def suppression_clean(self, name: str) -> None:
        """No audience holds anybody whom it named last."""

    def suppression_suspect(self, name: str) -> None:
        """Any audience may hold people whom it names: each must be looked through."""

    def forget_suppression(self, name: str) -> None:
        """It is not in effect any more."""

    def rewrite_suppression(self, name: str, write: Callable[[Path, Path], Mapping[IdentifierType, int]]) -> None:
        """Have each file of whom it named written again: `write` gets the old one and where the new one goes.

        What it gives are the counts of those named last.
        """

    # -- receipts ------------------------------------------------------------------------------------------------

    def receipts(self) -> tuple[Receipt, ...]:
        """Every receipt, in the order in which they were written."""

    def add_receipt(self, run: int, at: datetime, content: Mapping[str, Any]) -> int:
        """Write down what is about to be erased; returns its number. It holds counts, and no identifier."""

    def complete_receipt(self, number: int, content: Mapping[str, Any]) -> None:
        """Write down what came of it."""

    # -- notices -------------------------------------------------------------------------------------------------

    def notices(self) -> tuple[KeptNotice, ...]:
        """What receivers of notices know, and what they are still to be notified of, the oldest first."""

    def change_notices(self, put: Collection[KeptNotice], dropped: Collection[NoticeKey]) -> None:
        """Have these as they are given, and end others."""

    def notices_tried(self, delivered: Collection[NoticeKey], missed: Collection[NoticeKey], at: datetime) -> None:
        """Some were delivered; where that said that something is over, it is. Others were not, and stay to be."""

    # -- runs ----------------------------------------------------------------------------------------------------

    def next_run(self) -> int:
        """The id of the run that begins next; certain while the lock is held."""

    def begin_run(
        self,
        command: str,
        at: datetime,
        origin: RunOrigin = NOT_KNOWN,
        plan_id: str = "",
        cost: RunCost | None = None,
        today: date | None = None,
    ) -> int:
        """Record that a run began, who began it, which plan it follows, what its segments cost and which date templates
        saw; returns its id.

        Past runs that are no longer kept are added up by day and forgotten with it.
        """

    def record(self, run: int, activation: ActivationRun, definition_of: int | str | None = None) -> None:
        """Record how one activation fared.

        Where the run applied a definition, `definition_of` is the key of the audience, or the name of the suppression,
        whose definition that is: it becomes part of the history.
        """

    def record_rest(self, run: int, outcomes: Sequence[ActivationRun], unchanged: Collection[int] = ()) -> None:
        """Record, in one step and once for a run, how those fared to which nothing was sent.

        Of the audiences in `unchanged`, by their keys, only that the run looked at them and that they needed nothing.
        """

    def end_run(self, run: int, at: datetime) -> None:
        """Record that a run ended by itself."""

    def note_day(self, day: date, notes: Mapping[str, Note]) -> None:
        """Write down, of a day in UTC, how activations stand. What is as it was last written down is left out."""

    @property
    def backing(self) -> Backing:
        """How and where it is kept: for looking at the state as a whole, copying it and moving it."""

    def close(self) -> None:
        """Give back the database."""


class Backing(Protocol):
    """Where a state is kept, and what makes a change of it true there: a folder and a bucket are the two there are.

    Every method may raise StateError.
    """

    @property
    def location(self) -> str:
        """Where the state is, as a person would write it."""

    @property
    def folder(self) -> StateFolder:
        """The folder on this machine in which files are read and written: the state itself, or a working copy."""

    @property
    def is_folder(self) -> bool:
        """Whether that folder is the state itself."""

    @property
    def database(self) -> Database:
        """The database in that folder."""

    def reading(self) -> AbstractContextManager[Connection]:
        """One consistent moment of the database, up to date, whose values must make sense."""

    def take(self, entry: JournalEntry) -> Any:
        """Make a change: whole, durable and true when this returns, or not at all. Needs the lock."""

    def keep_salt(self, salt: Salt, at: str) -> bool:
        """Keep a salt in the database, and nowhere else; whether that could be done. Needs the lock."""

    def keep(self, file: StoredFile) -> None:
        """Make a file of the folder durable before a record points to it. Needs the lock."""

    def require(self, file: StoredFile, hint: str) -> None:
        """Have a file in the folder; raise StateError, with the hint, unless its content is what was written."""

    def lock(self, command: str) -> AbstractContextManager[None]:
        """Hold the state for one run, what dead runs left removed; raises Locked when another run holds it."""

    def require_lock(self) -> None:
        """Raise LockLost when this run held the lock and someone else may have it now."""

    def confirm_lock(self, within: float) -> None:
        """Raise LockLost when this run held the lock and, by what is there now, does not hold it any more."""

    def holder(self) -> str:
        """Who holds the lock, in words; empty when nobody does."""

    def unlock(self) -> None:
        """Take the lock from its holder. Raises HeadcountError where only the holder's end opens it."""

    def copy_database(self, target: Path) -> None:
        """Write one consistent moment of the database into a file of its own."""

    def purge(self) -> None:
        """Remove for good, now, every file of people that no record points to, from wherever the state is kept.

        Needs the lock.
        """

    def older_versions(self, holds: Callable[[Path], bool]) -> OlderVersions:
        """The older versions of files of people that a store keeps beside what is there, and that hold somebody, as
        `holds` says of a file, or raises StateError. Needs the lock.
        """

    def accept(self) -> None:
        """Take the database that is there for the state, also where another one was used last.

        What was used last stays, under a name that no command reads.
        """

    def moved_to(self) -> str:
        """Where the state went, empty when it is here."""

    def leave(self, location: str) -> None:
        """The state is elsewhere from now on, and this place says so. Needs the lock."""

    def replacing(self, command: str, *, force: bool) -> AbstractContextManager[Callable[[State], None]]:
        """Hold the state in order to make it what another one is; with `force`, also a damaged or a moved one.

        Raises UsageError, at once, for a place whose state is not replaced so.
        """

    def close(self) -> None:
        """Give back the database and what else is open."""
