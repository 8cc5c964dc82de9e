"""Random projects, whose runs must leave in each audience whom a naive model says: counts and calls with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from runner.core.identifiers import IdentifierType
from runner.sandbox import SandboxOptions
from tests.end_to_end.naive_runs import Identifier, Key, Memory, Outcome, Rules, kept_out, run
from tests.end_to_end.random_projects import Maker, Project, write
from tests.end_to_end.shop import Shop, minutes_pass
from tests.sandbox_client import Sandbox, running

NAMES = {"email": "email", "Email": "email", "madid": "mobile_ad_id"}
"""Types as the sandbox calls them, and as plans do."""

Members = Mapping[Key, frozenset[Identifier]]


class Play:
    """A project that is changed, planned and applied, beside the model of it."""

    def __init__(self, shop: Shop, sandbox: Sandbox, random: Random, patch: pytest.MonkeyPatch) -> None:
        self.shop, self.sandbox, self.random, self.patch = shop, sandbox, random, patch
        self.minutes = 0
        self.maker = Maker(random)
        self.project: Project = self.maker.project()
        self.memory = Memory()

    def play(self, steps: int) -> None:
        self.step("apply")
        for _ in range(steps):
            changes = self.random.choice(("people", "people", "documents", "both", "nothing"))
            if changes in ("people", "both"):
                self.maker.change_people(self.project)
            if changes in ("documents", "both"):
                self.maker.change_documents(self.project)
            if self.random.random() < 0.2:
                self.fail()
            else:
                self.step(self.random.choice(("apply", "apply", "sync", "part")))

    def fail(self) -> None:
        """An apply that some calls fail in, and after it, perhaps of other people, one in which none does."""
        write(self.shop, self.project, self.maker)
        given = ["--allow-removals", "*", *self.allowing({*self.memory.suppressions})]
        self.sandbox.forget_calls()
        fault, skip = self.random.choice(("403", "403", "400", "reject", "drop-after")), self.random.randrange(4)
        self.sandbox.fault(fault, path="contact-list", skip=skip, times=self.random.choice((1, 1, 2, 20)))
        self.shop.apply(*given, code=None)
        self.sandbox.clear_faults()
        self.minutes += 6  # a call without an answer may take effect for five minutes
        minutes_pass(self.patch, self.minutes)
        self.check_nobody_named_was_added()
        if self.random.random() < 0.5:
            self.maker.change_people(self.project)
            write(self.shop, self.project, self.maker)
        rules = Rules(ships=True, removals=True, suppressions=True)
        expected = run(self.memory, self.project.wanted(), self.project.kept(), self.project.tables, rules)
        self.sandbox.forget_calls()
        self.shop.apply("--allow-removals", "*", *self.allowing(set()))
        self.check_nobody_named_was_added()
        held = self.held()
        assert {key: held[key] for key in expected.desired} == expected.desired
        for key, members in held.items():
            assert not members & kept_out(self.project.kept(), self.project.tables, key[1]), key
        self.memory.members = held

    def step(self, command: str) -> None:
        write(self.shop, self.project, self.maker)
        every = self.project.wanted()
        ids = sorted({one.id for one in every})
        select: list[str] = []
        if command == "part":
            ids = self.random.sample(ids, self.random.randint(1, len(ids)))
            select = [word for id_ in ids for word in ("--select", id_)]
        chance = self.random.random
        rules = Rules(command != "sync", removals=chance() < 0.5, suppressions=command != "sync" and chance() < 0.7)
        given = [*select, *(("--allow-removals", "*") if rules.removals else ())]
        before = dict(self.memory.members)
        allowing = self.allowing({*self.memory.suppressions})
        chosen = [one for one in every if one.id in ids]
        expected = run(self.memory, chosen, self.project.kept(), self.project.tables, rules)
        code = 4 if expected.blocked or (rules.ships and expected.waiting) else 0
        self.sandbox.forget_calls()
        if command == "sync":
            self.shop.run("sync", *given, code=code or (7 if expected.left_alone else 0))
        else:
            given += allowing if rules.suppressions else []
            if self.random.random() < 0.4:
                plan = self.shop.run("plan", "--format", "json", *given, code=code).json
                self.check_plan(plan, before, expected)
                assert not [call for call in self.sandbox.calls() if call.operation], "a plan sent something"
            self.shop.apply(*given, code=code)
        self.check_members(expected)
        self.check_calls(before, expected.members)
        if rules.ships and not code and self.random.random() < 0.3:
            again = self.shop.run("plan", "--format", "json", *select).json
            assert {change["action"] for change in again["changes"]} <= {"unchanged", "orphaned"}, again
            assert not again.get("withdrawals"), again

    def allowing(self, applied: set[str]) -> list[str]:
        """The options that let every suppression take effect, or end."""
        known = sorted({one.name for one in self.project.kept()} | applied)
        return [word for name in known for word in ("--allow-suppression", name)]

    # -- what must be so ---------------------------------------------------------------------------------------

    def check_plan(self, plan: Mapping[str, Any], before: Members, expected: Outcome) -> None:
        changes = {(change["id"], change["account_id"]): change for change in plan["changes"]}
        for key, desired in expected.desired.items():
            change = changes[key]
            if key[1] in expected.waiting:
                continue
            numbers = {
                part["identifier_type"]: tuple(part[name] for name in ("before", "after", "added", "removed"))
                for part in change["members"]
                if part["before"] or part["after"]
            }
            assert numbers == moves(before.get(key, frozenset()), desired), (key, change)
            assert (change["action"] == "blocked") == (key in expected.blocked), change
            counts = asdict(expected.counts[key])
            assert {name: change["segment"][name] for name in counts} == counts, (key, change)
        leaving = {
            (each["activation"], each["account_id"]): {kind: gone for kind, gone in each["removed"].items() if gone}
            for each in plan.get("withdrawals", ())
        }
        for key, held in before.items():
            if key[1] not in expected.waiting and (key not in expected.desired or key in expected.blocked):
                gone = {kind: gone for kind, (_, _, _, gone) in moves(held, expected.members[key]).items() if gone}
                assert leaving.get(key, {}) == gone, (key, plan)

    def ids(self) -> dict[str, Key]:
        return {one.id: (one.name, one.advertiser_id or one.account_id or "") for one in self.sandbox.segments()}

    def held(self) -> dict[Key, frozenset[Identifier]]:
        """Who is in each audience."""
        found: dict[Key, frozenset[Identifier]] = {}
        for one, key in self.ids().items():
            kinds = ("Email",) if key[1] == "555" else ("email", "madid")
            members = (
                (IdentifierType(NAMES[kind]), text) for kind in kinds for text in self.sandbox.members(one, kind)
            )
            found[key] = frozenset(members)
        return found

    def check_members(self, expected: Outcome) -> None:
        assert self.held() == expected.members

    def check_nobody_named_was_added(self) -> None:
        ids = self.ids()
        for call in self.sandbox.calls(identifiers=True):
            if call.operation == "add" and call.segment_id is not None and call.identifier_type is not None:
                kind, account = IdentifierType(NAMES[call.identifier_type]), ids[call.segment_id][1]
                sent = {(kind, text) for text in call.identifiers or ()}
                assert not sent & kept_out(self.project.kept(), self.project.tables, account)

    def check_calls(self, before: Members, after: Members) -> None:
        """Only what changes is sent, each once."""
        ids = self.ids()
        sent: Counter[tuple[Key, str, str, str]] = Counter()
        for call in self.sandbox.calls(identifiers=True):
            if call.operation in ("add", "remove"):
                assert call.segment_id is not None
                assert call.identifier_type is not None
                assert call.identifiers is not None
                key, kind = ids[call.segment_id], NAMES[call.identifier_type]
                sent.update((key, call.operation, kind, text) for text in call.identifiers)
        due: Counter[tuple[Key, str, str, str]] = Counter()
        for key, members in after.items():
            held = before.get(key, frozenset())
            due.update((key, "add", str(kind), text) for kind, text in members - held)
            due.update((key, "remove", str(kind), text) for kind, text in held - members)
        assert sent == due


def moves(before: frozenset[Identifier], after: frozenset[Identifier]) -> dict[str, tuple[int, int, int, int]]:
    """Of each type: how many there were, how many there are, how many came and how many went."""
    found = {}
    for kind in IdentifierType:
        old, new = ({one for one in held if one[0] == kind} for held in (before, after))
        if old or new:
            found[str(kind)] = len(old), len(new), len(new - old), len(old - new)
    return found


def play(sandbox: Sandbox, random: Random) -> None:
    """A few runs of a random project, in a folder of its own."""
    sandbox.reset()
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        if random.random() < 0.5:
            for module in ("fingerprinted_pass", "memberships.differences"):
                patch.setattr(f"runner.engine.{module}.LEAST", 1)
        if random.random() < 0.3:
            patch.setattr("runner.engine.memberships.compaction.WHOLE_BELOW", 0)
            patch.setattr("runner.engine.memberships.compaction.LEAST_TIMES", 0.4)
        (Path(folder) / "shop").mkdir()
        Play(Shop(Path(folder) / "shop", sandbox.url), sandbox, random, patch).play(random.randint(3, 6))


@pytest.fixture(scope="module")
def unhurried() -> Iterator[Sandbox]:
    """A sandbox for all examples, in which no clock has to move on for the calls of a minute."""
    with running(SandboxOptions(keep_identifiers=True, rate_limit=0)) as sandbox:
        yield sandbox


# An example that fails takes seconds, and another seed is not a smaller project: nothing is shrunk.
@pytest.mark.slow
@settings(max_examples=12, phases=(Phase.explicit, Phase.generate))
@given(seed=st.integers(0, 2**32))
def test_after_random_runs_audiences_hold_whom_the_model_says(unhurried: Sandbox, seed: int) -> None:
    play(unhurried, Random(seed))
