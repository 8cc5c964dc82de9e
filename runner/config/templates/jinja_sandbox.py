"""The Jinja2 environment behind the templates: what it admits, and how it keeps what it runs small."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, UndefinedError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from runner.config.templates.template_types import (
    FUNCTIONS,
    MAX_OUTPUT,
    NAMES,
    Budget,
    Checked,
    TemplateErrors,
    TemplateProblem,
    Use,
)
from runner.core.suggest import quoted_word, suggest

_MAX_NUMBER = 10**18
_MAX_RANGE = 1_000

_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign),
    *(nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Call),
    *(nodes.Filter, nodes.Test, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Concat),
)
_FILTERS = ("abs", "capitalize", "count", "default", "d", "first", "float", "int", "join", "last", "length", "lower",
            "string", "title", "trim", "upper")  # fmt: skip
_TESTS = ("defined", "undefined", "none", "number", "string", "boolean", "even", "odd", "in", "eq", "ne", "lt", "le",
          "gt", "ge", "true", "false")  # fmt: skip
_METHODS = ("lower", "upper", "strip", "title", "startswith", "endswith", "split", "isoformat", "strftime", "weekday",
            "isoweekday")  # fmt: skip
_ATTRIBUTES = ("year", "month", "day", "first", "last", "index", "index0", "length", *_METHODS)
_STATEMENTS = {
    "Include": "include", "Import": "import", "FromImport": "import", "Extends": "extends", "Block": "block",
    "Macro": "macro", "CallBlock": "call", "FilterBlock": "filter", "AssignBlock": "a block set", "Pow": "**",
    "Dict": "a mapping", "With": "with", "NSRef": "namespace",
}  # fmt: skip


class TemplateRefused(Exception):
    """A template does what would grow too large."""


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "*", "%"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator != "+" and not all(isinstance(side, int | float) for side in (left, right)):
            raise TemplateRefused(f"`{operator}` is for numbers only")
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, int) and abs(result) > _MAX_NUMBER:
            raise TemplateRefused("a number grows too large")
        if isinstance(result, str | list | tuple) and len(result) > MAX_OUTPUT:
            raise TemplateRefused("a text grows too large")
        return result


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > _MAX_RANGE:
        raise TemplateRefused(f"a range has more than {_MAX_RANGE:,} numbers")
    return numbers


@pass_context
def _counted(context: Context, items: Iterable[Any]) -> list[Any]:
    """What a loop runs over, charged to the budget of the rendering."""
    held = list(items)
    budget: Budget = context["_budget"]
    budget.rounds -= len(held)
    if budget.rounds < 0:
        raise TemplateRefused("its loops run too often")
    return held


def _joined(items: Iterable[Any], separator: str = "") -> str:
    parts = [_written(item) for item in items]
    if sum(len(part) + len(separator) for part in parts) > MAX_OUTPUT:
        raise TemplateRefused("a text grows too large")
    return separator.join(parts)


def _written(value: Any) -> str:
    """A value as text: booleans as YAML and SQL write them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _environment() -> _Environment:
    environment = _Environment(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        optimized=False,
        finalize=lambda value: _written(value) if isinstance(value, bool) else value,
    )
    environment.globals = {"range": _range}
    environment.filters = {name: environment.filters[name] for name in _FILTERS}
    environment.filters |= {"join": _joined, "_joined": _joined, "_counted": _counted}
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    return environment


_ENVIRONMENT = _environment()


