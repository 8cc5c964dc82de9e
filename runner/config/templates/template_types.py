"""What checking and filling in templates have in common: what may be used, and what is found out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from runner.core.written_text import Stretch
from runner.quick_dataclass import dataclass, field

if TYPE_CHECKING:
    from jinja2 import nodes

MAX_PROBLEMS = 20
"""Of one template that are reported: a branch may hold millions, and nobody reads them."""
FUNCTIONS = ("var", "range", "ref")
VERSION = ("v", "version")
"""What `ref` calls the version of a model."""
NAMES = ("today", "segment", "each", *FUNCTIONS)
SQL = "sql"
"""The filter that writes a value as SQL."""


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """What is wrong in a template: `line` counts from 1 in its text, `word` is what to point at there.

    `column` counts the characters of the line before which nothing is meant.
    """

    line: int
    word: str
    code: str
    message: str
    hint: str = ""
    column: int = 0


class TemplateErrors(Exception):
    """A template cannot be rendered."""

    def __init__(self, *problems: TemplateProblem) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


Function = Callable[[Sequence[object], Mapping[str, object]], object]
"""What a template may call by name, with its arguments and those that have names."""


class TemplateFault(Exception):
    """Why a template cannot be filled in: a sentence that holds no value, only words of the template.

    `line` and `word` say where, once that is known; `start` where the `{{` stands in the template, for a printed value.
    """

    line: int = 0
    word: str = ""
    start: int | None = None


class CannotEvaluate(TemplateFault):
    """An operation that its values do not allow."""


class NotThere(CannotEvaluate):
    """A name, a key or an item that does not exist: what `default` and `is defined` are for."""


class NoSuchModel(CannotEvaluate):
    """`ref` means nothing that there is."""


class QuoteInSql(CannotEvaluate):
    """A text with a quote in it is printed into SQL as it is."""


class TemplateTooLarge(TemplateFault):
    """A template does, or comes to, more than it may."""


@dataclass(frozen=True, slots=True)
class Use:
    """A name or a call with literal arguments in a template."""

    line: int
    name: str
    arguments: tuple[object, ...] | None = None
    """None: not called, or not with literals only."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A parsed template with what it uses; `tree` is None where it has problems.

    `size` are its nodes. `places` says by a node's id where a text or a printed value of the tree stands.
    """

    tree: nodes.Template | None
    size: int
    uses: tuple[Use, ...] = ()
    problems: tuple[TemplateProblem, ...] = ()
    places: Mapping[int, Stretch] = field(default_factory=dict, compare=False)

    @property
    def is_single(self) -> bool:
        """Whether the template is one `{{ }}` and nothing else."""
        from jinja2 import nodes

        if self.tree is None or len(self.tree.body) != 1 or not isinstance(output := self.tree.body[0], nodes.Output):
            return False
        return len(output.nodes) == 1 and not isinstance(output.nodes[0], nodes.TemplateData)
