"""Jinja2 templates, for people who may not be trusted with more than text.

A template can read variables, the date and little else: what is not on the lists of `grammar` is refused before it
runs, and whatever grows is charged to a budget while it runs. Nothing of the environment is in reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from runner.config.templates.budget import MAX_OUTPUT, MAX_TEMPLATE, Budget, ProjectBudget
from runner.config.templates.sql_values import PrintedSql
from runner.config.templates.template_types import (
    MAX_PROBLEMS,
    NAMES,
    CannotEvaluate,
    Checked,
    Function,
    NoSuchModel,
    NotThere,
    QuoteInSql,
    TemplateErrors,
    TemplateFault,
    TemplateProblem,
    TemplateTooLarge,
    Use,
)
from runner.config.templates.values import detached, texts_in
from runner.core.suggest import quoted_word, suggest
from runner.core.unprintable import code_point, first_unprintable
from runner.core.written_text import WrittenText, with_plain_breaks
from runner.quick_dataclass import dataclass, field

if TYPE_CHECKING:
    from runner.config.templates.interpreter import Interpreter

_MAX_RANGE = 1_000
_STEPS_TO_COMPARE = 10
"""That looking at two names for likeness counts for."""


Models = Callable[[str, str, str], str]

NO_MODELS = "`ref` is for the SQL of a segment that a warehouse runs"


@dataclass(frozen=True, slots=True)
class SegmentWords:
    """What `segment` is in a template."""

    name: str
    description: str


@dataclass(slots=True)
class Templates:
    """All templates of one reading of the files: each is parsed once, and they share a budget."""

    budget: ProjectBudget = field(default_factory=ProjectBudget)
    _parsed: dict[str, Checked] = field(default_factory=dict)

    def parsed(self, text: str) -> Checked:
        """The template after a look at everything in it. Raises TemplateTooLarge."""
        if text not in self._parsed:
            from runner.config.templates.grammar import check

            if len(text) > MAX_TEMPLATE:
                raise TemplateTooLarge(f"it has {len(text):,} characters, more than {MAX_TEMPLATE:,}; split it")
            self.budget.parsed(0)
            checked = check(text)
            self.budget.parsed(checked.size)
            self._parsed[text] = checked
        return self._parsed[text]

    def another_day(self) -> Templates:
        """The same templates, to be filled in once more."""
        return Templates(ProjectBudget(nodes=self.budget.nodes), self._parsed)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a template may use. `None` means that it may not; `place` says where it stands, for messages.

    `models` gives what a model of dbt's is called in the warehouse, from its name, package and version; it raises
    NoSuchModel. A text says why there are none. `each` is the entry that a document with `for_each` is made for.
    `dialect` is that of the SQL that the template is; None where it is no SQL.
    """

    place: str
    today: date
    variables: Mapping[str, object] | None = None
    segment: SegmentWords | None = None
    models: Models | str = NO_MODELS
    each: Mapping[str, object] | None = None
    dialect: str | None = None
    templates: Templates = field(default_factory=Templates, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a text came to. `written` leads back to what was written; None where the text is just that."""

    text: str
    written: WrittenText | None = None


def is_template(text: str) -> bool:
    """Whether the text holds anything to fill in."""
    return "{" in text and ("{{" in text or "{%" in text or "{#" in text)


def render(text: str, scope: Scope) -> str:
    """The text with its templates filled in. Raises TemplateErrors with everything that is wrong."""
    return render_with_places(text, scope).text


def render_with_places(text: str, scope: Scope) -> Rendered:
    """The text with its templates filled in, and the way back. Raises TemplateErrors with everything that is wrong."""
    if not is_template(text):
        return Rendered(text)
    return _done(text, scope, lambda checked: _filled(text, checked, scope))


def evaluate(text: str, scope: Scope) -> object:
    """What a template gives: a single `{{ }}` a value of its own kind, anything else a text. Raises TemplateErrors.

    Lists and mappings are new ones, of texts, numbers, booleans and None.
    """
    if not is_template(text):
        return text
    return _done(text, scope, lambda checked: _valued(text, checked, scope))


T = TypeVar("T")


def _done(text: str, scope: Scope, fill: Callable[[Checked], T]) -> T:
    """What filling in a template comes to. Raises TemplateErrors for all that is wrong with it."""
    try:
        checked = scope.templates.parsed(text)
        problems = (*checked.problems, *islice(_out_of_scope(checked, scope), MAX_PROBLEMS))
        if problems or checked.tree is None:
            raise TemplateErrors(*problems)
        return fill(checked)
    except TemplateTooLarge as fault:
        raise TemplateErrors(_problem(text, fault, "template-too-large", f"the template is refused: {fault}")) from None
    except NoSuchModel as fault:
        raise TemplateErrors(_problem(text, fault, "unknown-model", str(fault))) from None
    except QuoteInSql as fault:
        message = f"{fault}, and would not be whole in SQL; write `| sql` behind it, and no quotes around the braces"
        raise TemplateErrors(_problem(text, fault, "quote-in-sql", message)) from None
    except TemplateFault as fault:
        message = f"the template cannot be filled in: {fault}"
        raise TemplateErrors(_problem(text, fault, "template-failed", message)) from None


def _problem(text: str, fault: TemplateFault, code: str, message: str) -> TemplateProblem:
    line, column = max(1, fault.line), 0
    if fault.start is not None:
        before = with_plain_breaks(text)[: fault.start]
        if before.count("\n") + 1 == line:
            column = len(before) - before.rfind("\n") - 1
    return TemplateProblem(line, fault.word, code, message, column=column)


def _out_of_scope(checked: Checked, scope: Scope) -> Iterator[TemplateProblem]:
    for use in checked.uses:
        if use.name == "env":
            yield _no_environment(use, scope)
        elif use.name not in NAMES:
            hint = f"write var('{use.name}') for the variable" if use.name in (scope.variables or {}) else ""
            message = f"unknown name {quoted_word(use.name)}{suggest(use.name, _usable(scope))}"
            yield TemplateProblem(use.line, use.name, "unknown-name", message, hint)
        elif use.name == "var":
            yield from _variable(use, scope)
        elif use.name == "ref" and isinstance(scope.models, str):
            yield TemplateProblem(use.line, "ref", "ref-not-available", scope.models)
        elif use.name == "segment" and scope.segment is None:
            yield TemplateProblem(
                use.line,
                "segment",
                "segment-not-available",
                f"`segment` is not known in {scope.place}; only an activation's name and description may use it",
            )
        elif use.name == "each" and scope.each is None:
            message = "`each` is known only in a document that has `for_each`"
            yield TemplateProblem(use.line, "each", "each-not-available", message)


def _usable(scope: Scope) -> list[str]:
    usable = ["today", "range"]
    usable += ["var"] if scope.variables is not None else []
    usable += [] if isinstance(scope.models, str) else ["ref"]
    usable += ["each"] if scope.each is not None else []
    return usable + (["segment"] if scope.segment is not None else [])


def _no_environment(use: Use, scope: Scope) -> TemplateProblem:
    instead = "use `var`" if scope.variables is not None else "write the value out, or use --var"
    return TemplateProblem(
        use.line,
        "env",
        "env-not-available",
        f"`env` is for credentials only, since other values are shown; {instead}",
        '--var name="$NAME", where the job is defined, gives a variable a value of the environment',
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
            f"unknown variable {quoted_word(name)}{_suggestion(name, scope)}",
            f"declare it under `vars:` of the Project document, or pass --var {quoted_word(name)[1:-1]}=...",
        )


def _suggestion(name: str, scope: Scope) -> str:
    """The variable that was probably meant. Looking for it goes through all of them, so it is charged."""
    budget, variables = scope.templates.budget, scope.variables or {}
    budget.steps -= _STEPS_TO_COMPARE * len(variables)
    return suggest(name, variables) if budget.steps > 0 else ""


@contextmanager
def _interpreter(checked: Checked, scope: Scope) -> Iterator[tuple[Interpreter, Budget]]:
    """What fills the template in, on a budget that is taken off the project's at the end."""
    from runner.config.templates.interpreter import Interpreter

    names: dict[str, object] = {"today": scope.today}
    if scope.segment is not None:
        names["segment"] = {"name": scope.segment.name, "description": scope.segment.description}
    if scope.each is not None:
        names["each"] = scope.each
    budget = scope.templates.budget.rendering()
    try:
        yield Interpreter(checked, names, _functions(scope, budget), budget, scope.dialect), budget
    finally:
        scope.templates.budget.rendered(budget)


def _valued(text: str, checked: Checked, scope: Scope) -> object:
    if not checked.is_single:
        return _filled(text, checked, scope).text
    with _interpreter(checked, scope) as (interpreter, budget):
        value = detached(interpreter.value(), budget)
    if isinstance(value, str) and len(value) > MAX_OUTPUT:
        raise TemplateTooLarge(f"it gives more than {MAX_OUTPUT:,} characters")
    if any(first_unprintable(part) is not None for part in texts_in(value)):
        raise TemplateFault("it gives a character that no text may hold")
    return value


def _filled(text: str, checked: Checked, scope: Scope) -> Rendered:
    with _interpreter(checked, scope) as (interpreter, _):
        filled = interpreter.text()
    pieces = interpreter.pieces()
    written = WrittenText(with_plain_breaks(text), pieces) if pieces else WrittenText("", ())
    odd = first_unprintable(filled)
    if odd is not None:
        raise _gives_what_no_text_holds(code_point(filled, odd), written, odd)
    return Rendered(filled, written)


def _gives_what_no_text_holds(character: str, written: WrittenText, at: int) -> TemplateFault:
    fault = TemplateFault(f"it gives the character {character}, which no text may hold")
    fault.start = written.stretch(at, at + 1)[0]
    fault.line = written.text.count("\n", 0, fault.start) + 1
    return fault


def _functions(scope: Scope, budget: Budget) -> Mapping[str, Function]:
    def var(arguments: Sequence[object], _: Mapping[str, object]) -> object:
        name, *default = arguments or ("",)
        if not name or not isinstance(name, str) or len(default) > 1:
            raise CannotEvaluate("var takes the name of a variable, and what to take where there is none")
        value = (scope.variables or {}).get(name)
        if value is not None:
            return value
        if not default:
            raise NotThere("there is no variable of that name")
        return default[0]

    def range_(arguments: Sequence[object], _: Mapping[str, object]) -> object:
        bounds = [bound for bound in arguments if isinstance(bound, int)]
        if not 1 <= len(bounds) <= 3 or len(bounds) < len(arguments) or bounds[2:] == [0]:
            raise CannotEvaluate("range takes whole numbers: range(3), range(1, 4), range(0, 10, 2)")
        numbers = range(*bounds)
        if len(numbers) > _MAX_RANGE:
            raise TemplateTooLarge(f"a range has more than {_MAX_RANGE:,} numbers")
        budget.step(len(numbers))
        return list(numbers)

    def ref(arguments: Sequence[object], named: Mapping[str, object]) -> object:
        words = [*arguments, *named.values()]
        if isinstance(scope.models, str) or not 1 <= len(arguments) <= 2 or len(named) > 1 or not _are_words(words):
            raise CannotEvaluate("ref takes the name of a model, or a package and a name; a version goes behind: v=2")
        *package, name = map(str, arguments)
        try:
            return PrintedSql(scope.models(name, "".join(package), "".join(map(str, named.values()))))
        except NoSuchModel as fault:
            fault.word = name
            raise

    return {"var": var, "range": range_, "ref": ref}


def _are_words(values: Sequence[object]) -> bool:
    return all(isinstance(value, str | int) and not isinstance(value, bool) for value in values)
