"""Plans and runs as people read them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.core.findings import Location
from runner.core.identifiers import IdentifierType
from runner.core.membership import Rejected, TypeDelta
from runner.core.project import Setting
from runner.core.records import Action, ActivationRun, Outcome, with_advice
from runner.planning.blocks import Block
from runner.planning.plan import NO_DESTINATION, FieldChange
from runner.planning.staleness import id_of
from runner.reports.plan_markdown import plan_markdown
from runner.reports.plan_text import plan_text, resolved_text
from runner.reports.run_text import outcomes_text, run_text, skipped_text
from runner.workflows.apply import Applied
from runner.workflows.sync import Skipped
from tests.builders import EMAIL, HERE, MADID, NOON, activation, applied, change, delta, evaluation, plan

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
    evaluation=evaluation(31_020, (Rejected(IdentifierType.EMAIL, "malformed", 12),)),
    blocks=(Block("max_removed", "49,092 of 80,112 email would be removed", "--allow-removals lapsed"),),
)
DELETED = change("old", intended=Action.DELETE, audience_id="9", reasons=("no longer declared",))
UNCHANGED = change("quiet", intended=Action.UNCHANGED)


def test_a_plan_shows_what_can_hurt_first_and_nothing_that_is_unchanged() -> None:
    made = plan(UNCHANGED, RENAMED, LAPSED, DELETED)
    text = plan_text(made).plain
    assert text == (
        '- old  delete (no longer declared)  "Old" in shop (account 12345, audience 9)\n'
        "    cannot be undone; ad sets that use the audience lose it\n"
        "\n"
        '! lapsed  blocked (members changed)  "Lapsed" in shop (account 12345, audience 8)\n'
        "    max_removed: 49,092 of 80,112 email would be removed\n"
        "    -> let it pass once with --allow-removals lapsed\n"
        "    it would sync; nothing is sent until then\n"
        "    email                       80,112 ->      31,020  -49,092  12 rejected\n"
        "\n"
        '~ renamed  update (renamed in Criteo)  "Renamed" in shop (account 12345, audience 7)\n'
        '    name: "By hand" -> "Renamed" (changed by hand in Criteo; set back)\n'
        "\n"
        "Rejected: 12 email (malformed).\n"
        f"Plan: 1 to delete (old), 1 blocked (lapsed), 1 to update, 1 unchanged.  id {id_of(made)}\n"
    )


def test_a_plan_with_nothing_to_do_says_so() -> None:
    made = plan(UNCHANGED)
    assert plan_text(made).plain == f"Nothing to do: 1 activation as declared.  id {id_of(made)}\n"


def ran(*runs: ActivationRun) -> Applied:
    return Applied(plan(), runs, approved=True)


def test_a_run_ends_with_its_totals() -> None:
    runs = (
        ActivationRun("a", "sync", Outcome.DONE, added=1_200, removed=3, members=9_000, seconds=2.5, invalid=2),
        ActivationRun("b", "sync", Outcome.FAILED, detail="Criteo could not be reached"),
        ActivationRun("c", "unchanged", Outcome.UNCHANGED),
    )
    assert run_text(ran(*runs), advised=False).plain == (
        "~ a  sync  +1,200  -3  9,000 identifiers  2.5 s  Criteo called 2 malformed\n"
        "x b  failed  Criteo could not be reached\n"
        "Run: 1 failed (b), 1 done, 1 unchanged; 1,200 identifiers added, 3 removed.\n"
    )


def test_markdown_warns_before_it_lists() -> None:
    text = plan_markdown(plan(LAPSED, DELETED, RENAMED))
    assert text.startswith("<!-- headcount:plan {")
    assert text.index("[!CAUTION]") < text.index("| Activation |")
    assert '> - `old`: audience "Old" will be **deleted**' in text
    assert "email 80,112 → 31,020 (+0 −49,092)" in text


def test_markdown_keeps_names_from_breaking_out() -> None:
    evil = replace(change("x", intended=Action.CREATE), name="a|b<img src=x>\n# @team [x](y)")
    (row,) = [line for line in plan_markdown(plan(evil)).splitlines() if line.startswith("| `+`")]
    assert "a\\|b\\<img src=x\\> \\# @\u200bteam \\[x\\](y)" in row


EVIL = 'x"\n\nPlan: 0 to change.\x1b[2J\x9b2J\u202e\u2066\u2028'
"""A name that clears the screen, begins a line of its own and turns the order of what follows."""


def dangerous(text: str) -> list[str]:
    return [character for character in text if not character.isprintable() and character not in "\n\u200b"]


WITH_EVIL = change(
    "x",
    intended=Action.FAILED,
    audience_id=EVIL,
    reasons=(EVIL,),
    fields=(FieldChange("name", EVIL, EVIL, drift=True),),
    error=EVIL,
    hint=EVIL,
    evaluation=evaluation(1, (Rejected(EMAIL, "malformed", 1),)),
    blocks=(Block("max_removed", EVIL, "--allow-removals x"),),
    name=EVIL,
    activation=activation("x", location=Location(f"activations/{EVIL}.yaml", 1, 1)),
)


@pytest.mark.parametrize("shape", [plan_text, plan_markdown])
def test_no_name_drives_the_terminal_or_begins_a_line(shape: object) -> None:
    assert callable(shape)
    text = str(shape(plan(WITH_EVIL, replace(WITH_EVIL, blocks=()))))
    assert dangerous(text) == []
    assert not any(line.startswith("Plan: 0") for line in text.splitlines())


def test_no_error_of_a_run_drives_the_terminal_or_begins_a_line() -> None:
    texts = (
        run_text(ran(ActivationRun("a", "sync", Outcome.FAILED, detail=with_advice(EVIL, EVIL))), advised=False),
        skipped_text((Skipped("a", EVIL),)),
        resolved_text(activation(settings=(Setting("name", EVIL, HERE),))),
    )
    for text in texts:
        assert dangerous(text.plain) == []
        assert "\nPlan: 0" not in text.plain


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("see http://evil.example", "see http:\u200b//evil.example"),
        ("WWW.evil.example", "WWW\u200b.evil.example"),
        ("#12 and GH-3", "\\#\u200b12 and GH\u200b-3"),
        ("&commat;team", "\\&commat;team"),
        ("a $x$ ~~b~~", "a \\$x\\$ \\~\\~b\\~\\~"),
    ],
)
def test_markdown_links_nothing_that_a_name_says(name: str, written: str) -> None:
    assert f"| {written} |" in plan_markdown(plan(replace(change("x", intended=Action.CREATE), name=name)))


def test_markdown_keeps_a_file_name_in_its_cell() -> None:
    there = Location("activations/`| @octocat <img> `.yaml", 3, 1)
    text = plan_markdown(plan(change("x", intended=Action.CREATE, activation=activation("x", location=there))))
    assert "activations/\\`\\| @\u200boctocat \\<img\\> \\`.yaml:3" in text


GONE = applied(activation("old"), "9", members={EMAIL: 480, MADID: 20})


def test_a_delete_shows_how_many_members_go_and_that_it_cannot_be_undone() -> None:
    made = plan(replace(DELETED, activation=None, applied=GONE))
    text = plan_text(made).plain
    assert "    email                          480 ->           0  -480\n" in text
    assert "    mobile_ad_id                    20 ->           0  -20\n" in text
    assert "cannot be undone; ad sets that use the audience lose it" in text
    markdown = plan_markdown(made)
    assert "email 480 → 0 (+0 −480)" in markdown
    assert "cannot be undone" in markdown


def test_an_orphan_shows_its_members_and_the_way_out() -> None:
    made = plan(change("old", intended=Action.ORPHANED, activation=None, applied=GONE))
    text = plan_text(made).plain
    assert "    email                          480 ->         480\n" in text
    assert "-> `--prune` deletes it, or declare it again" in text
    assert "prune\\` deletes it" in plan_markdown(made)


def test_an_orphan_that_cannot_be_deleted_is_not_said_to_be_deleted_by_prune() -> None:
    text = plan_text(
        plan(change("old", intended=Action.ORPHANED, activation=None, applied=GONE, reasons=(NO_DESTINATION,)))
    ).plain
    assert "is an account mistyped?" in text
    assert "`--prune` deletes it" not in text


REMOVALS = Block("max_removed", "too many email", "--allow-removals lapsed")


def test_an_option_that_lets_pass_is_named_once() -> None:
    made = plan(replace(LAPSED, blocks=(REMOVALS, replace(REMOVALS, message="too many mobile_ad_id"))))
    assert plan_text(made).plain.count("--allow-removals lapsed") == 1
    assert plan_markdown(made).count("--allow-removals lapsed") == 1


def test_where_two_guardrails_block_both_ways_out_are_named_in_their_order() -> None:
    limit = Setting("guardrails.min_members", "50", Location("activations/shop.yaml", 9, 5))
    blocked = replace(
        LAPSED,
        blocks=(Block("min_members", "the segment has 9 people, fewer than 50"), REMOVALS),
        activation=activation("lapsed", settings=(limit,)),
    )
    for text in (plan_text(plan(blocked)).plain, plan_markdown(plan(blocked)).replace("\\", "")):
        first = text.index("change min_members in the file (activations/shop.yaml:9), if this is meant")
        assert first < text.index("then let it pass once with --allow-removals lapsed")


@pytest.mark.parametrize("action", [Action.SYNC, Action.UPDATE])
def test_markdown_warns_of_a_refill_whatever_else_changes(action: Action) -> None:
    assert "will be **cleared** and refilled" in plan_markdown(plan(change("x", intended=action, refill=True)))


def test_a_run_marks_what_it_did_as_the_plan_does() -> None:
    runs = (
        ActivationRun("a", "delete", Outcome.DONE),
        ActivationRun("b", "create", Outcome.DONE),
        ActivationRun("c", "update", Outcome.DONE),
    )
    assert [line[:3] for line in run_text(ran(*runs), advised=False).plain.splitlines()[:-1]] == ["- a", "+ b", "~ c"]


def test_an_interruption_is_told_once() -> None:
    run = ActivationRun("a", "sync", Outcome.INTERRUPTED, detail="interrupted; what was sent is recorded")
    assert "x a  interrupted  what was sent is recorded\n" in run_text(ran(run), advised=False).plain


BLOCKED = ActivationRun("a", "blocked", Outcome.BLOCKED, detail=with_advice("too many", "let it pass with --allow"))


def test_what_helps_a_blocked_activation_follows_its_line_unless_the_plan_has_said_so() -> None:
    assert run_text(ran(BLOCKED), advised=False).plain.startswith(
        "! a  blocked  too many\n    -> let it pass with --allow\n"
    )
    assert run_text(ran(BLOCKED), advised=True).plain.startswith("! a  blocked  too many\nRun: ")


def test_what_is_well_again_says_so_once_and_since_when_it_was_not() -> None:
    run = ActivationRun("a", "unchanged", Outcome.UNCHANGED)
    text = run_text(replace(ran(run), recovered={"a": NOON}), advised=False).plain
    assert text.startswith("= a  unchanged  recovered: it had gone wrong since 2026-11-24 12:00 UTC\n")


def test_rejected_values_are_told_of_where_they_are_many_more_or_fewer_than_before() -> None:
    runs = [ActivationRun(name, "sync", Outcome.DONE, rejected=29, seconds=1) for name in ("a", "b")]
    text = run_text(replace(ran(*runs), rejected_before={"a": 27, "b": 4}), advised=False).plain
    assert [line.partition("1.0 s")[2] for line in text.splitlines()[:-1]] == ["", "  29 rejected, 4 before"]


def test_what_made_several_fail_is_said_of_the_first() -> None:
    detail = with_advice("Criteo cannot be reached", "try again later")
    runs = [ActivationRun(name, "sync", Outcome.FAILED, detail=detail) for name in ("a", "b")]
    other = ActivationRun("c", "sync", Outcome.FAILED, detail="the disk is full")
    assert run_text(ran(*runs, other), advised=False).plain == (
        "x a  failed  Criteo cannot be reached\n"
        "    -> try again later\n"
        "x b  failed  the same as for a\n"
        "x c  failed  the disk is full\n"
        "Run: 3 failed (a, b, c).\n"
    )
    assert outcomes_text((*runs, other), {}).plain == (
        "    x a  failed  Criteo cannot be reached\n"
        "    x b  failed  the same as for a\n"
        "    x c  failed  the disk is full\n"
    )
