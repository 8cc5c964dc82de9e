"""Taking over, by name, every audience whose activation has none: the way back from a lost state.

Looked at first, shown, and only then recorded, one after the other, so that a run that dies is gone on with by another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial

from runner.core.destination import LiveAudience
from runner.core.errors import DestinationError, HeadcountError, Interrupted, UsageError
from runner.core.project import Activation, Project
from runner.core.records import AccountRef
from runner.core.selection import Candidate, Selection
from runner.planning.diff import Comparison
from runner.planning.refill_cost import RefillCost
from runner.quick_dataclass import dataclass, replace
from runner.workflows.accounts import Accounts, require_credentials
from runner.workflows.concurrency import Task, run_concurrently
from runner.workflows.context import RunContext
from runner.workflows.import_audience import Imported, require_amendable, require_free, take_over

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Refused:
    """An activation whose audience cannot be taken over by its name, and why."""

    activation: str
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Takeovers:
    """What taking over by name comes to: the audiences taken, those refused, and what stays as it is.

    `new` are activations of whose name there is no audience, `ours` those that have theirs. `strangers` are contact
    lists of the accounts that have the name of no activation and are not ours: they are left alone.
    """

    taken: tuple[Imported, ...]
    refused: tuple[Refused, ...] = ()
    new: tuple[Activation, ...] = ()
    ours: tuple[Activation, ...] = ()
    strangers: tuple[tuple[AccountRef, LiveAudience], ...] = ()

    @property
    def cost(self) -> RefillCost | None:
        """What the applies to come need for the audiences taken, by their sizes now; None where there is none.

        Of which types their members are nobody can tell: a call for each type that is mapped is counted at least.
        """
        return RefillCost.of((one.activation.destination, _counts(one)) for one in self.taken)


def _counts(one: Imported) -> Iterator[int]:
    yield one.size or 0
    yield from (0 for _ in range(len(one.activation.mapping) - 1))


@dataclass(frozen=True, slots=True)
class ImportedAll:
    """What was found, and what was recorded of it: nothing where nobody approved."""

    found: Takeovers
    recorded: tuple[Imported, ...] = ()
    approved: bool = True


def import_all(
    project: Project,
    select: Selection,
    context: RunContext,
    accounts: Accounts,
    approve: Callable[[Takeovers], bool],
) -> ImportedAll:
    """Take over every selected activation's audience, found by its name. Nothing changes in the destination.

    `approve` is asked where there is something to take over. Raises UsageError, InvalidProject, Locked, Interrupted
    between two audiences; what was recorded until then stays, and the next call goes on.
    """
    with context.state.lock("headcount import"):
        found = _look(project, select, context, accounts)
        if not found.taken:
            return ImportedAll(found)
        if not approve(found):
            return ImportedAll(found, approved=False)
        with take_over(context, accounts) as record:
            recorded: list[Imported] = []
            for one in found.taken:
                if context.stopping():
                    raise Interrupted(f"{len(recorded):,} of {len(found.taken):,} audiences are imported; run it again")
                record(one)
                recorded.append(one)
        return ImportedAll(found, tuple(recorded))


def _look(project: Project, select: Selection, context: RunContext, accounts: Accounts) -> Takeovers:
    select.require_matches([Candidate.of(one) for one in project.activations])
    chosen = [one for one in project.activations if select.means(Candidate.of(one))]
    destinations = {one.destination.name: one.destination for one in chosen}
    require_credentials(destinations.values())
    live, unreadable = accounts.live_of_each(destinations.values())
    refused = [_refused(one, unreadable[one.destination.name]) for one in chosen if one.destination.name in unreadable]
    readable = [one for one in chosen if one.destination.name not in unreadable]
    applied = (*context.state.audiences(), *context.state.given_up())
    comparison = Comparison((), project.activations, applied, live)
    taken, new, ours = [], [], []
    for activation in readable:
        record = comparison.record(activation)
        if record is not None and comparison.locate(record) is not None:
            ours.append(activation)
            continue
        named = [one for one in live[activation.account] if one.name == activation.name]
        if not named:
            new.append(activation)
            continue
        try:
            taken.append(Imported(activation, _only(activation, named, comparison), None))
        except HeadcountError as error:
            refused.append(_refused(activation, error))
    sized = _with_sizes(taken, context, accounts)
    strangers = tuple(_strangers(live, project, comparison))
    return Takeovers(sized, tuple(refused), tuple(new), tuple(ours), strangers)


def _refused(activation: Activation, error: HeadcountError) -> Refused:
    return Refused(activation.id, error.message, error.hint)


def _only(activation: Activation, named: list[LiveAudience], comparison: Comparison) -> LiveAudience:
    """The one audience of that name that can become the activation's. Raises UsageError where there is none."""
    lists = [one for one in named if not one.other_kind]
    if len(lists) > 1:
        ids = ", ".join(one.id for one in lists)
        raise UsageError(
            f'{len(lists)} audiences of the account are called "{activation.name}": {ids}',
            f"take over the one that is meant: `headcount import {activation.id} AUDIENCE_ID`",
        )
    audience = (lists or named)[0]
    require_amendable(activation, audience)
    require_free(activation, audience, comparison)
    return audience


def _with_sizes(taken: list[Imported], context: RunContext, accounts: Accounts) -> tuple[Imported, ...]:
    """The same with what the destination counts of each, several asked for at a time."""
    sizes: dict[str, int | None] = {}

    def ask(one: Imported) -> Task:
        client = accounts.client(one.activation.destination)
        with suppress(DestinationError):  # not knowing it stops nothing
            sizes[one.activation.id] = yield partial(client.size, one.audience.id)

    run_concurrently(map(ask, taken), _AT_ONCE, context.stopping)
    return tuple(replace(one, size=sizes.get(one.activation.id)) for one in taken)


def _strangers(
    live: Mapping[AccountRef, tuple[LiveAudience, ...]], project: Project, comparison: Comparison
) -> Iterator[tuple[AccountRef, LiveAudience]]:
    names = {(one.account, one.name) for one in project.activations}
    for account, audiences in live.items():
        for one in audiences:
            known = one.other_kind or (account, one.name) in names or comparison.owner(account, one) is not None
            if not known:
                yield account, one
