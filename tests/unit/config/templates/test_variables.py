"""What variables come to, and the types they take."""

from __future__ import annotations

from pathlib import Path

from tests.unit.config.projects import ACTIVATION, DEFAULTS, codes, project


def test_templates_give_numbers_and_booleans_where_those_are_wanted(tmp_path: Path) -> None:
    text = ACTIVATION + "protect: \"{{ var('on') }}\"\nguardrails: {min_members: \"{{ var('n') * 2 }}\"}\n"
    variables = "kind: Project\nvars: {on: true, n: 5}\n"
    found = project(tmp_path, a=text, d=DEFAULTS, p=variables).activations[0]
    assert (found.protect, found.guardrails.min_members) == (True, 10)
    found = project(tmp_path, a=text, d=DEFAULTS, p=variables, var={"on": "false", "n": "7"}).activations[0]
    assert (found.protect, found.guardrails.min_members) == (False, 14)


def test_a_variable_of_the_command_line_must_have_the_declared_type(tmp_path: Path) -> None:
    assert codes(tmp_path, p="kind: Project\nvars: {n: 5}\n", var={"n": "many"}) == ["invalid-variable"]
