"""Templates that would run on, or grow, or get out, do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.config.templates.budget import MAX_OUTPUT
from runner.config.templates.render import Scope, SegmentWords, evaluate, render
from runner.config.templates.sql_values import ESCAPING
from runner.config.templates.template_types import TemplateErrors
from runner.core.project import ANY_DAY

SCOPE = Scope("an Activation", date(2026, 11, 24), {
    "n": 5, "on": True, "text": "a,b",
    "each": {"market": "FR", "tags": ["a", "b"], "items": "an item of that name"},
})  # fmt: skip


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
        ("{% if var('text') == 'a,b' %}yes{% else %}no{% endif %}", "yes"),
        ("{% if 1 < var('n') <= 5 != 6 and 'a' in var('text') and 2 not in [1] %}yes{% endif %}", "yes"),
        ("{{ 'old' if today < today else 'new' }}", "new"),
        ("{{ var('each').market }}{{ var('each')['market'] }}", "FRFR"),
        ("{{ var('each').tags[1] }}{{ var('each')['tags'] | join('+') }}", "ba+b"),
        ("{{ var('each').items }}", "an item of that name"),
        ("{% for key in var('each') %}{{ key }};{% endfor %}", "market;tags;items;"),
        ("{{ {'FR': 'EUR'}[var('each').market] }}", "EUR"),
        ("{{ var('each').absent | default('x') }}{{ var('each').absent is defined }}", "xfalse"),
        ("{{ [1, 'a', (2,), true] }}{{ ('a', 'b') }}", "[1, 'a', (2,), True]('a', 'b')"),
        ("{{ 'abc'[1:] }}{{ [1, 2, 3][::-1] | first }}{{ 'abc'[-1] }}", "bc3c"),
        ("{{ 'x' | default('y', boolean=true) }}{{ '' | d('y', true) }}{{ '7' | int(default=1) + 1 }}", "xy8"),
        ("{{ 'a b'.title() }}{{ ' x ' | trim }}{{ 'AbC' | lower }}{{ -3 | abs }}{{ '1.5' | float }}", "A Bxabc31.5"),
        ("{% for a in range(4) if a is even %}{{ loop.index }}{{ a }}{% else %}none{% endfor %}", "1022"),
        ("{% for a, b in [(1, 2), (3, 4)] %}{{ a + b }}{% endfor %}", "37"),
        ("{% set a = 1 %}{% for b in [2] %}{% set a = b %}{{ a }}{% endfor %}{{ a }}", "21"),
        ("{{ today.strftime('%d.%m.%Y, %A') }}{{ today.strftime('%-d/%-m') }}", "24.11.2026, Tuesday24/11"),
        ("{% if none %}{% elif 0 or not 1 %}{% else %}{{ none }}{{ 7 // 2 }}{{ 1 / 2 }}{% endif %}", "None30.5"),
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
        "{{ var('each').items() }}",
        "{{ var('each').keys }}",
        "{{ var('each').__class__ }}",
        "{{ var('each')['__class__'] }}",
        "{{ {}.update({'x': 1}) }}",
        "{{ var }}",
        "{% set var = 1 %}{{ var('n') }}",
        "{{ today.strftime('%s') }}",
        "{{ today.replace(2020) }}",
        "{{ 'x'.encode() }}",
        "{{ range(3).start }}",
        "{{ [1].append(2) }}",
        "{{ loop.cycle(1) }}",
        "{% for x in range(2) recursive %}{{ loop(x) }}{% endfor %}",
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
        Scope("a Project", ANY_DAY),
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


@pytest.mark.parametrize("template", ["{{ [1][1:2, 0] }}", "{{ 'a'[1:2, 3:4] }}"])
def test_several_cuts_at_once_are_refused(template: str) -> None:
    with pytest.raises(TemplateErrors) as caught:
        render(template, SCOPE)
    (problem,) = caught.value.problems
    assert (problem.code, problem.message) == ("template-refused", "templates cannot use [from:to, ...] here; cut once")


@pytest.mark.parametrize(
    ("escape", "name"), [(r"\ud800", "U+D800"), (r"\u202e", "U+202E"), (r"\x1b[31m", "U+001B"), (r"\x00", "U+0000")]
)
def test_a_template_gives_no_character_that_a_file_may_not_hold(escape: str, name: str) -> None:
    with pytest.raises(TemplateErrors) as caught:
        render("first\nsecond {{ 'a" + escape + "' }}", SCOPE)
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.code) == (2, 7, "template-failed")
    assert problem.message == f"the template cannot be filled in: it gives the character {name}, which no text may hold"


FAMILY = Scope("an Activation", date(2026, 11, 24), {"n": 5, "places": ["FR", "O'Hare"]}, each={
    "country": "FR", "name": "O'Hare", "path": "a\\", "limit": 7, "kept": True, "tags": ["a", "b'c"], "none": [],
    "columns": {"email": "mail"},
})  # fmt: skip


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ each.limit }}", 7),
        ("{{ each.kept }}", True),
        ("{{ each.tags }}", ["a", "b'c"]),
        ("{{ each.columns }}", {"email": "mail"}),
        ("{{ var('n') + 1 }}", 6),
        ("{{ [each.limit, (1, today)] }}", [7, [1, "2026-11-24"]]),
        ("{{ none }}", None),
        (" {{ each.limit }}", " 7"),
        ("{{ each.limit }}%", "7%"),
        ("{% if true %}{{ each.limit }}{% endif %}", "7"),
    ],
)
def test_a_single_template_keeps_the_type_of_its_value(template: str, value: object) -> None:
    assert evaluate(template, FAMILY) == value
    assert type(evaluate(template, FAMILY)) is type(value)


def test_a_list_that_shares_its_parts_is_charged_for_each_of_them() -> None:
    scope = Scope("an Activation", date(2026, 11, 24), {"a": _doubled(30)})
    with pytest.raises(TemplateErrors) as raised:
        evaluate("{{ var('a') }}", scope)
    assert raised.value.problems[0].code == "template-too-large"


def _doubled(times: int) -> object:
    part: object = "x"
    for _ in range(times):
        part = [part, part]
    return part


@pytest.mark.parametrize(
    ("template", "dialect", "expected"),
    [
        ("country = {{ each.country | sql }}", "", "country = 'FR'"),
        ("{{ each.name | sql }}", "", "'O''Hare'"),
        ("{{ each.name | sql }}", "postgres", "'O''Hare'"),
        ("{{ each.path | sql }}", "postgres", "'a\\'"),
        *((("{{ each.name | sql }}", dialect, "'O\\'Hare'")) for dialect in sorted(ESCAPING)),
        *((("{{ each.path | sql }}", dialect, "'a\\\\'")) for dialect in sorted(ESCAPING)),
        ("{{ each.tags | sql }}", "", "('a', 'b''c')"),
        ("{{ [1, 2.5, true, none, today] | sql }}", "", "(1, 2.5, true, null, date '2026-11-24')"),
        ("{{ each.limit | sql }} {{ each.kept | sql }}", "", "7 true"),
        ("{{ (each.tags if each.kept else []) | sql }}", "", "('a', 'b''c')"),
        ("{{ \"where a = 'b'\" if each.kept }}", "", "where a = 'b'"),
        ("'{{ each.country }}'", "", "'FR'"),
        ('"{{ each.path }}"', "", '"a\\"'),
    ],
)
def test_values_in_sql(template: str, dialect: str, expected: str) -> None:
    assert render(template, replace(FAMILY, dialect=dialect)) == expected


@pytest.mark.parametrize(
    ("template", "dialect"),
    [
        ("'{{ each.name }}'", ""),
        ("{{ var('places')[1] }}", "postgres"),
        ("{{ each.tags | join(',') }}", ""),
        ("{{ each.tags }}", ""),
        ("{{ (each.name | sql) ~ '' }}", ""),
        ("'{{ each.path }}'", "spark"),
        ("{{ each.name | upper }}", "snowflake"),
        ("{% for tag in each.tags %}{{ tag }}{% endfor %}", ""),
    ],
)
def test_a_text_with_a_quote_is_not_printed_into_sql_as_it_is(template: str, dialect: str) -> None:
    with pytest.raises(TemplateErrors) as raised:
        render(template, replace(FAMILY, dialect=dialect))
    (problem,) = raised.value.problems
    assert problem.code == "quote-in-sql"
    assert "Hare" not in problem.message
    assert render("{{ each.name }}", FAMILY) == "O'Hare"  # no SQL


@pytest.mark.parametrize("template", ["{{ each.none | sql }}", "{{ each.columns | sql }}", "{{ [each.tags] | sql }}"])
def test_what_is_no_literal_and_no_list_of_them_is_not_written_as_sql(template: str) -> None:
    with pytest.raises(TemplateErrors) as raised:
        render(template, replace(FAMILY, dialect=""))
    assert raised.value.problems[0].code == "template-failed"


@pytest.mark.parametrize("template", ["{% set each = 1 %}", "{{ each.__class__ }}", "{{ each | attr('x') }}"])
def test_nothing_but_its_values_is_to_be_had_of_an_entry(template: str) -> None:
    with pytest.raises(TemplateErrors) as raised:
        render(template, FAMILY)
    assert raised.value.problems[0].code == "template-refused"
