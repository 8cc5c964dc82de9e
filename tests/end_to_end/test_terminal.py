"""At a real terminal: a question before anything changes, bars while it goes on, colour unless switched off."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress

import pytest

from tests.end_to_end.shop import Shop
from tests.sandbox_client import Sandbox

SUPPRESSION = """
kind: Suppression
name: no-consent
reason: Asked in writing not to be advertised to by anybody, in any of the shops of the country
sql: select email from shop.people where email like 'person-2%'
mapping: {email: email}
"""


def at_terminal(shop: Shop, *arguments: str, answer: str = "", **environment: str) -> tuple[int, str]:
    """Run `headcount` on a pseudo-terminal, type `answer` when it asks, and return exit code and all it showed."""
    ours, theirs = pty.openpty()
    surroundings = {**shop.environment, "TERM": "xterm-256color", "COLUMNS": "100", **environment}
    surroundings.pop("CI", None)
    if "NO_COLOR" not in environment:
        surroundings.pop("NO_COLOR", None)
    with subprocess.Popen(
        [sys.executable, "-m", "runner", *arguments],
        cwd=shop.folder, env=surroundings, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the terminal is gone when the process is
            while piece := os.read(ours, 65536):
                shown += piece
                if answer and b"Apply this plan?" in shown:
                    os.write(ours, answer.encode())
                    answer = ""
        os.close(ours)
        code = process.wait()
    text = shown.decode()
    shop.outputs.append(text)
    return code, text


def test_apply_asks_and_a_no_changes_nothing(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation()
    code, text = at_terminal(shop, "apply", answer="n\n")
    assert code == 1
    assert text.index("Plan: 1 to create.") < text.index("Apply this plan?") < text.index("Not applied.")
    assert sandbox.segments() == ()


def test_apply_asks_and_a_yes_does_it(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation()
    code, text = at_terminal(shop, "apply", answer="y\n")
    assert code == 0, text
    assert sandbox.segment("Loyal").identifiers == {"email": 3}


def test_nothing_to_do_asks_nothing(shop: Shop) -> None:
    shop.activation()
    shop.apply()
    code, text = at_terminal(shop, "apply")
    assert code == 0
    assert "Apply this plan?" not in text


def test_segments_are_evaluated_under_a_bar(shop: Shop) -> None:
    shop.activation()
    _, text = at_terminal(shop, "plan")
    assert "Evaluating segments" in text
    assert "evaluated 1 of" not in text


@pytest.mark.parametrize(
    ("environment", "option", "coloured"), [({}, [], True), ({"NO_COLOR": "1"}, [], False), ({}, ["--no-color"], False)]
)
def test_colour_can_be_switched_off(shop: Shop, environment: dict[str, str], option: list[str], coloured: bool) -> None:
    shop.activation()
    _, text = at_terminal(shop, "plan", *option, **environment)
    assert ("\x1b[32m" in text) is coloured


RED = "\x1b[1;31m"


@pytest.mark.parametrize(
    ("environment", "option", "coloured"),
    [
        ({}, [], True),
        ({"NO_COLOR": "1"}, [], False),
        ({"TERM": "dumb"}, [], False),
        ({}, ["--no-color"], False),
    ],
)
def test_an_error_is_red_at_a_terminal(
    shop: Shop, environment: dict[str, str], option: list[str], coloured: bool
) -> None:
    shop.activation()
    shop.write("activations/broken.yaml", "kind: Activation\nidd: x\n")
    finding, failure = (f"{RED}{word}" if coloured else word for word in ("error[", "error: there is no activation"))
    assert f"activations/broken.yaml:2:1: {finding}" in at_terminal(shop, "plan", *option, **environment)[1]
    shop.remove("activations/broken.yaml")
    code, text = at_terminal(shop, "history", "nosuch", *option, **environment)
    assert code == 64
    assert failure in text
    assert (RED in text) is coloured


def test_a_mistake_in_the_command_line_is_red_as_well(shop: Shop) -> None:
    code, text = at_terminal(shop, "plan", "--no-such-option")
    assert code == 64
    assert f"{RED}Error: No such option" in text
    assert "\x1b" not in shop.run("plan", "--no-such-option", code=64, NO_COLOR="").err


@pytest.mark.parametrize("columns", ["80", "100"])
def test_headings_and_ids_of_the_ad_accounts_stay_whole_in_a_narrow_terminal(shop: Shop, columns: str) -> None:
    name = "criteo-of-the-shop-that-sells-everything-that-anybody-could-ask-for-in-france"
    shop.activation()
    text = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    shop.write("activations/shop.yaml", text.replace("name: criteo\n", f"name: {name}\n"))
    code, shown = at_terminal(shop, "accounts", "--no-color", COLUMNS=columns)
    assert code == 0
    table = re.sub("\x1b\\[[0-9;]*m", "", shown)
    table = table[table.index("Credentials") :]
    words = table.split()
    assert words[:4] == ["Credentials", "of", "Account", "Name"]
    assert words.count(name) == 2
    assert {"12345", "67890"} < set(words)
    assert max(map(len, table.splitlines())) <= int(columns)


@pytest.mark.parametrize("group", [[], ["state"]])
def test_the_list_of_commands_is_not_cut_at_80_columns(shop: Shop, group: list[str]) -> None:
    _, shown = at_terminal(shop, *group, "--help", COLUMNS="80")
    commands = shown[shown.index("Commands:") :].splitlines()[1:]
    assert len(commands) >= 5
    assert [line for line in commands if "..." in line or not line.startswith("  ") or len(line) > 80] == []


READ_BY_PEOPLE = (
    ["plan"],
    ["apply", "--yes"],
    ["sync"],
    ["status"],
    ["status", "--details"],
    ["history"],
    ["history", "--run", "1"],
    ["schedule"],
    ["doctor"],
    ["show", "loyal-shoppers"],
    ["preview", "loyal-shoppers"],
    ["why", "person-1@shop.example"],
    ["why", "not-a-person"],
    ["validate"],
)


@pytest.mark.slow
@pytest.mark.parametrize("columns", [80, 100])
def test_no_word_is_broken_in_a_narrow_terminal(shop: Shop, columns: int) -> None:
    """What failed, what is blocked, what was held out, kept out, and what no file declares any more is told as well."""
    name = "Loyal shoppers of the last ninety days in all the shops of the country"
    shop.activation("loyal-shoppers", name=name, holdout={"share": "50%", "by": "email"})
    shop.activation("gone-away", name="Nobody declares this one any more, because its file was deleted by somebody")
    shop.activation("broken", name="Broken")
    shop.write("activations/no-consent.yaml", SUPPRESSION)
    shop.apply()
    (shop.folder / "activations" / "gone-away.yaml").unlink()
    shop.activation(
        "broken", name="Broken", sql="select a_column_that_is_in_no_table_of_the_shop as email from shop.people"
    )
    shop.activation("lapsed", name="Lapsed", guardrails={"min_members": 1000})
    for command in READ_BY_PEOPLE:
        _, shown = at_terminal(shop, *command, "--no-color", COLUMNS=str(columns))
        lines = re.sub("\x1b\\[[0-9;]*[a-zA-Z]", "", shown).splitlines()
        # A path that is longer than any line, a command to be copied, and a line of a file stay whole.
        wide = [line for line in lines if len(line) > columns and not re.match(r" *(\S+$|->.* --\w|\d* \| )", line)]
        assert wide == [], command
        if command == ["plan"]:
            assert " ".join(" ".join(lines).split()).endswith(" ".join(shop.run("plan", code=1).out.split()))


@pytest.mark.parametrize("sample", [[], ["--no-sample"]])
def test_the_command_that_init_ends_with_stays_whole(shop: Shop, sample: list[str]) -> None:
    folder = "projects of the marketing team/in a folder with a long name/for the spring campaign"
    _, shown = at_terminal(shop, "init", "--dir", folder, *sample, COLUMNS="80")
    command = "headcount validate" if sample else "CRITEO_API_URL=http://127.0.0.1:8787 headcount plan"
    assert shown.splitlines()[-1] == f"  {command} --dir '{folder}'"


def test_sql_is_never_broken_so_that_it_may_be_copied(shop: Shop) -> None:
    comment = f"-- {'Those who said that they want to hear from us, '.ljust(100, '.')}"
    shop.activation(sql=f"{comment}\nselect email, idfa from shop.people where kind <> 'canary'")
    shop.apply()
    for command in (["why", "person-1@shop.example"], ["history", "--run", "1"], ["show", "loyal"]):
        shown = shop.run(*command, FORCE_COLOR="1", TERM="xterm", COLUMNS="80").out
        assert comment in shown, command
        assert max(len(line) for line in shown.splitlines() if comment not in line) <= 80, command
