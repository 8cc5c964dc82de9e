"""Each folder here is a project with something wrong in it, and in `expected.txt` exactly what Headcount says about it.

A new case is a new folder: write its `activations/`, run the test, read what it printed as a user would, and only then
keep it as `expected.txt`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.cli.app import run
from runner.core.errors import InvalidProject

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/expected.txt"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_user_is_told_exactly_what_is_wrong(
    case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(case)
    for name in list(os.environ):
        monkeypatch.delenv(name)  # no case depends on the machine
    assert run(["validate", "--no-sources", "--today", "2026-11-24"]) == InvalidProject.exit_code
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", (case / "expected.txt").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_case_shows_a_secret(case: Path) -> None:
    assert "s3cr3t" not in (case / "expected.txt").read_text(encoding="utf-8")


def test_there_are_many_cases_and_each_is_told_differently() -> None:
    texts = [(case / "expected.txt").read_text(encoding="utf-8") for case in CASES]
    assert len(CASES) >= 45
    assert all(text.endswith((" file.\n", " files.\n")) for text in texts)
