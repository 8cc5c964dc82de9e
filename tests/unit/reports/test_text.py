"""Plans and runs as people read them."""

from __future__ import annotations

from dataclasses import replace

from runner.applied import ActivationRun, Outcome
from runner.identifiers import IdentifierType
from runner.membership import Rejected, TypeDelta
from runner.plan import Action, Block, FieldChange
from runner.reports.markdown import plan_markdown
from runner.reports.text import plan_text, run_text
from tests.builders import change, delta, evaluation, plan

RENAMED = change(
    "renamed",
    intended=Action.UPDATE,
    audience_id="7",
    reasons=("renamed in Criteo",),
    fields=(FieldChange("name", "By hand", "Renamed", drift=True),),
)
LAPSED = change(
    "lapsed",
    intended=Action.SYNC,
    audience_id="8",
    reasons=("members changed",),
    delta=delta(email=TypeDelta(80_112, 31_020, 0, 49_092)),
    evaluation=evaluation(31_020, (Rejected(IdentifierType.EMAIL, "malformed", 12, ("xxx@xxx",)),)),
    blocks=(Block("max_removed", "49,092 of 80,112 email would be removed", "--allow-removals lapsed"),),
)
DELETED = change("old", intended=Action.DELETE, audience_id="9", reasons=("no longer declared",))
UNCHANGED = change("quiet", intended=Action.UNCHANGED)


def test_a_plan_shows_what_can_hurt_first_and_nothing_that_is_unchanged() -> None:
    text = plan_text(plan(UNCHANGED, RENAMED, LAPSED, DELETED)).plain
    assert text == (
        '- old  delete  "Old" in shop (account 12345, audience 9)  (no longer declared)\n'
        "\n"
        '! lapsed  blocked  "Lapsed" in shop (account 12345, audience 8)  (members changed)\n'
        "    max_removed: 49,092 of 80,112 email would be removed\n"
        "    -> let it pass once with --allow-removals lapsed\n"
        "    it would sync; nothing is sent until then\n"
        "    email                       80,112 ->      31,020  -49,092\n"
        "    rejected: 12 email (malformed, like xxx@xxx)\n"
        "\n"
        '~ renamed  update  "Renamed" in shop (account 12345, audience 7)  (renamed in Criteo)\n'
        '    name: "By hand" -> "Renamed" (changed by hand in Criteo; set back)\n'
        "\n"
        "Plan: 1 to delete (old), 1 blocked (lapsed), 1 to update, 1 unchanged.\n"
    )


def test_a_plan_with_nothing_to_do_says_so() -> None:
    assert plan_text(plan(UNCHANGED)).plain == "Nothing to do: 1 activation as declared.\n"


def test_a_run_ends_with_its_totals() -> None:
    runs = (
        ActivationRun("a", "sync", Outcome.DONE, added=1_200, removed=3, members=9_000, seconds=2.5, invalid=2),
        ActivationRun("b", "sync", Outcome.FAILED, detail="Criteo could not be reached"),
        ActivationRun("c", "unchanged", Outcome.UNCHANGED),
    )
    assert run_text(runs).plain == (
        "+ a  done  sync  +1,200 -3  9,000 identifiers  2.5 s  Criteo called 2 malformed\n"
        "x b  failed  Criteo could not be reached\n"
        "Run: 1 failed (b), 1 done, 1 unchanged; 1,200 identifiers added, 3 removed.\n"
    )


def test_markdown_warns_before_it_lists() -> None:
    text = plan_markdown(plan(LAPSED, DELETED, RENAMED))
    assert text.startswith("<!-- headcount:plan -->\n")
    assert text.index("[!CAUTION]") < text.index("| Activation |")
    assert '> - `old`: audience "Old" will be **deleted**' in text
    assert "email 80,112 → 31,020 (+0 −49,092)" in text


def test_markdown_keeps_names_from_breaking_out() -> None:
    evil = replace(change("x", intended=Action.CREATE), name="a|b<img src=x>\n# @team [x](y)")
    (row,) = [line for line in plan_markdown(plan(evil)).splitlines() if line.startswith("| `+`")]
    assert "a\\|b\\<img src=x\\> \\# @\u200bteam \\[x\\](y)" in row
