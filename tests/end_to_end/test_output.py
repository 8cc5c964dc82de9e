"""Output that goes through: names that would drive a terminal, readers that leave, disks that are full, signals."""

from __future__ import annotations

import io
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from runner.cli.signals import Interrupts
from runner.cli.wiring import OneLine
from runner.core.errors import SegmentError
from runner.sandbox import Advertiser, App, SandboxOptions
from tests.end_to_end.shop import Shop
from tests.sandbox_client import Sandbox, running

EVIL = "Loyal\x1b]0;owned\x07\x1b[2J\x9b2J\u202e"
OBEYED = ("\x1b", "\x07", "\x9b", "\u202e")


def assert_harmless(out: str) -> None:
    assert not [character for character in OBEYED if character in out], repr(out)


def renamed(shop: Shop, sandbox: Sandbox, name: str) -> None:
    """An audience of ours that someone has renamed in Criteo."""
    shop.activation()
    shop.apply()
    (segment,) = sandbox.segments()
    sandbox.change_segment(segment.id, name=name)


@pytest.mark.parametrize("format", ["text", "markdown", "json"])
def test_a_name_set_in_criteo_drives_no_terminal(shop: Shop, sandbox: Sandbox, format: str) -> None:
    renamed(shop, sandbox, EVIL)
    result = shop.run("plan", "--format", format)
    assert_harmless(result.out)
    if format == "json":
        assert result.json["changes"][0]["fields"][0]["before"] == EVIL


def test_a_name_that_is_imported_drives_no_terminal(shop: Shop, sandbox: Sandbox) -> None:
    segment = sandbox.add_segment("12345", EVIL)
    shop.activation()
    assert_harmless(shop.run("import", "loyal", segment.id).out)


def test_an_accounts_name_drives_no_terminal(tmp_path: Path) -> None:
    app = App("sandbox", "sandbox", ("12345",))
    with running(SandboxOptions(advertisers=(Advertiser("12345", EVIL),), apps=(app,))) as sandbox:
        assert_harmless(Shop(tmp_path, sandbox.url).run("accounts").out)


JOB_COMMANDS = ("::error::x", "##[error]x", "##vso[task.complete]x", "##teamcity[x]", "section_start:1:x")


@pytest.mark.parametrize("command", JOB_COMMANDS)
def test_no_word_of_a_file_is_a_command_to_the_service_that_runs_the_job(
    shop: Shop, sandbox: Sandbox, command: str
) -> None:
    shop.activation(name=f"Loyal {command}", description=command)
    shop.run("validate", "--resolved", "loyal")
    for form in ("text", "markdown", "json"):
        shop.run("plan", "--format", form)
    shop.apply()
    shop.run("status")
    sandbox.change_segment(sandbox.segments()[0].id, name=f"{command} by hand")
    shop.run("plan")
    shop.activation(name=f"{command}\n{command}", destination=command, tags=[command])
    shop.write(f"activations/{command.replace('/', '')}.yaml", f"kind: {command}")
    shop.run("validate", code=3)
    shop.run("validate", "--select", command, code=None)
    shop.run("history", "--limit", command, code=64)
    shop.remove(f"activations/{command}.yaml")
    shop.write("activations/more.yaml", f'kind: Source\nname: more\ntype: files\ntables: {{a: "{command}.csv"}}')
    shop.run("validate", code=3)
    for text in shop.outputs:
        assert command not in text


def test_no_word_of_criteos_answer_is_a_command_in_a_log() -> None:
    handler = logging.StreamHandler(out := io.StringIO())
    handler.setFormatter(OneLine("%(message)s"))
    logger = logging.Logger("made up")
    logger.addHandler(handler)
    logger.warning("Criteo refused it: %s; trying again", "a\n::error::b\x1b[2J ##[error]")
    assert out.getvalue() == r"Criteo refused it: a\n\x3a:error::b\x1b[2J \x23#[error]; trying again" + "\n"


@pytest.mark.parametrize("which", ["stdout", "stderr"])
def test_a_reader_that_goes_away_changes_no_exit_code(shop: Shop, sandbox: Sandbox, which: str) -> None:
    shop.activation(guardrails={"min_members": 100})
    shop.activation("other")
    out, err = (subprocess.PIPE if which == name else subprocess.DEVNULL for name in ("stdout", "stderr"))
    with subprocess.Popen(
        [sys.executable, "-m", "runner", "apply", "--yes"],
        cwd=shop.folder, env=shop.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
    ) as process:  # fmt: skip
        getattr(process, which).close()
        setattr(process, which, None)
        assert process.wait(60) == 4
    assert sandbox.segment("Other").identifiers == {"email": 3}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("command", ["validate", "history", "--help"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_result_that_cannot_be_written_is_told(shop: Shop, command: str, unbuffered: str) -> None:
    shop.activation()
    shop.environment["PYTHONUNBUFFERED"] = unbuffered
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "runner", command],
            cwd=shop.folder, env=shop.environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "error: cannot write the result: No space left on device\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_whoever_has_no_place_to_write_to_gets_the_work_done(shop: Shop, sandbox: Sandbox, closed: str) -> None:
    shop.activation(guardrails={"min_members": 100})
    shop.activation("other")
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m runner apply --yes {closed}', sys.executable],
        cwd=shop.folder, env=shop.environment, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert sandbox.segment("Other").identifiers == {"email": 3}


class SlowTerminal(io.RawIOBase):
    """A terminal that a signal reaches while something is written to it."""

    def __init__(self) -> None:
        self.reached = False

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        if not self.reached:
            self.reached = True
            os.kill(os.getpid(), signal.SIGINT)
        return len(bytes(data))  # type: ignore[call-overload]


def test_a_signal_in_the_middle_of_a_progress_line_only_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.TextIOWrapper(io.BufferedWriter(SlowTerminal()), line_buffering=True)
    monkeypatch.setattr(sys, "stderr", terminal)
    with Interrupts() as interrupts:
        interrupts.defer()
        sys.stderr.write("sent 50,000 of 100,000 identifiers\n")
        assert interrupts.asked()


def test_an_interrupt_that_a_segment_makes_an_error_of_ends_the_run(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def swallowed(*_: object, **__: object) -> None:
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        raise SegmentError("the query failed while it ran", "")

    shop.activation("a")
    shop.activation("b")
    monkeypatch.setattr("runner.engine.segments.evaluator.DuckDBSegmentEvaluator.evaluate", swallowed)
    result = shop.run("apply", "--yes", code=130)
    assert "nothing was sent" in result.err
    assert sandbox.segments() == ()


def test_what_an_account_has_wrong_is_told_once(shop: Shop) -> None:
    shop.activation("a")
    shop.activation("b")
    shop.environment["CRITEO_CLIENT_SECRET"] = "wrong"
    out = shop.run("plan", code=1).out
    assert out.count("invalid_client") == 1
    assert "the same as for a" in out


def test_data_tells_of_the_members_that_go_with_a_deleted_audience(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation()
    shop.activation("other")
    shop.apply()
    shop.remove("activations/other.yaml")
    counts = {"identifier_type": "email", "before": 3, "added": 0, "unknown": 0}
    assert shop.plan("--prune")["other"]["members"] == [{**counts, "after": 0, "removed": 3}]
    assert shop.plan()["other"]["members"] == [{**counts, "after": 3, "removed": 0}]


def test_a_missing_file_of_a_source_is_named_as_a_person_would(shop: Shop) -> None:
    shop.activation()
    (shop.folder / "data/people.csv").unlink()
    assert "there is no file data/people.csv" in shop.run("plan", code=1).out
