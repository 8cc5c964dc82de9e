"""All the fakes together: a project, a state, a destination and people, for the tests of workflows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from runner.core.destination import Destination
from runner.core.identifiers import IdentifierType
from runner.core.project import Activation, Guardrails, Project
from runner.core.records import ActivationRun, AppliedAudience
from runner.core.selection import EVERYTHING, Selection
from runner.planning.plan import Plan, PlannedChange
from runner.planning.staleness import ReviewedPlan
from runner.workflows.accounts import Accounts
from runner.workflows.apply import Applied, apply
from runner.workflows.context import Progress, RunContext
from runner.workflows.make_plan import make_plan
from runner.workflows.plan_request import PlanRequest
from runner.workflows.status import ActivationStatus, activation_statuses
from runner.workflows.sync import Synced, sync
from tests.builders import EMAIL, NOON, SANDBOX, activation
from tests.builders import destination as declared_destination
from tests.fakes.destination import FakeDestination
from tests.fakes.engine import FakeEvaluator, FakeMemberships
from tests.fakes.state import FakeState

SHOP = declared_destination(credentials=SANDBOX)


class Notes(Progress):
    """Keeps the lines that a workflow finds worth one."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@dataclass
class World:
    """`declared` is what the files say; what every command would look at can be changed between two of them."""

    folder: Path
    declared: tuple[Activation, ...] = ()
    destinations: tuple[Destination, ...] = (SHOP,)
    clients: dict[str, FakeDestination] = field(default_factory=dict)
    now: datetime = NOON
    stopping: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        self.state = FakeState(self.folder)
        self.evaluator = FakeEvaluator(self.folder)
        self.memberships = FakeMemberships(self.folder)
        self.client = self.clients.setdefault("shop", FakeDestination())
        self.progress = Notes()

    def declare(self, id: str = "loyal", *emails: str, **changes: Any) -> Activation:
        """Declare an activation, or declare it again, with so many people in its segment; nobody is allowed too."""
        made = activation(id, **{"destination": SHOP, "guardrails": Guardrails(min_members=0), **changes})
        others = (one for one in self.declared if one.id != id)
        self.declared = tuple(sorted((*others, made), key=lambda one: one.id))
        self.people(id, *emails)
        return made

    def people(self, id: str, *emails: str, kind: IdentifierType = EMAIL) -> None:
        self.evaluator.people.setdefault(id, {})[kind] = set(emails)

    def members(self, id: str = "loyal") -> set[str]:
        """Who is in the audience of an activation, as the destination holds it."""
        record = self.record(id)
        assert record.audience_id is not None
        return {one for _, one in self.client.members[record.audience_id]}

    def record(self, id: str = "loyal") -> AppliedAudience:
        """The only record of an activation."""
        [found] = [one for one in self.state.audiences() if one.activation == id]
        return found

    # -- the commands --------------------------------------------------------------------------------------------

    @property
    def project(self) -> Project:
        return Project("activations", (), self.destinations, (), self.declared)

    @property
    def context(self) -> RunContext:
        return RunContext(
            self.state, self.evaluator, self.memberships, lambda: self.now, self.progress, lambda: self.stopping()
        )

    def accounts(self) -> Accounts:
        return Accounts(lambda destination: self.clients[destination.name])

    def plan(self, **options: Any) -> Plan:
        context = replace(self.context, counts_only=True)
        return make_plan(self.project, request(**options), context, self.accounts())

    def apply(
        self, approve: Callable[[Plan], bool] = lambda _: True, reviewed: ReviewedPlan | str = "", **options: Any
    ) -> Applied:
        return apply(self.project, request(**options), self.context, self.accounts(), approve, reviewed)

    def sync(self, *rebuild: str, due: bool = False, **options: Any) -> Synced:
        return sync(self.project, request(**options), self.context, self.accounts(), frozenset(rebuild), due=due)

    def status(self, select: Selection = EVERYTHING) -> tuple[ActivationStatus, ...]:
        return activation_statuses(self.project, self.state, self.now, select)


def request(**options: Any) -> PlanRequest:
    return PlanRequest(date(2026, 11, 24), **options)


def only_change(plan: Plan) -> PlannedChange:
    [change] = plan.changes
    return change


def only_outcome(applied: Applied) -> ActivationRun:
    [run] = applied.outcomes
    return run
