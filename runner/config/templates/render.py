"""Jinja2 templates, for people who may not be trusted with more than text.

A template can read variables, the date and little else: what is not on the lists below is refused before it runs, and
whatever grows (loops, text, numbers) is bounded while it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from runner.config.templates.template_types import NAMES, Checked, TemplateErrors, TemplateProblem, Use
from runner.config.yaml.nodes import Value
from runner.core.suggest import quoted_word, suggest

if TYPE_CHECKING:
    from jinja2 import Template

MAX_TEMPLATE = 100_000
"""Characters that a template may have."""

_MARKS = ("{{", "{%", "{#")


@dataclass(frozen=True, slots=True)
class SegmentWords:
    """What `segment` is in a template."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What a template may use. `None` means that it may not; `place` says where it stands, for messages."""

    place: str
    today: date
    variables: Mapping[str, Value] | None = None
    environ: Mapping[str, str] | None = None
    segment: SegmentWords | None = None


def is_template(text: str) -> bool:
    """Whether the text holds anything to fill in."""
    return any(mark in text for mark in _MARKS)


def render(text: str, scope: Scope) -> str:
    """The text with its templates filled in. Raises TemplateErrors with everything that is wrong."""
    if not is_template(text):
        return text
    if len(text) > MAX_TEMPLATE:
        message = f"the template has {len(text):,} characters, more than {MAX_TEMPLATE:,}; split it"
        raise TemplateErrors(TemplateProblem(1, "", "template-too-large", message))
    checked = _checked(text)
    problems = (*checked.problems, *_out_of_scope(checked, scope))
    if problems or checked.template is None:
        raise TemplateErrors(*problems)
    return _filled(checked.template, scope)


@cache
def _checked(text: str) -> Checked:
    from runner.config.templates.jinja_sandbox import check

    return check(text)


def _out_of_scope(checked: Checked, scope: Scope) -> Iterator[TemplateProblem]:
    for use in checked.uses:
        if use.name not in NAMES:
            hint = f"variables are read with var('{use.name}')" if use.name in (scope.variables or {}) else ""
            message = f"unknown name {quoted_word(use.name)}{suggest(use.name, _usable(scope))}"
            yield TemplateProblem(use.line, use.name, "unknown-name", message, hint)
        elif use.name == "env":
            yield from _environment(use, scope)
        elif use.name == "var":
            yield from _variable(use, scope)
        elif use.name == "segment" and scope.segment is None:
            yield TemplateProblem(
                use.line,
                "segment",
                "segment-not-available",
                f"`segment` is not known in {scope.place}; only an activation's name and description may use it",
            )


def _usable(scope: Scope) -> list[str]:
    usable = ["today", "range"]
    usable += ["var"] if scope.variables is not None else []
    usable += ["env"] if scope.environ is not None else []
    return usable + (["segment"] if scope.segment is not None else [])


def _environment(use: Use, scope: Scope) -> Iterator[TemplateProblem]:
    if scope.environ is None:
        yield TemplateProblem(
            use.line,
            "env",
            "env-not-available",
            f"`env` is not available in {scope.place}: it could print a secret into a plan or an audience; use `var`",
            "a Project document may fill a variable from the environment, or use --var",
        )
    elif use.arguments is not None and len(use.arguments) == 1 and not scope.environ.get(str(use.arguments[0])):
        name = str(use.arguments[0])
        yield TemplateProblem(
            use.line,
            name,
            "missing-env",
            f"environment variable {name} is not set; set it, or write env('{name}', 'a default')",
        )


def _variable(use: Use, scope: Scope) -> Iterator[TemplateProblem]:
    if scope.variables is None:
        yield TemplateProblem(
            use.line, "var", "var-not-available", f"`var` is not available in {scope.place}; write the value out"
        )
    elif use.arguments and use.arguments[0] not in scope.variables and len(use.arguments) == 1:
        name = str(use.arguments[0])
        yield TemplateProblem(
            use.line,
            name,
            "unknown-variable",
            f"unknown variable {quoted_word(name)}{suggest(name, scope.variables)}",
            f"declare it under `vars:` of the Project document, or pass --var {name}=...",
        )


def _filled(template: Template, scope: Scope) -> str:
    from runner.config.templates.jinja_sandbox import fill

    names: dict[str, Any] = {"today": scope.today}
    if scope.segment is not None:
        names["segment"] = scope.segment
    variables, environ = scope.variables, scope.environ

    def var(name: str, *default: Value) -> Value:
        value = (variables or {}).get(name)
        if value is None:
            if not default:
                raise LookupError(f"unknown variable {quoted_word(str(name))}")
            return default[0]
        return value

    def env(name: str, *default: Value) -> Value:
        value = (environ or {}).get(name)
        if not value:
            if not default:
                raise LookupError(f"environment variable {name} is not set")
            return default[0]
        return value

    return fill(template, {**names, "var": var, "env": env})
