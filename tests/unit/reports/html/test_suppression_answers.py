"""What a suppression's page answers agrees with how it stands, and says what is wrong where something is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from runner.core.identifiers import IdentifierType
from runner.core.records import AccountRef, Latest
from runner.core.suppression import AppliedSuppression, SuppressionDefinition
from runner.planning.suppression_rules import Standing
from runner.reports.html.pages import suppression_names
from runner.reports.html.suppression_answers import suppression_answers
from runner.workflows.look_back import SuppressionView
from runner.workflows.status import SuppressionStatus

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
CRITEO = AccountRef("criteo", "12345")
DEFINITION = SuppressionDefinition("m", "", {"email": "email"}, accounts=(CRITEO,), reason="withdrew consent")
APPLIED = AppliedSuppression(
    "no-consent",
    DEFINITION,
    NOW - timedelta(days=3),
    {IdentifierType.EMAIL: 1_200},
    evaluated_at=NOW - timedelta(hours=2),
    is_clean=True,
)


def answered(applied: AppliedSuppression | None, standing: Standing = Standing.APPLIED) -> dict[str, tuple[str, bool]]:
    """The short answer to each question, and whether it is a bad one; no file declares the suppression."""
    status = SuppressionStatus("no-consent", standing, "withdrew consent", applied, Latest(), None)
    view = SuppressionView(status, audiences=(0, 1))
    return {one.question: (one.short, one.is_bad) for one in suppression_answers(view, NOW)}


def test_one_that_is_well_is_answered_in_words() -> None:
    assert answered(APPLIED) == {
        "How many does it name?": ("1,200 identifiers", False),
        "Is it in effect?": ("Yes", False),
        "Is it up to date?": ("Looked at 2 h ago", False),
        "Why are people in it?": ("withdrew consent", False),
        "Where does it apply?": ("In 2 audiences", False),
    }


def test_one_that_fails_is_not_up_to_date_and_not_in_effect_as_it_should_be() -> None:
    found = answered(replace(APPLIED, failing_since=NOW - timedelta(hours=1)))
    assert found["Is it in effect?"] == ("As it was found last", True)
    assert found["Is it up to date?"] == ("Looked at 2 h ago", True)


def test_one_that_some_have_still_to_leave_for_is_not_done() -> None:
    assert answered(replace(APPLIED, is_clean=False))["Is it in effect?"] == ("Yes, and some have still to leave", True)


def test_one_that_the_files_say_otherwise_is_in_effect_as_it_was_applied() -> None:
    for standing in (Standing.CHANGED, Standing.UNDECLARED):
        assert answered(APPLIED, standing)["Is it in effect?"] == ("As it was applied, not as the files say", True)


def test_one_that_was_never_applied_is_in_no_effect_and_its_size_is_not_known() -> None:
    found = answered(None, Standing.NEW)
    assert found["How many does it name?"] == ("Not known yet", False)
    assert found["Is it in effect?"] == ("Not yet", True)
    assert found["Is it up to date?"] == ("It was never looked at", True)


def test_pages_of_suppressions_have_plain_names_each_of_its_own() -> None:
    names = ("no-consent", "no consent", "../no-consent", "No-Consent")
    statuses = [SuppressionStatus(one, Standing.NEW, "", None, Latest(), None) for one in names]
    found = suppression_names(statuses)
    assert found[0] == "suppressions/no-consent.html"
    assert len({one.casefold() for one in found}) == len(names)
    assert all(one.count("/") == 1 and " " not in one for one in found)
