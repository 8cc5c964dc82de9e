"""Annotations: one command a line, nothing in it that could begin another."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from runner.core.findings import Finding, Location
from runner.core.records import Action
from runner.planning.blocks import Block
from runner.reports.github_annotations import findings_annotations, plan_annotations
from tests.builders import activation, change, plan


def same(file: str) -> str:
    return file


def finding(message: str = "wrong", file: str = "activations/a.yaml", hint: str = "") -> Finding:
    return Finding(Location(file, 3, 5), "unknown-key", message, hint, "  names: x", 5)


def test_a_finding_is_put_on_its_line_and_columns() -> None:
    assert findings_annotations((finding('"names" is not a key', hint="write name"),), same) == (
        "::error file=activations/a.yaml,line=3,col=5,endColumn=10,title=unknown-key::"
        '"names" is not a key. write name\n'
    )


def test_a_folder_as_a_whole_is_put_on_a_first_line_since_github_wants_one() -> None:
    folder = Finding(Location("activations", 0, 0), "no-folder", "there is no such folder")
    assert "file=activations,line=1,col=1," in findings_annotations((folder,), same)


def test_what_would_end_a_property_or_the_command_is_escaped() -> None:
    text = findings_annotations((finding("50%\r\n::error::x", file="a,b:c%.yaml"),), same)
    assert "file=a%2Cb%3Ac%25.yaml,line" in text
    assert text.endswith(r"::50%25%0A\x3a:error::x" + "\n")


@given(st.text(), st.text())
def test_no_text_adds_a_line_or_a_property(message: str, file: str) -> None:
    text = findings_annotations((finding(message, file),), same)
    assert text.count("\n") == 1
    assert len(text.splitlines()) == 1
    assert re.match(r"::error file=[^,:]*,line=3,col=5,endColumn=10,title=unknown-key::", text)


def test_what_github_would_not_show_is_counted() -> None:
    lines = findings_annotations([finding(str(number)) for number in range(13)], same).splitlines()
    assert [line[:7] for line in lines] == ["::error"] * 10 + ["::notic"]
    assert lines[-1].endswith("::3 more of 13 are in the log")


def test_a_plan_marks_what_is_blocked_failed_or_in_conflict() -> None:
    blocked = change("b", intended=Action.SYNC, activation=activation("b"), blocks=(Block("max_removed", "too many"),))
    failed = change("f", intended=Action.FAILED, activation=activation("f"), error="no table", hint="write shop.people")
    fine = change("x", intended=Action.CREATE, activation=activation("x"))
    gone = change("o", intended=Action.FAILED, activation=None, error="not declared any more, so nowhere")
    titles = re.findall(r"title=(.*?)::(.*)", plan_annotations(plan(fine, failed, blocked, gone), same))
    assert titles == [("b is blocked", "too many"), ("f%3A failed", "no table. write shop.people")]
