"""What checking and filling in templates have in common: what may be used, and what is found out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template

MAX_OUTPUT = 1_000_000
"""Characters that a template may come to."""

FUNCTIONS = ("env", "var", "range")
NAMES = ("today", "segment", *FUNCTIONS)


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """What is wrong in a template: `line` counts from 1 in its text, `word` is what to point at there."""

    line: int
    word: str
    code: str
    message: str
    hint: str = ""


@dataclass(slots=True)
class Budget:
    """How much a rendering may still do."""

    rounds: int = 100_000
    problems: list[TemplateProblem] = field(default_factory=list)


class TemplateErrors(Exception):
    """A template cannot be rendered."""

    def __init__(self, *problems: TemplateProblem) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Use:
    """A name or a call with literal arguments in a template."""

    line: int
    name: str
    arguments: tuple[Any, ...] | None = None
    """None: not called, or not with literals only."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A compiled template with what it uses."""

    template: Template | None
    uses: tuple[Use, ...] = ()
    problems: tuple[TemplateProblem, ...] = ()
