"""Standings and past runs as people read them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from runner.core.records import FORGET, ActivationRun, LastRun, Latest, Outcome, Run, Unfinished
from runner.reports.status_and_history import details_text, history_text
from runner.workflows.status import ActivationStatus, Condition
from tests.builders import EMAIL, MADID, NOON, activation, applied

DECLARED = activation()
HELD = applied(DECLARED, "270157", members={EMAIL: 12_003, MADID: 804})
LOYAL = ActivationStatus(
    "loyal", Condition.APPLIED, "shop", "12345", "Loyal", DECLARED, HELD,
    Latest(run=LastRun(NOON - timedelta(minutes=5), Outcome.DONE, "")),
    next_due=NOON + timedelta(hours=6, seconds=-1),
)  # fmt: skip


def failed(detail: str) -> Latest:
    return Latest(run=LastRun(NOON - timedelta(minutes=5), Outcome.FAILED, detail))


def test_a_standing_is_a_record() -> None:
    assert details_text((LOYAL,), NOON).plain == (
        "loyal  applied  audience 270157 in shop (account 12345)\n"
        "    members   12,003 email, 804 mobile_ad_id\n"
        "    last run  2026-11-24 11:55 UTC (5 min ago), done\n"
        "    next due  2026-11-24 17:59 UTC (in 6 h)\n"
    )


def test_a_standing_fits_a_terminal_of_80_columns_and_says_each_thing_on_a_line_of_its_own() -> None:
    held = replace(HELD, refill=True, unfinished=Unfinished(12, 8, 1), unknown={EMAIL: 40}, invalid=2)
    row = replace(LOYAL, applied=held, latest=failed("no answer"), live_size=9)
    lines = details_text((row,), NOON).plain.splitlines()
    assert max(map(len, lines)) <= 80
    assert "    unfinished: 8 of 12 batches taken, 1 in flight" in lines
    assert "    no answer" in lines
    assert "    failed since 2026-11-24 11:55 UTC (5 min ago)" in lines


def test_what_is_due_already_is_due_now() -> None:
    assert "next due  now\n" in details_text((replace(LOYAL, next_due=NOON),), NOON).plain


def test_a_run_is_a_record_with_a_line_per_activation() -> None:
    done = ActivationRun("loyal", "sync", Outcome.DONE, 160, 3, rejected=2, members=480, seconds=2.5)
    failed = ActivationRun("new", "create", Outcome.FAILED, detail="no answer")
    runs = (Run(2, "sync", NOON, NOON, (done, failed)), Run(1, "apply", NOON - timedelta(hours=3), None))
    assert history_text(runs, NOON).plain == (
        "2  sync  2026-11-24 12:00 UTC (now)\n"
        "    ~ loyal  sync  +160  -3  480 identifiers  2.5 s  2 rejected\n"
        "    x new    failed  no answer\n"
        "1  apply  2026-11-24 09:00 UTC (3 h ago)  (did not end)\n"
    )


def test_an_erasure_says_what_it_did_and_nothing_of_what_was_rejected_before() -> None:
    before = ActivationRun("loyal", "sync", Outcome.DONE, 1, 0, rejected=13, members=9, seconds=1)
    erased = ActivationRun("loyal", FORGET, Outcome.DONE, removed=1, members=8)
    gone = ActivationRun("loyal", "delete", Outcome.DONE, removed=8)
    runs = [Run(number, "x", NOON, NOON, (one,)) for number, one in ((3, gone), (2, erased), (1, before))]
    lines = history_text(tuple(runs), NOON).plain.splitlines()
    assert (lines[3], lines[1]) == (
        "    - loyal  erased 1 identifier, 8 left",
        "    - loyal  delete  +0  -8  0 identifiers  0.0 s",
    )


def test_values_that_are_rejected_are_told_of_a_run_where_they_are_not_as_many_as_before() -> None:
    def run(number: int, rejected: int) -> Run:
        done = ActivationRun("loyal", "sync", Outcome.DONE, 1, 0, rejected=rejected, members=9, seconds=1)
        return Run(number, "sync", NOON, NOON, (done,))

    lines = history_text((run(3, 0), run(2, 19), run(1, 19)), NOON).plain.splitlines()
    assert [line.partition("1.0 s")[2] for line in lines[1::2]] == ["  0 rejected, 19 before", "", "  19 rejected"]


def test_no_detail_of_a_past_run_drives_the_terminal() -> None:
    row = replace(LOYAL, latest=failed('"\x1b[2J\nloyal  applied"'), applied=replace(HELD, audience_id="\x9b1"))
    run = Run(1, "sync", NOON, NOON, (ActivationRun("a", "sync", Outcome.FAILED, detail="\x1b[2J\n"),))
    for text in (details_text((row,), NOON).plain, history_text((run,), NOON).plain):
        assert "\x1b" not in text
        assert "\x9b" not in text
        assert "\nloyal  applied" not in text
