"""Limits that stop a change no one can have meant."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from runner.core.findings import Location
from runner.core.membership import Rejected, TypeDelta
from runner.core.project import Guardrails, Limit, Permission
from runner.core.records import Action
from runner.planning.allowances import AllowedRemovals
from runner.planning.guardrails import guard
from runner.planning.plan import PlannedChange
from tests.builders import EMAIL, activation, applied, change, definition, delta, evaluation, measured


def sync(
    before: int, after: int, added: int = 0, removed: int = 0, limits: Guardrails | None = None, **changes: Any
) -> PlannedChange:
    declared = activation(guardrails=limits or Guardrails())
    part = TypeDelta(before, after, added, removed)
    seen = measured(declared, evaluation(people=after), delta(email=part))
    return replace(change(intended=Action.SYNC, measured=seen, activation=declared), **changes)


def blocked_by(made: PlannedChange, **options: Any) -> list[str]:
    return [block.guardrail for block in guard(made, made.measured, **options).blocks]


def test_an_empty_segment_over_a_non_empty_audience_blocks_however_small() -> None:
    assert blocked_by(sync(before=1, after=0, removed=1)) == ["empty_segment"]


def test_an_empty_segment_over_an_empty_audience_passes() -> None:
    assert blocked_by(sync(before=0, after=0)) == []


@pytest.mark.parametrize(("removed", "blocks"), [(300, []), (301, ["max_removed"])])
def test_the_built_in_limit_is_thirty_percent(removed: int, blocks: list[str]) -> None:
    assert blocked_by(sync(before=1000, after=1000 - removed, removed=removed)) == blocks


def test_the_built_in_limit_leaves_small_memberships_alone() -> None:
    assert blocked_by(sync(before=999, after=1, removed=998)) == []


def test_a_declared_limit_counts_for_small_memberships_too() -> None:
    limits = Guardrails(max_removed=Limit(30, percent=True), max_removed_declared=True)
    assert blocked_by(sync(before=10, after=6, removed=4, limits=limits)) == ["max_removed"]


def test_an_absolute_limit_counts_identifiers() -> None:
    limits = Guardrails(max_removed=Limit(5, percent=False), max_removed_declared=True)
    assert blocked_by(sync(before=10_000, after=9_995, removed=5, limits=limits)) == []
    assert blocked_by(sync(before=10_000, after=9_994, removed=6, limits=limits)) == ["max_removed"]


def test_a_limit_that_is_switched_off_lets_all_but_an_empty_segment_pass() -> None:
    limits = Guardrails(max_removed=None, max_removed_declared=True)
    assert blocked_by(sync(before=5000, after=1, removed=4999, limits=limits)) == []
    assert blocked_by(sync(before=5000, after=0, removed=5000, limits=limits)) == ["empty_segment"]


def test_each_identifier_type_is_judged_on_its_own() -> None:
    lost = delta(email=TypeDelta(9000, 9000, 0, 0), mobile_ad_id=TypeDelta(10, 0, 0, 10))
    made = change(intended=Action.SYNC, evaluation=evaluation(9000), delta=lost)
    (block,) = guard(made, made.measured).blocks
    assert block.guardrail == "empty_segment"
    assert "mobile_ad_id" in block.message


def test_a_person_can_let_removals_pass_for_one_run() -> None:
    made = sync(before=5000, after=1, removed=4999)
    assert guard(made, made.measured).blocks[0].allow == "--allow-removals loyal"
    assert blocked_by(made, allow_removals="loyal") == []


def test_allowing_removals_allows_nothing_else() -> None:
    limits = Guardrails(min_members=100, max_added=Limit(10, percent=True))
    made = sync(before=50, after=99, added=49, limits=limits)
    assert blocked_by(made, allow_removals="loyal") == ["min_members", "max_added"]


def test_min_members_counts_people() -> None:
    limits = Guardrails(min_members=100)
    made = sync(before=0, after=500, added=500, limits=limits)
    assert blocked_by(made) == []
    assert blocked_by(replace(made, measured=replace(made.measured, evaluation=evaluation(people=99)))) == [
        "min_members"
    ]


def test_a_share_of_nothing_does_not_stop_the_first_fill() -> None:
    limits = Guardrails(max_added=Limit(10, percent=True))
    assert blocked_by(sync(before=0, after=500, added=500, limits=limits)) == []


class TestRefill:
    def refill(self, after: int, **changes: Any) -> PlannedChange:
        return sync(before=0, after=after, added=after, refill=True, **changes)

    def test_a_size_that_criteo_does_not_tell_blocks(self) -> None:
        assert blocked_by(self.refill(5000), size=None) == ["refill"]

    def test_a_much_smaller_segment_blocks(self) -> None:
        assert blocked_by(self.refill(5000), size=10_000) == ["max_removed"]

    def test_an_empty_segment_blocks(self) -> None:
        assert blocked_by(self.refill(0), size=3) == ["empty_segment"]

    @pytest.mark.parametrize("size", [0, 5000, 7000])
    def test_a_segment_about_as_large_passes(self, size: int) -> None:
        assert blocked_by(self.refill(5000), size=size) == []

    def test_the_membership_we_know_counts_where_we_know_it(self) -> None:
        known = applied(activation(), members={EMAIL: 10_000})
        assert blocked_by(self.refill(5000, applied=known), size=5000) == ["max_removed"]
        assert blocked_by(self.refill(9000, applied=known), size=None) == []


def test_a_protected_audience_is_not_deleted() -> None:
    protected = activation(protect=True)
    made = replace(change(intended=Action.DELETE), activation=None, applied=applied(protected))
    assert blocked_by(made) == ["protect"]
    assert blocked_by(made, allow_removals="loyal") == ["protect"]


class TestAnAudienceThatIsReplaced:
    """It is deleted, so every member goes, however few they are."""

    def replaced(self, held: int = 3, **record: Any) -> PlannedChange:
        loyal = activation()
        parts = delta(email=TypeDelta(0, 5, 5, 0), customer_id=TypeDelta(held, 0, 0, held))
        return change(
            intended=Action.RECREATE,
            audience_id="1",
            applied=applied(loyal, **record),
            evaluation=evaluation(5),
            delta=parts,
        )

    def test_it_is_blocked_until_a_person_allows_it(self) -> None:
        (block,) = guard(self.replaced(), self.replaced().measured).blocks
        assert (block.guardrail, block.allow) == ("re_create", "--allow-removals loyal")
        assert "all 3 customer_id would be removed" in block.message
        assert blocked_by(self.replaced(), allow_removals="loyal") == []

    def test_an_empty_one_has_nothing_to_lose(self) -> None:
        assert blocked_by(self.replaced(held=0)) == []

    def test_a_protected_one_stays_even_when_removals_are_allowed(self) -> None:
        protected = definition(activation(), protect=True)
        assert blocked_by(self.replaced(definition=protected), allow_removals="loyal") == ["protect"]

    @pytest.mark.parametrize(("size", "blocks"), [(0, []), (1, ["re_create"]), (None, ["re_create"])])
    def test_of_unknown_content_the_size_is_asked(self, size: int | None, blocks: list[str]) -> None:
        assert blocked_by(self.replaced(held=0, refill=True), size=size) == blocks

    def test_what_was_last_known_counts_when_the_content_is_not_known_any_more(self) -> None:
        made = self.replaced(held=0, refill=True, members={EMAIL: 9})
        (block,) = guard(made, made.measured).blocks
        assert "all 9 identifiers" in block.message


class TestANewAudience:
    def new(self, people: int = 0, rows: int = 0, rejected: tuple[Rejected, ...] = (), **changes: Any) -> PlannedChange:
        limits = changes.pop("limits", Guardrails())
        declared = activation(guardrails=limits)
        seen = replace(evaluation(people, rejected), rows=rows)
        made = measured(declared, seen, delta(email=TypeDelta(0, people, people, 0)))
        return replace(change(intended=Action.CREATE, measured=made, activation=declared), **changes)

    @pytest.mark.parametrize("intended", [Action.CREATE, Action.RECREATE])
    def test_with_nobody_in_it_is_blocked(self, intended: Action) -> None:
        made = self.new(intended=intended)
        (block,) = guard(made, made.measured, allow_removals="loyal").blocks
        assert (block.guardrail, block.message) == (
            "min_members",
            "the segment yields nobody, so the new audience would be empty",
        )

    def test_whose_every_value_is_rejected_is_blocked_with_the_reason(self) -> None:
        made = self.new(rows=7, rejected=(Rejected(EMAIL, "malformed", 1_200),))
        (block,) = guard(made, made.measured).blocks
        assert "every value of the segment is rejected (1,200 email malformed)" in block.message

    def test_whose_values_are_blank_is_blocked(self) -> None:
        made = self.new(rows=7)
        (block,) = guard(made, made.measured).blocks
        assert "none of the 7 rows of the segment has a value to send" in block.message

    def test_may_begin_empty_where_that_is_said(self) -> None:
        assert blocked_by(self.new(limits=Guardrails(min_members=0))) == []

    def test_with_one_member_passes(self) -> None:
        assert blocked_by(self.new(people=1, rows=1)) == []


class TestAPermission:
    """`guardrails.allow`: so many removed identifiers until a day."""

    HERE = Location("loyal.yaml", 9, 1)

    def judged(self, made: PlannedChange, removals: int, used: int = 0, *, ended: bool = False) -> PlannedChange:
        permission = Permission(removals, date(2026, 12, 5), "campaign ends", self.HERE)
        return guard(made, made.measured, allowance=AllowedRemovals(permission, used, ended))

    @pytest.mark.parametrize(("used", "blocks"), [(0, []), (1, []), (2, ["max_removed"])])
    def test_lets_pass_as_many_as_are_left(self, used: int, blocks: list[str]) -> None:
        made = self.judged(sync(before=5000, after=1, removed=4999), 5000, used)
        assert [block.guardrail for block in made.blocks] == blocks
        assert (made.grant is None) == bool(blocks)

    def test_lets_nothing_pass_once_its_day_is_over(self) -> None:
        made = self.judged(sync(before=5000, after=1, removed=4999), 5000, ended=True)
        assert made.blocks[0].message.endswith("; guardrails.allow ended on 2026-12-05")

    def test_counts_all_types_together(self) -> None:
        lost = delta(email=TypeDelta(9000, 0, 0, 9000), mobile_ad_id=TypeDelta(10, 0, 0, 10))
        made = change(intended=Action.SYNC, evaluation=evaluation(9000), delta=lost)
        assert self.judged(made, 9009).blocks
        assert not self.judged(made, 9010).blocks

    def test_does_not_count_who_was_left_in_doubt_and_is_removed_again(self) -> None:
        part = TypeDelta(before=5000, after=10, added=0, removed=4990, unknown=4000)
        made = change(intended=Action.SYNC, evaluation=evaluation(10), delta=delta(email=part))
        assert not self.judged(made, 990).blocks
        assert self.judged(made, 989).blocks

    def test_is_not_needed_for_whom_suppressions_take_out(self) -> None:
        made = sync(before=5000, after=1, removed=4999)
        permission = AllowedRemovals(Permission(1999, date(2026, 12, 5), "campaign ends", self.HERE), 0, ended=False)
        gone = delta(email=TypeDelta(5000, 2000, 0, 3000))
        assert guard(made, made.measured, allowance=permission, leaving=gone).grant == permission.grant

    def test_says_nothing_of_an_audience_that_is_cleared(self) -> None:
        assert self.judged(sync(before=5000, after=1, removed=4999, refill=True), 5000).blocks

    def test_is_not_needed_where_nothing_is_blocked(self) -> None:
        assert self.judged(sync(before=5000, after=4999, removed=1), 5000).grant is None