class _Bounded(NodeTransformer):
    """Puts every loop on the budget, and every `~` under the limit of what a text may grow to."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - the visitor's name for it
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "_counted", [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - the visitor's name for it
        self.generic_visit(node)
        items = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(items, "_joined", [], [], None, None, lineno=node.lineno)


def check(text: str) -> Checked:
    """Compile a template after a look at everything in it."""
    try:
        tree = _ENVIRONMENT.parse(text)
        every = [tree, *tree.find_all(nodes.Node)]
        problems, uses = tuple(_refused(every)), tuple(_uses(every))
        if problems:
            return Checked(None, uses, problems)
        code = _ENVIRONMENT.compile(_Bounded().visit(tree))
        return Checked(Template.from_code(_ENVIRONMENT, code, _ENVIRONMENT.globals), uses)
    except TemplateSyntaxError as error:
        return Checked(None, (), (_syntax(error, text),))
    except (RecursionError, MemoryError, SyntaxError, ValueError, OverflowError):
        return Checked(
            None, (), (TemplateProblem(1, "", "template-too-large", "the template is too deeply nested; split it"),)
        )


def _syntax(error: TemplateSyntaxError, text: str) -> TemplateProblem:
    message = str(error.message or "").rstrip(".")
    hint = ""
    if "unexpected" in message.lower() or "end of print statement" in message:
        hint = "every `{{` needs its `}}`, and every `{% if %}` its `{% endif %}`"
    unknown = message.startswith("No filter named")
    if unknown:
        word = message.split("'")[1]
        return TemplateProblem(
            error.lineno, word, "template-refused", f"unknown filter {quoted_word(word)}{suggest(word, _FILTERS)}"
        )
    if "{#" in text and "Missing end of comment" in message:
        hint = "a comment starts with `{#` and ends with `#}`"
    return TemplateProblem(error.lineno, "", "template-syntax", f"the template cannot be read: {message}", hint)


def _refused(every: Iterable[nodes.Node]) -> Iterator[TemplateProblem]:
    for node in every:
        kind = type(node).__name__
        if isinstance(node, nodes.Helper | nodes.Keyword):
            yield _refusal(node, kind.lower())
        elif not isinstance(node, _NODES):
            yield _refusal(node, _STATEMENTS.get(kind, kind.lower()))
        elif isinstance(node, nodes.Filter) and node.name not in _FILTERS:
            yield _refusal(node, f"the filter {node.name}", node.name, suggest(node.name, _FILTERS))
        elif isinstance(node, nodes.Test) and node.name not in _TESTS:
            yield _refusal(node, f"the test {node.name}", node.name, suggest(node.name, _TESTS))
        elif isinstance(node, nodes.Getattr) and node.attr not in (known := _attributes(node.node)):
            yield _refusal(node, f".{node.attr}", node.attr, suggest(node.attr, known) if len(known) == 2 else "")
        elif isinstance(node, nodes.Name) and node.name.startswith("_"):
            yield _refusal(node, f"the name {node.name}", node.name)
        elif isinstance(node, nodes.Getitem) and not _numeric(node.arg):
            yield _refusal(node, "[...] with anything but a number", "[")
        elif isinstance(node, nodes.Call) and not _callable(node):
            yield _refusal(node, "this call", getattr(node.node, "name", getattr(node.node, "attr", "")))
        elif isinstance(node, nodes.For) and node.recursive:
            yield _refusal(node, "a recursive loop", "recursive")


def _refusal(node: nodes.Node, what: str, word: str = "", suggestion: str = "") -> TemplateProblem:
    return TemplateProblem(
        node.lineno,
        word or what,
        "template-refused",
        f"templates cannot use {what} here{suggestion or '; leave it out'}",
    )


def _attributes(owner: nodes.Node) -> tuple[str, ...]:
    if isinstance(owner, nodes.Name) and owner.name == "segment":
        return ("name", "description")
    return _ATTRIBUTES


def _numeric(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Slice) or (isinstance(node, nodes.Const) and isinstance(node.value, int))


def _callable(call: nodes.Call) -> bool:
    if call.kwargs or call.dyn_args is not None or call.dyn_kwargs is not None:
        return False
    if isinstance(call.node, nodes.Name):
        return call.node.name in FUNCTIONS or call.node.name not in NAMES  # an unknown name is reported as one
    return isinstance(call.node, nodes.Getattr) and (call.node.attr in _METHODS or call.node.attr not in _ATTRIBUTES)


def _uses(every: Iterable[nodes.Node]) -> Iterator[Use]:
    """The names a template reads, without those that it sets itself."""
    own = {node.name for node in every if isinstance(node, nodes.Name) and node.ctx != "load"} | {"loop"}
    called: set[int] = set()
    for node in every:
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name not in own:
            called.add(id(node.node))
            literal = all(isinstance(argument, nodes.Const) for argument in node.args)
            arguments = tuple(argument.value for argument in node.args) if literal else None  # type: ignore[attr-defined]
            yield Use(node.lineno, node.node.name, arguments)
        elif isinstance(node, nodes.Name) and node.ctx == "load" and id(node) not in called:
            if node.name in own or node.name.startswith("_"):
                continue
            yield Use(node.lineno, node.name)


def fill(template: Template, names: Mapping[str, Any]) -> str:
    """The template's text. Raises TemplateErrors."""
    parts: list[str] = []
    size = 0
    try:
        for part in template.generate(**names, _budget=Budget()):
            parts.append(part)
            size += len(part)
            if size > MAX_OUTPUT:
                raise TemplateRefused(f"it gives more than {MAX_OUTPUT:,} characters")
    except TemplateRefused as error:
        raise TemplateErrors(
            TemplateProblem(_line(error), "", "template-too-large", f"the template is refused: {error}")
        ) from None
    except (
        TemplateError,
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
        AttributeError,
        RecursionError,
    ) as error:
        raise TemplateErrors(TemplateProblem(_line(error), "", "template-failed", _reason(error))) from None
    return "".join(parts)


def _line(error: BaseException) -> int:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return lines[-1] or 1 if lines else 1


def _reason(error: BaseException) -> str:
    """What went wrong, without values: one of them may come from the environment."""
    if isinstance(error, LookupError) and error.args:
        return f"the template cannot be filled in: {error.args[0]}"
    if isinstance(error, UndefinedError):
        return "the template uses something that does not exist"
    if isinstance(error, ZeroDivisionError):
        return "the template divides by zero"
    if isinstance(error, TypeError):
        return "the template mixes texts and numbers; turn one into the other with `| int` or `| string`"
    return f"the template cannot be filled in ({type(error).__name__})"
