"""The loop over a made-up world: a clock that moves when it waits, a state that remembers the runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest

from runner.core.errors import DestinationError, HeadcountError, InvalidProject, Locked, StateError
from runner.core.findings import Finding
from runner.core.identifiers import IdentifierType
from runner.core.project import Activation, Project, Schedule
from runner.core.records import ActivationRun, AppliedAudience, Outcome
from runner.core.schedule import is_due
from runner.core.selection import Selection
from runner.planning.plan import Plan
from runner.service.health import HealthBoard, HealthView
from runner.service.loop import Event, Known, Service
from runner.workflows.apply import Applied
from runner.workflows.sync import Skipped, Synced
from tests.builders import HERE, NOON, activation, applied

HOURLY = Schedule(every=3600)
DAILY = Schedule(cron="0 6 * * *")


@dataclass
class World:
    """Implements Site. `planned` is what happens at which time: a deed, whose result ends the wait."""

    activations: list[Activation]
    until: datetime
    clock: datetime = NOON
    good: dict[str, datetime] = field(default_factory=dict)
    audiences: tuple[AppliedAudience, ...] = ()
    planned: list[tuple[datetime, Callable[[], Event | None]]] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    far: set[str] = field(default_factory=set)
    uncounted: str = ""
    invalid: bool = False
    held: bool = False
    state_broken: bool = False
    error: HeadcountError | None = None
    runs: list[tuple[str, datetime]] = field(default_factory=list)
    tried: list[datetime] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    days: list[date] = field(default_factory=list)
    board: HealthBoard = field(default_factory=HealthBoard)
    failures: list[str] = field(default_factory=list)

    def failed(self, error: Exception) -> None:
        self.failures.append(type(error).__name__)

    def valid_again(self, project: Project) -> None:
        self.failures.append("valid again")

    def now(self) -> datetime:
        return self.clock

    def today(self) -> date:
        return self.clock.date()

    def load(self, today: date) -> Project:
        self.days.append(today)
        if self.invalid:
            raise InvalidProject((Finding(HERE, "yaml-syntax", "this is not valid YAML"),))
        return Project("activations", (), (), (), tuple(self.activations))

    def known(self) -> Known:
        if self.state_broken:
            raise StateError("the state cannot be read")
        return Known(dict(self.good), dict.fromkeys(self.good, 3), audiences=self.audiences)

    def drifted(self, project: Project, ids: frozenset[str]) -> frozenset[str]:
        if self.uncounted:
            raise DestinationError(self.uncounted)
        return ids & self.far

    def sync(self, project: Project, today: date, ids: frozenset[str]) -> tuple[Synced, bool]:
        self.tried.append(self.clock)
        if self.held:
            raise Locked("another run holds the state: headcount apply")
        if self.error:
            raise self.error
        began, done, skipped = self.clock, [], []
        self.clock += timedelta(seconds=20)
        for one in project.activations:
            if one.id not in ids or not is_due(one.schedule, self.good.get(one.id), began):
                continue
            if one.id in self.broken:
                done.append(ActivationRun(one.id, "failed", Outcome.FAILED, detail=self.broken[one.id]))
            elif one.id not in self.good:
                skipped.append(Skipped(one.id, "not applied yet"))
            else:
                done.append(ActivationRun(one.id, "sync", Outcome.DONE))
                self.runs.append((one.id, began))
                self.good[one.id] = began
        return Synced(Applied(Plan.of((), began, today), tuple(done), approved=True), tuple(skipped)), False

    def wait(self, seconds: float) -> Event | None:
        then = self.clock + timedelta(seconds=seconds)
        if self.planned and self.planned[0][0] <= then:
            at, deed = self.planned.pop(0)
            self.clock = max(self.clock, at)
            return deed()
        if then >= self.until:
            return Event.STOP
        self.clock = then
        return None

    def log(self, message: str, **fields: object) -> None:
        self.logged.append(message)

    def keep_fresh(self, selection: Selection | None = None, spread: timedelta = timedelta()) -> None:
        chosen = selection or Selection()
        service = Service(self, self.board, lambda outcomes: None, selection=chosen, spread=spread)
        service.load()
        service.run()


def after(**passed: float) -> datetime:
    return NOON + timedelta(**passed)


def hourly(*ids: str) -> list[Activation]:
    return [activation(name, schedule=HOURLY) for name in ids]


def test_each_slot_is_run_once_while_the_days_pass() -> None:
    made = [activation(f"daily-{number}", schedule=DAILY) for number in range(20)]
    world = World(made, after(days=5), good={one.id: NOON for one in made})
    world.keep_fresh(spread=timedelta(minutes=10))
    for one in made:
        began = [at for name, at in world.runs if name == one.id]
        assert [at.date() for at in began] == [(NOON + timedelta(days=day)).date() for day in range(1, 6)]
        assert all(at.hour == 6 and at.minute <= 10 for at in began)
    assert world.days == [(NOON + timedelta(days=day)).date() for day in range(6)]


def test_slots_missed_before_it_started_are_made_up_for_once() -> None:
    world = World(hourly("loyal"), after(minutes=30), good={"loyal": after(days=-3)})
    world.keep_fresh()
    assert world.runs == [("loyal", NOON)]


def test_what_fails_is_tried_again_by_and_by_and_is_told() -> None:
    world = World(hourly("loyal"), after(hours=3), good={"loyal": after(hours=-2)}, broken={"loyal": "no such table"})
    seen = []
    world.planned = [(after(hours=1), lambda: seen.append(world.board.view))]  # type: ignore[list-item,func-returns-value]
    world.keep_fresh()
    assert len(world.tried) == 6
    assert [(reason.code, reason.activation) for reason in seen[0].reasons] == [("failing", ""), ("failed", "loyal")]
    assert seen[0].status == "failing"


def looked_at(world: World, *minutes: int) -> list[HealthView]:
    """How things stand after so many minutes."""
    seen: list[HealthView] = []
    for at in minutes:
        world.planned.append((after(minutes=at), lambda: seen.append(world.board.view)))  # type: ignore[arg-type,return-value]
    world.keep_fresh()
    return seen


def test_a_service_is_failing_when_what_is_due_has_failed_three_times_and_nothing_has_worked_since() -> None:
    world = World(hourly("loyal", "lost"), after(hours=3), good=dict.fromkeys(("loyal", "lost"), after(hours=-2)))
    world.broken = {"loyal": "Criteo gave no answer", "lost": "Criteo gave no answer"}
    seen = looked_at(world, 1, 12, 30)
    assert [view.status for view in seen] == ["degraded", "degraded", "failing"]
    assert seen[2].failing_since == after(seconds=20)
    assert seen[2].reasons[0].message == "nothing that was due since 2026-11-24T12:00:20Z has worked"
    assert len([line for line in world.logged if line.startswith("failing: nothing that was due")]) == 1


def test_a_failing_service_is_well_again_once_something_works() -> None:
    world = World(hourly("loyal"), after(hours=3), good={"loyal": after(hours=-2)}, broken={"loyal": "no answer"})
    world.planned = [(after(minutes=20), world.broken.clear)]
    assert [view.status for view in looked_at(world, 40)] == ["ok"]
    assert "failing: something works again" in world.logged


def test_a_service_is_not_failing_while_something_else_works() -> None:
    world = World(hourly("loyal", "lost"), after(hours=3), good=dict.fromkeys(("loyal", "lost"), after(hours=-2)))
    world.broken = {"lost": "no such table"}
    assert [view.status for view in looked_at(world, 30, 90)] == ["degraded", "degraded"]


def test_a_run_of_someone_else_that_works_makes_a_failing_service_well_again() -> None:
    world = World(hourly("loyal", "lost"), after(hours=3), good=dict.fromkeys(("loyal", "lost"), after(hours=-2)))
    world.broken = {"loyal": "no answer", "lost": "no answer"}
    world.planned = [(after(minutes=20), lambda: world.good.update(loyal=world.clock))]
    assert [view.status for view in looked_at(world, 22)] == ["degraded"]


def test_what_someone_else_has_mended_is_well_again() -> None:
    world = World(
        hourly("loyal"), after(minutes=20), good={"loyal": after(hours=-2)}, broken={"loyal": "no such table"}
    )

    def mend() -> None:
        world.good["loyal"] = world.clock

    world.planned = [(after(minutes=3), mend)]
    world.keep_fresh()
    assert len(world.tried) == 1
    assert world.board.view.reasons == ()


def test_an_invalid_change_is_told_once_and_the_last_valid_files_go_on() -> None:
    world = World(hourly("loyal"), after(hours=3, minutes=10), good={"loyal": NOON})

    def spoil() -> Event:
        world.invalid = True
        return Event.CHANGED

    world.planned = [(after(minutes=5), spoil), (after(minutes=6), spoil)]
    world.keep_fresh()
    assert len(world.runs) == 3
    assert world.board.view.invalid_project
    assert len([line for line in world.logged if line.startswith("invalid-project: activations/a.yaml:1:1")]) == 1


def test_those_who_must_act_are_notified_of_invalid_files_and_that_they_are_valid_again() -> None:
    world = World(hourly("loyal"), after(minutes=10), good={"loyal": after(hours=-1)})

    def spoil() -> Event:
        world.invalid = True
        return Event.CHANGED

    def repair() -> Event:
        world.invalid = False
        return Event.CHANGED

    world.planned = [(after(minutes=5), spoil), (after(minutes=6), repair)]
    world.keep_fresh()
    assert world.failures == ["InvalidProject", "valid again"]


def test_a_changed_file_gives_what_failed_another_try_at_once() -> None:
    world = World(hourly("loyal"), after(minutes=4), good={"loyal": after(hours=-2)}, broken={"loyal": "no such table"})

    def repair() -> Event:
        world.broken.clear()
        world.activations = hourly("loyal", "new")
        return Event.CHANGED

    world.planned = [(after(minutes=2), repair)]
    world.keep_fresh()
    assert world.runs == [("loyal", after(minutes=2))]


def test_a_lock_is_waited_for_and_told_once() -> None:
    world = World(hourly("loyal"), after(minutes=10), good={"loyal": after(hours=-2)}, held=True)

    def let_go() -> None:
        world.held = False

    world.planned = [(after(minutes=2), let_go)]
    world.keep_fresh()
    assert world.runs[0][1] < after(minutes=2, seconds=10)
    assert len([line for line in world.logged if "headcount apply" in line]) == 1
    assert world.board.view.reasons == ()


@pytest.mark.parametrize("error", [StateError("the disk is full"), HeadcountError("out of luck")])
def test_a_run_that_fails_as_a_whole_does_not_end_the_service(error: HeadcountError) -> None:
    world = World(hourly("loyal"), after(hours=1), good={"loyal": after(hours=-2)}, error=error)

    def mend() -> None:
        world.error = None

    world.planned = [(after(minutes=6), mend)]
    world.keep_fresh()
    assert len(world.runs) == 1
    assert len(world.tried) == 3
    assert world.board.view.reasons == ()


def test_a_state_that_cannot_be_read_is_told_and_looked_at_again() -> None:
    world = World(hourly("loyal"), after(minutes=30), good={"loyal": after(hours=-2)}, state_broken=True)
    seen = []

    def mend() -> None:
        seen.append(world.board.view.reasons)
        world.state_broken = False

    world.planned = [(after(minutes=5), mend)]
    world.keep_fresh()
    assert [reason.code for reason in seen[0]] == ["failing", "state"]
    assert len(world.runs) == 1


def test_only_what_is_selected_is_kept_fresh() -> None:
    world = World(hourly("loyal", "lost"), after(minutes=30), good=dict.fromkeys(("loyal", "lost"), after(hours=-2)))
    world.keep_fresh(Selection(("loyal",)))
    assert world.runs == [("loyal", NOON)]


def test_what_was_never_applied_is_skipped_and_told() -> None:
    world = World(hourly("new"), after(minutes=4))
    world.keep_fresh()
    assert world.logged[1:] == ["new skipped: not applied yet", "stopped"]
    assert world.board.view.status == "stopping"


def test_an_orphan_that_keeps_people_is_logged_once_while_that_is_so() -> None:
    world = World(hourly("loyal"), after(hours=5), good={"loyal": NOON})
    world.audiences = (
        applied(activation("lapsed"), members={IdentifierType.EMAIL: 3_436}),
        applied(activation("empty")),
        applied(activation("loyal"), members={IdentifierType.EMAIL: 3}),
    )
    world.keep_fresh()
    (said,) = [line for line in world.logged if "orphaned" in line]
    assert said.startswith("lapsed orphaned: audience ")
    assert "keeps 3,436 email" in said


def test_what_the_destination_counts_is_compared_once_an_hour_and_what_is_far_off_is_a_reason() -> None:
    good = {"loyal": NOON, "lost": NOON}
    world = World([activation("loyal"), activation("lost")], after(hours=4), good=good, uncounted="no answer")
    seen = []

    def at(hours: float, uncounted: str, *far: str) -> None:
        def deed() -> None:
            seen.append([(reason.code, reason.activation) for reason in world.board.view.reasons])
            world.uncounted, world.far = uncounted, set(far)

        world.planned.append((after(hours=hours), deed))  # type: ignore[arg-type]

    at(0.9, "no answer")
    at(1.5, "", "lost")
    at(2.5, "")
    at(3.5, "")
    world.keep_fresh()
    assert seen == [[], [("drift", "")], [("drift", "lost")], []]
    assert sum("headcount sync --rebuild lost" in line for line in world.logged) == 1
