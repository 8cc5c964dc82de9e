"""Where everything stands, on one screen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from runner.core.records import LastRun, Latest, Outcome, Setback, with_advice
from runner.reports.status_text import status_text
from runner.workflows.status import ActivationStatus, Condition
from tests.builders import EMAIL, MADID, NOON, activation, applied


def at(**ago: float) -> timedelta:
    return NOON - timedelta(**ago)


def fine(id: str, **changes: object) -> ActivationStatus:
    declared = activation(id)
    held = applied(declared, "270157", members={EMAIL: 12_003, MADID: 804})
    row = ActivationStatus(
        id, Condition.APPLIED, "shop", "12345", id.title(), declared, held,
        Latest(run=LastRun(at(minutes=5), Outcome.DONE, "")), next_due=NOON + timedelta(hours=6),
    )  # fmt: skip
    return replace(row, **changes)  # type: ignore[arg-type]


def wrong(id: str, outcome: Outcome, detail: str, hours: int) -> ActivationStatus:
    last = LastRun(at(minutes=5), outcome, detail)
    return fine(id, latest=Latest(run=last), setback=Setback(at(hours=hours), outcome, at(hours=hours)))


def shown(*rows: ActivationStatus, everything: bool = False) -> str:
    return status_text(rows, (), NOON, everything=everything).plain


NO_FILE = with_advice("there is no file data/people.csv", "bring it back")


def test_what_is_fine_is_one_line() -> None:
    assert shown(fine("loyal"), fine("new", next_due=NOON + timedelta(hours=2))) == (
        "All is fine: 2 audiences, 25,614 identifiers;  last run 5 min ago;"
        "  next due: new in 2 h.  (--all shows each)\n"
    )


def test_what_is_broken_comes_first_with_since_when_why_and_what_to_do() -> None:
    blocked = wrong("coupons", Outcome.BLOCKED, with_advice("too many", "let it pass"), 3)
    rows = (fine("a"), blocked, wrong("b", Outcome.FAILED, NO_FILE, 26), wrong("loyal", Outcome.FAILED, NO_FILE, 2))
    assert shown(*rows) == (
        "x b        failed since 2026-11-23 10:00 UTC (1 d ago)\n"
        "x loyal    failed since 2026-11-24 10:00 UTC (2 h ago)\n"
        "    there is no file data/people.csv\n"
        "    -> bring it back\n"
        "    -> then `headcount sync` tries again\n"
        "! coupons  blocked since 2026-11-24 09:00 UTC (3 h ago)\n"
        "    too many\n"
        "    -> let it pass\n"
        "\n"
        "1 audience is fine, 12,807 identifiers;  last run 5 min ago;"
        "  next due: a in 6 h.  (--all shows each)\n"
    )


def test_all_shows_a_line_for_each_that_is_fine_in_columns() -> None:
    rows = (wrong("b", Outcome.FAILED, NO_FILE, 26), fine("loyal"), fine("a", next_due=None))
    assert shown(*rows, everything=True).splitlines()[4:] == [
        "= loyal  done 5 min ago  due in 6 h  12,003 email, 804 mobile_ad_id",
        "= a      done 5 min ago  manual      12,003 email, 804 mobile_ad_id",
    ]


def test_what_is_well_again_says_so_for_a_day() -> None:
    def row(hours: float) -> ActivationStatus:
        return fine("loyal", setback=Setback(at(hours=30), Outcome.FAILED, at(hours=30), at(hours=hours)))

    assert shown(row(2)).startswith(
        "= loyal  recovered 2026-11-24 10:00 UTC (2 h ago); it had gone wrong since 2026-11-23 06:00 UTC\n"
    )
    assert shown(row(25)).startswith("All is fine: 1 audience")


def test_what_was_never_applied_or_differs_from_it_is_named() -> None:
    rows = (fine("a", condition=Condition.CHANGED), fine("b", condition=Condition.NOT_APPLIED, applied=None))
    assert shown(*rows) == (
        "? a  the files differ from what was applied\n"
        "? b  not applied yet\n"
        "    -> `headcount plan` shows what `headcount apply` would change\n"
    )


def test_no_activation_is_said() -> None:
    assert shown() == "No activation.\n"


def test_no_reason_drives_the_terminal_or_begins_a_line() -> None:
    text = shown(wrong("a", Outcome.FAILED, with_advice("\x1b[2J\n= b  fine", "\x9b\nc"), 1))
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert len(text.splitlines()) == 4
