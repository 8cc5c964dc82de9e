"""The Markdown plan fits where it goes, whatever is in it, and says when it was cut."""

from __future__ import annotations

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.records import Action
from runner.planning.blocks import Block
from runner.planning.plan import FieldChange, PlannedChange
from runner.reports.plan_markdown import LIMIT, MARKER, plan_markdown
from tests.builders import change, plan

AWKWARD = (
    "`a` | b",
    "</details><img src=x>",
    "@team/people",
    "#123 GH-12",
    "[x](http://e.example)",
    "a\n\n# b",
    "é🙂" * 40,
    "--> x",
)
NAMES = st.one_of(st.sampled_from(AWKWARD), st.text(max_size=60))


def awkward(number: int, name: str) -> PlannedChange:
    action = (Action.DELETE, Action.UPDATE, Action.FAILED)[number % 3]
    return change(
        f"a{number}",
        intended=action,
        name=name,
        reasons=(name,),
        audience_id=str(number),
        fields=(FieldChange("name", name, name + "x", drift=False),),
        blocks=(Block("protect", name),) if number % 5 == 0 else (),
        error=name if action is Action.FAILED else "",
    )


def cut_of(text: str) -> bool:
    return bool(json.loads(text.splitlines()[0].removeprefix(MARKER).removesuffix(" -->"))["cut"])


@settings(max_examples=8)
@given(st.lists(NAMES, min_size=1, max_size=40), st.sampled_from([1, 30, 3000]))
def test_however_large_the_plan_whole_lines_fit_in_a_comment(names: list[str], least: int) -> None:
    count = max(least, len(names))
    text = plan_markdown(plan(*(awkward(number, names[number % len(names)]) for number in range(count))))
    assert len(text.encode()) <= LIMIT
    assert cut_of(text) == ("not shown here" in text)
    assert text.count("<details>") == text.count("</details>") <= 1
    assert text.rstrip().endswith("</sub>")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 7 for row in rows)
    assert not re.search(r"@(?=[\w])|(?<![\\&])#\d|(?<!\\)<img", text)


def test_details_go_first_and_dangers_last() -> None:
    made = plan(*(awkward(number, "n" * 200) for number in range(60)))
    whole = plan_markdown(made, 1_000_000)
    cut = plan_markdown(made, len(whole.encode()) - 3_000)
    assert not cut_of(whole)
    assert "details are not shown here" in cut
    assert "dangers are not shown" not in cut
    assert "rows are not shown" not in cut
    least = plan_markdown(made, 6_000)
    assert "> - `a12`: audience" in least
    assert all(f"{part} are not shown here" in least for part in ("dangers", "rows", "details"))


def test_one_text_of_any_length_leaves_room_for_the_others() -> None:
    text = plan_markdown(plan(change("f", intended=Action.FAILED, error="x" * 200_000)))
    assert "…" in text
    assert not cut_of(text)
