"""In which order audiences are deleted, renamed and created."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.records import Action
from runner.planning.plan import FieldChange, PlannedChange
from runner.workflows.context import RunContext
from runner.workflows.reconcile import Delete, Update, carry_out, in_order
from tests.builders import NOON, activation, applied, change


def rename(audience_id: str, before: str, after: str) -> PlannedChange:
    fields = (FieldChange("name", before, after, drift=False),) if before != after else ()
    record = applied(activation(), audience_id)
    made = change(audience_id, intended=Action.UPDATE, audience_id=audience_id, fields=fields, applied=record)
    return replace(made, name=after)


def play(names: dict[str, str], changes: list[PlannedChange]) -> dict[str, str]:
    """Carry out the steps as Criteo would, refusing a name that is taken."""
    for step in in_order(changes):
        assert isinstance(step, Update)
        audience_id = step.audience_id
        others = {name for other, name in names.items() if other != audience_id}
        assert step.name not in others, f"{step.name} is taken"
        names = {**names, audience_id: step.name}
    return names


def test_deletes_come_first_and_creates_last() -> None:
    new = change("new", intended=Action.CREATE)
    old = change("old", intended=Action.DELETE, applied=applied(activation("old")))
    steps = in_order([new, rename("1", "a", "b"), old])
    assert [step.change.action for step in steps] == [Action.DELETE, Action.UPDATE, Action.CREATE]


def test_one_that_is_replaced_is_deleted_with_the_first_and_created_with_the_last() -> None:
    replaced = change("replaced", intended=Action.RECREATE, audience_id="7", applied=applied(activation()))
    gone = change("gone", intended=Action.RECREATE)
    steps = in_order([gone, rename("1", "a", "b"), replaced])
    assert [(step.change.id, isinstance(step, Delete)) for step in steps] == [
        ("replaced", True),
        ("1", False),
        ("gone", False),
        ("replaced", False),
    ]


class Noted:
    """A connection and a state in one, that only notes what it is asked to do."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: self.calls.append((name, *arguments))


@pytest.mark.parametrize(
    ("audience_id", "calls"),
    [("7", [("delete", "7")]), (None, [("created", 1, "7"), ("delete", "7")])],
)
def test_whose_create_was_never_answered_is_known_before_it_is_deleted_to_be_replaced(
    audience_id: str | None, calls: list[tuple[object, ...]]
) -> None:
    """Or its intent, which outlives it, could take it for the audience that is made next."""
    noted: Any = Noted()
    record = applied(activation(), audience_id=audience_id)
    replaced = change("loyal", intended=Action.RECREATE, audience_id="7", applied=record)
    context = RunContext(state=noted, evaluator=noted, memberships=noted, clock=lambda: NOON)
    carry_out(in_order([replaced])[0], noted, context)
    assert noted.calls == calls


def test_a_chain_of_renames_starts_at_its_free_end() -> None:
    assert play({"1": "a", "2": "b"}, [rename("1", "a", "b"), rename("2", "b", "c")]) == {"1": "b", "2": "c"}


def test_a_swap_steps_aside_once() -> None:
    swap = [rename("1", "a", "b"), rename("2", "b", "a")]
    assert play({"1": "a", "2": "b"}, swap) == {"1": "b", "2": "a"}
    assert len(in_order(swap)) == 3


@given(st.integers(1, 7).flatmap(lambda n: st.tuples(st.permutations(range(n)), st.permutations(range(n + 3)))))
def test_any_renaming_ends_as_declared_without_a_name_being_taken_twice(case: tuple[list[int], list[int]]) -> None:
    before, pool = case
    after = pool[: len(before)]
    names = {str(index): f"n{name}" for index, name in enumerate(before)}
    changes = [rename(str(index), f"n{before[index]}", f"n{after[index]}") for index in range(len(before))]
    assert play(names, changes) == {str(index): f"n{after[index]}" for index in range(len(before))}
