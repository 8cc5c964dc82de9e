"""Names that a plan believes will be free."""

from __future__ import annotations

from runner.core.records import AccountRef, Action
from runner.planning.blocks import Block
from runner.planning.name_conflicts import without_taken_names
from runner.planning.plan import FieldChange, PlannedChange
from tests.builders import change

BLOCKED = (Block("max_removed", "too many"),)


def rename(id: str, before: str, after: str, **changes: object) -> PlannedChange:
    fields = (FieldChange("name", before, after, drift=False),)
    return change(id, **{"intended": Action.UPDATE, "fields": fields, "name": after, **changes})


def actions(*changes: PlannedChange) -> dict[str, Action]:
    return {one.id: one.action for one in without_taken_names(changes)}


def test_a_name_that_is_really_given_up_can_be_taken() -> None:
    assert actions(rename("a", "A", "B"), rename("b", "B", "C")) == {"a": Action.UPDATE, "b": Action.UPDATE}


def test_a_blocked_change_keeps_its_name_and_says_so() -> None:
    kept, refused = without_taken_names((rename("b", "B", "C", blocks=BLOCKED), rename("a", "A", "B")))
    assert (kept.action, refused.action) == (Action.BLOCKED, Action.CONFLICT)
    assert refused.error == 'the audience of b is still called "B": its own change is blocked'


def test_one_conflict_leads_to_the_next() -> None:
    made = actions(rename("a", "A", "B"), rename("b", "B", "C"), rename("c", "C", "D", blocks=BLOCKED))
    assert made == {"a": Action.CONFLICT, "b": Action.CONFLICT, "c": Action.BLOCKED}


def test_a_protected_orphan_keeps_its_name() -> None:
    orphan = change("old", intended=Action.DELETE, activation=None, name="New", blocks=BLOCKED)
    assert actions(orphan, change("new", intended=Action.CREATE))["new"] is Action.CONFLICT


def test_in_another_account_the_name_is_free() -> None:
    elsewhere = rename("b", "B", "C", blocks=BLOCKED, account=AccountRef("criteo", "67890"))
    assert actions(elsewhere, rename("a", "A", "B"))["a"] is Action.UPDATE


def test_what_takes_no_name_is_left_alone() -> None:
    assert (
        actions(rename("b", "Loyal", "C", blocks=BLOCKED), change("loyal", intended=Action.SYNC))["loyal"]
        is Action.SYNC
    )
