"""Templates that would run on, or grow, or get out, do not."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.config.templates.render import Scope, SegmentWords, render
from runner.config.templates.template_types import MAX_OUTPUT, TemplateErrors
from runner.core.project import ANY_DAY

SCOPE = Scope("an Activation", date(2026, 11, 24), {"n": 5, "on": True, "text": "a,b"})


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("no template", "no template"),
        ("{{ today }}", "2026-11-24"),
        ("{{ var('n') + 1 }}", "6"),
        ("{{ var('on') }}", "true"),
        ("{{ var('absent', 'x') }}", "x"),
        (
            "{% for part in var('text').split(',') %}'{{ part }}'{% if not loop.last %}, {% endif %}{% endfor %}",
            "'a', 'b'",
        ),
        ("{{ ['a', 'b'] | join('-') }}{{ 'x' ~ 1 }}", "a-bx1"),
        ("{% set day = today.strftime('%Y') %}{{ day }}", "2026"),
        ("{# a comment #}{{ today.year % 100 }}\n", "26\n"),
    ],
)
def test_what_a_template_gives(template: str, expected: str) -> None:
    assert render(template, SCOPE) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'x' * 10**9 }}",
        "{{ 'x' * 1000000000 }}",
        "{{ [0] * 1000000000 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ 'x'.ljust(1000000000) }}",
        "{{ 'x' | center(1000000000) }}",
        "{{ 1.5 | round(1000000000, 'ceil') }}",
        "{{ range(1000000000) | list }}",
        "{% for a in range(999) %}{% for b in range(999) %}{% for c in range(9) %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in range(999) %}{% for b in range(90) %}" + "x" * 99 + "{% endfor %}{% endfor %}",
        "{% set a = 'x' ~ 'y' %}" + "".join("{% set a = a ~ a ~ a ~ a %}" for _ in range(40)),
        "{% set a = 'x' %}" + "{% set a = a + a + a + a %}" * 40,
        "{% set a = 9 %}" + "{% set a = a * a %}" * 40 + "{{ a }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
        "{{ " + "not " * 5_000 + "1 }}",
        "{{ " + "-" * 5_000 + "1 }}",
        "{{ " + "1 + " * 20_000 + "1 }}",
        "{{ 1 }}" * 50_000,
    ],
    ids=lambda template: template[:40],
)
def test_what_would_grow_or_run_on_is_refused(template: str) -> None:
    with pytest.raises(TemplateErrors):
        render(template, SCOPE)


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ '' | attr('__class__') }}",
        "{{ var.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        "{% include 'pyproject.toml' %}",
        "{% import 'x' as x %}",
        "{{ cycler }}{{ lipsum() }}{{ namespace() }}",
        "{{ _budget }}",
        "{{ env('HOME') }}",
        "{{ segment.name }}",
        "{{ undefined_name }}",
    ],
)
def test_what_would_get_out_is_refused(template: str) -> None:
    with pytest.raises(TemplateErrors):
        render(template, SCOPE)


PARTS = st.sampled_from(
    ["{{ ", " }}", "{% ", " %}", "{%- ", "-%}", "{# ", " #}", "var('n')", "var('text')", "var(", "env('HOME')",
     "today", "segment.name", "segment", "range(9)", "range(99999999)", "for a in ", "endfor", "if ", "else", "endif",
     "set a = ", "set ns.a = 1", "macro m(a)", "endmacro", "m(1)", "block b", "endblock", "extends 'x'", "include 'x'",
     "raw", "endraw", "filter upper", "endfilter", "a", "loop.index", "loop", "self", " | ", "join(',')", "upper",
     "list", "map('upper')", "tojson", "format(1)", "replace('a', 'b')", ".strftime('%Y')", ".__class__", "['x']",
     "[", "]", "(", ")", "{", "}", " + ", " * ", " ** ", " ~ ", " // ", " % ", " - ", " is ", " in ", " not ",
     "defined", "1", "0", "10", "999999999", "1e308", "'x'", "'%s'", "none", "true", ".", ",", ":", "\n", "\r",
     "\u2028", "\x00", "\ud800", "é"]
) | st.text(max_size=3)  # fmt: skip
TEMPLATES = st.lists(PARTS, max_size=25).map("".join) | st.text(max_size=60)
PRINTS = st.lists(PARTS, max_size=12).map(lambda parts: "{{ " + "".join(parts) + " }}")
LOOPS = st.lists(PARTS, max_size=12).map(lambda parts: "{% for a in range(9) %}" + "".join(parts) + "{% endfor %}")
SCOPES = st.sampled_from(
    [
        SCOPE,
        Scope("a Project", ANY_DAY, environ={"HOME": "/home/x"}),
        Scope("an Activation", ANY_DAY, {}, segment=SegmentWords("Loyal", "")),
    ]
)


@example("{{ 10 % 0 }}", SCOPE)
@example("{{ '\ud800' }}", SCOPE)
@given(template=TEMPLATES | PRINTS | LOOPS, scope=SCOPES)
def test_any_text_ends_in_a_text_or_in_problems_that_say_where(template: str, scope: Scope) -> None:
    problems = ()
    try:
        assert len(render(template, scope)) <= MAX_OUTPUT
    except TemplateErrors as error:
        problems = error.problems
        assert problems
    for problem in problems:
        assert problem.message
        assert 1 <= problem.line <= len(template.splitlines()) + 1
