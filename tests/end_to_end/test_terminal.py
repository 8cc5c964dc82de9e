"""At a real terminal: a question before anything changes, bars while it goes on, colour unless switched off."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress

import pytest

from tests.end_to_end.shop import Shop
from tests.sandbox_client import Sandbox


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
