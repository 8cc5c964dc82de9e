"""What all templates of a project may do together."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from runner.config.templates.budget import Budget, ProjectBudget
from runner.config.templates.render import Scope, Templates, render
from runner.config.templates.template_types import MAX_PROBLEMS, TemplateErrors, TemplateTooLarge
from tests.unit.config.projects import DEFAULTS, findings

TODAY = date(2026, 11, 24)


def scope(**budget: int) -> Scope:
    return Scope("an Activation", TODAY, {}, templates=Templates(ProjectBudget(**budget)))


@pytest.mark.parametrize("budget", [{"steps": 1_000}, {"characters": 1_000}, {"nodes": 100}])
def test_templates_that_are_small_each_are_refused_when_they_are_too_many(budget: dict[str, int]) -> None:
    shared = scope(**budget)

    def render_many() -> None:
        for number in range(1_000):
            render("{% for x in range(20) %}" + str(number) + "{{ x }}{% endfor %}", shared)

    with pytest.raises(TemplateErrors) as refused:
        render_many()
    [problem] = refused.value.problems
    assert problem.code == "template-too-large"


def test_a_template_that_is_there_often_is_parsed_once() -> None:
    shared = scope(nodes=10)
    assert [render("{{ today }}", shared) for _ in range(100)] == ["2026-11-24"] * 100


def test_another_day_has_the_whole_budget_again() -> None:
    first = Templates(ProjectBudget(steps=1))
    second = first.another_day()
    assert second.budget.steps > first.budget.steps


def test_what_a_failed_rendering_used_is_gone_too() -> None:
    shared = scope(steps=1_000)
    for _ in range(2):
        with pytest.raises(TemplateErrors):
            render("{% for x in range(900) %}{{ x }}{% endfor %}", shared)
    assert shared.templates.budget.steps < 0


def test_what_is_charged_is_refused_before_it_is_made() -> None:
    with pytest.raises(TemplateTooLarge):
        Budget(characters=10).text(11)
    with pytest.raises(TemplateTooLarge):
        Budget(steps=10).look_through(1_000)


def test_a_thousand_templates_that_fill_what_each_may_end_in_findings(tmp_path: Path) -> None:
    loop = "{% for x in range(900) %}" + "y" * 900 + "{% endfor %}"
    activations = "---\n".join(
        f"kind: Activation\nid: a{number}\nsegment: {{name: A{number}, sql: \"select '{number} {loop}'\"}}\n"
        for number in range(100)
    )
    found = findings(tmp_path, d=DEFAULTS, a=activations)
    assert {finding.code for finding in found} == {"template-too-large"}
    assert "the templates of this project together" in found[-1].message


def test_what_is_reported_of_a_template_is_little_however_much_is_wrong() -> None:
    many = {f"variable_{number}": 1 for number in range(1_000)}
    budget = ProjectBudget(steps=50_000)
    template = "".join(f"{{{{ var('variabel_{number}') }}}}" for number in range(1_000))
    with pytest.raises(TemplateErrors) as refused:
        render(template, Scope("an Activation", TODAY, many, templates=Templates(budget)))
    problems = refused.value.problems
    assert len(problems) == MAX_PROBLEMS
    assert "did you mean" in problems[0].message
    assert "did you mean" not in problems[-1].message


def test_a_name_of_a_hundred_thousand_letters_is_not_repeated() -> None:
    for template in ("{{ 1 | xxx }}", "{{ 1 is xxx }}", "{{ 1.xxx }}", "{{ xxx }}", "{{ var('xxx') }}", "{{ _xxx }}"):
        with pytest.raises(TemplateErrors) as refused:
            render(template.replace("xxx", "x" * 90_000), scope())
        assert all(len(problem.message + problem.hint) < 500 for problem in refused.value.problems)
