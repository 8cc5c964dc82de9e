"""The steps of erasing people: out of each audience, out of what suppressions remember, out of the files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from runner.core.asked_people import AskedPeople
from runner.core.errors import Interrupted, LockLost, StateError
from runner.core.identifiers import IdentifierType
from runner.core.older_versions import OlderVersions
from runner.core.records import FORGET, ActivationRun, AppliedAudience, Outcome
from runner.planning.suppression_rules import Withdrawal
from runner.quick_dataclass import dataclass, field
from runner.workflows.accounts import Accounts
from runner.workflows.concurrency import Task, run_concurrently
from runner.workflows.context import RunContext
from runner.workflows.failure_messages import as_sentence
from runner.workflows.send import Tally
from runner.workflows.withdraw import withdraw

AT_ONCE = 8
"""Audiences that people are taken out of at a time."""

IN_DOUBT = "not certain yet: a call had no answer, or its answer came late; ask the same again in five minutes"


@dataclass(frozen=True, slots=True)
class ErasedFrom:
    """What became of people in one audience: how many identifiers of theirs the destination was made to remove, by
    type, and how many are `left` in it or in the state's files, with the reason.
    """

    record: AppliedAudience
    removed: Mapping[str, int] = field(default_factory=dict)
    left: int = 0
    error: str = ""

    @property
    def data(self) -> dict[str, Any]:
        """As a receipt has it."""
        return {
            "activation": self.record.activation,
            "destination": self.record.destination,
            "account_id": self.record.account_id,
            "audience_id": self.record.audience_id,
            "removed": dict(self.removed),
            "left": self.left,
            "error": self.error,
        }


class Erasing:
    """One erasure under way. `out_of_audiences` comes first: what an audience may still hold stays in its files."""

    def __init__(self, people: AskedPeople, context: RunContext, accounts: Accounts, run: int) -> None:
        self._people = people
        self._context = context
        self._accounts = accounts
        self._run = run
        self._tallies: dict[int, Tally] = {}
        self._errors: dict[int, str] = {}
        self._left: dict[int, int] = {}

    def out_of_audiences(self, withdrawals: tuple[Withdrawal, ...]) -> bool:
        """Send the removals, through the outbox as any delta; whether somebody asked the run to end meanwhile."""
        for one in withdrawals:
            self._tallies[one.record.record_id] = Tally()
        try:
            run_concurrently(map(self._take_out, withdrawals), AT_ONCE, self._context.stopping)
        except Interrupted:
            return True
        return False

    def _take_out(self, one: Withdrawal) -> Task:
        key = one.record.record_id
        try:
            self._context.state.require_lock()
            if self._context.stopping():
                raise Interrupted("what was erased so far is recorded; the same again goes on from there")
            if one.error:
                self._errors[key] = one.error
            elif one.removed and one.destination is not None:
                yield from withdraw(one, self._accounts.client(one.destination), self._context, self._tallies[key])
        except (Interrupted, LockLost):
            raise
        except Exception as error:  # noqa: BLE001 - one audience's failure, whatever it is, stops no other
            self._errors[key] = as_sentence(error)

    def out_of_suppression(self, name: str, now: Path | None) -> None:
        """Have a suppression remember none of them but those whom it names `now`; all, where that is not known."""
        if now is not None:
            self._context.state.rewrite_suppression(name, partial(self._without, now))

    def _without(self, now: Path, file: Path, path: Path) -> Mapping[IdentifierType, int]:
        self._context.memberships.without_people(file, self._people, path, now)
        return self._context.memberships.counted(path)

    def out_of_files(self) -> OlderVersions:
        """Write every file of an audience again that has more of them than the audience may hold, and remove what no
        record points to; the older versions of these files that hold them.
        """
        for record in self._context.state.audiences():
            key = record.record_id
            try:
                self._left[key] = self._out_of_files_of(record)
            except StateError as error:
                self._left[key] = 0
                self._errors.setdefault(key, f"{error.message}; {error.hint}" if error.hint else error.message)
        backing, memberships = self._context.state.backing, self._context.memberships
        backing.purge()
        return backing.older_versions(lambda file: memberships.mentioned((file,), self._people) > 0)

    def _out_of_files_of(self, record: AppliedAudience) -> int:
        """How many of them an audience may still hold, after its files were written again."""
        state, memberships = self._context.state, self._context.memberships
        key = record.record_id
        if record.refill:
            state.drop_files(key)
            return 0
        held = state.held(key)
        left = sum(found.count for found in memberships.found_members(held, self._people))
        if held.outbox is None and memberships.mentioned(held.files, self._people) > left:
            state.rewrite(key, partial(memberships.settle, held, whole=True))
        if left:
            self._errors.setdefault(key, IN_DOUBT)
        return left

    def results(self) -> tuple[ErasedFrom, ...]:
        """What became of them in each audience, which is recorded where anything did."""
        found = []
        for record in self._context.state.audiences():
            key = record.record_id
            tally, error = self._tallies.get(key, Tally()), self._errors.get(key, "")
            removed = {kind: counts["removed"] for kind, counts in tally.counts.items()}
            if record.audience_id is not None and (removed or error):
                found.append(ErasedFrom(record, removed, self._left.get(key, 0), error))
                self._context.state.record(self._run, self._outcome(record, tally, error))
        return tuple(found)

    def _outcome(self, record: AppliedAudience, tally: Tally, error: str) -> ActivationRun:
        return ActivationRun(
            activation=record.activation,
            action=FORGET,
            outcome=Outcome.FAILED if error else Outcome.DONE,
            removed=tally.removed,
            members=sum(record.members.values()),
            detail=error or "erased because it was asked for",
            counts=tally.counts,
        )
