"""What a command ends with that someone interrupted, whatever became of the KeyboardInterrupt."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from runner.cli import app
from runner.core.errors import StateError
from runner.interruption import interrupt


def _swallowing() -> int:
    with suppress(KeyboardInterrupt):
        interrupt()
    return 0


def _query() -> int:
    _swallowing()
    raise RuntimeError("Query interrupted")


def _trigger() -> int:
    _swallowing()
    raise StateError("a function that SQLite called raised something", "")


def _plainly() -> int:
    interrupt()
    return 0


@pytest.mark.parametrize("work", [_swallowing, _query, _trigger, _plainly])
def test_whoever_interrupts_a_command_gets_130_and_no_other_reason(
    work: Callable[[], int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "_command", lambda _: _command(work))
    assert app.run(["status"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_the_next_command_was_not_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_command", lambda _: _command(_swallowing))
    app.run(["status"])
    monkeypatch.setattr(app, "_command", lambda _: _command(lambda: 4))
    assert app.run(["status"]) == 4


def _command(work: Callable[[], int]) -> Callable[..., int]:
    def command(**_: Any) -> int:
        return work()

    return command


def test_every_command_that_reads_a_project_is_about_a_target() -> None:
    from typer.main import get_command

    from runner.cli.app import command_line

    without = []
    pending = [("headcount", get_command(command_line()))]
    while pending:
        name, command = pending.pop()
        pending += [(f"{name} {word}", one) for word, one in getattr(command, "commands", {}).items()]
        options = {option for parameter in command.params for option in parameter.opts}
        if "--dir" in options and "--target" not in options:
            without.append(name)
    assert without == ["headcount init"]
