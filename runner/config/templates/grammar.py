"""Which part of Jinja2's language templates may use. Jinja2 parses; what is not on these lists is a problem."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from jinja2 import Environment, TemplateSyntaxError, nodes

from runner.config.templates.budget import MAX_DEPTH, MAX_NODES
from runner.config.templates.filters import FILTERS, TESTS
from runner.config.templates.methods import DATE_ATTRIBUTES, DATE_METHODS, LOOP_ATTRIBUTES, METHODS
from runner.config.templates.template_types import (
    FUNCTIONS,
    MAX_PROBLEMS,
    NAMES,
    SQL,
    VERSION,
    Checked,
    TemplateProblem,
    Use,
)
from runner.config.templates.written_places import written_places
from runner.core.suggest import quoted_word, suggest

_ENVIRONMENT = Environment(keep_trailing_newline=True, optimized=False, cache_size=0)  # noqa: S701 - it only parses
_NODES = frozenset({
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign,
    nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Getattr, nodes.Getitem, nodes.Slice,
    nodes.Call, nodes.Filter, nodes.Keyword, nodes.Test, nodes.CondExpr, nodes.Compare, nodes.Operand,
    nodes.And, nodes.Or, nodes.Not,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Concat,
})  # fmt: skip
_STATEMENTS = {
    "Include": "include", "Import": "import", "FromImport": "import", "Extends": "extends", "Block": "block",
    "Macro": "macro", "CallBlock": "call", "FilterBlock": "filter", "AssignBlock": "a block set", "Pow": "**",
    "With": "with", "NSRef": "namespace",
}  # fmt: skip
_ATTRIBUTES = {"segment": ("name", "description"), "today": (*DATE_ATTRIBUTES, *DATE_METHODS), "loop": LOOP_ATTRIBUTES}


def check(text: str) -> Checked:
    """Parse a template and look at everything in it."""
    large = Checked(None, len(text) // 2, (), (_too_large("the template is too deeply nested; split it"),))
    try:
        tree = _ENVIRONMENT.parse(text)
        every = list(_every(tree))
    except TemplateSyntaxError as error:
        return Checked(None, len(text) // 2, (), (_syntax(error, text),))
    except ValueError:  # more digits than Python takes for a number
        return Checked(None, len(text) // 2, (), (_too_large("a number in the template is too long; shorten it"),))
    except RecursionError:
        return large
    if len(every) > MAX_NODES:
        problem = _too_large(f"the template has more than {MAX_NODES:,} names, values and operators; split it")
        return Checked(None, len(every), (), (problem,))
    if max(depth for _, _, depth in every) > MAX_DEPTH:
        return large
    lined = [(node, line) for node, line, _ in every]
    problems, uses = tuple(islice(_refused(lined), MAX_PROBLEMS)), tuple(_uses(lined))
    if problems:
        return Checked(None, len(every), uses, problems)
    return Checked(tree, len(every), uses, (), written_places(_ENVIRONMENT, text, [node for node, _ in lined]))


def _every(tree: nodes.Template) -> Iterator[tuple[nodes.Node, int, int]]:
    """Every node in the order of the text, with its line (some have none of their own) and how deep it is."""
    pending: list[tuple[nodes.Node, int, int]] = [(tree, 1, 0)]
    while pending:
        node, line, depth = pending.pop()
        line = node.lineno or line
        yield node, line, depth
        children = [(child, line, depth + 1) for child in node.iter_child_nodes()]
        pending.extend(reversed(children))


def _too_large(message: str) -> TemplateProblem:
    return TemplateProblem(1, "", "template-too-large", message)


def _syntax(error: TemplateSyntaxError, text: str) -> TemplateProblem:
    message = str(error.message or "")[:200].rstrip(".")
    hint = ""
    if "unexpected" in message.lower() or "end of print statement" in message:
        hint = "close every `{{` with `}}`, and every `{% if %}` with `{% endif %}`"
    if "{#" in text and "Missing end of comment" in message:
        hint = "start a comment with `{#`, and end it with `#}`"
    return TemplateProblem(error.lineno, "", "template-syntax", f"the template cannot be read: {message}", hint)


def _refused(every: Iterable[tuple[nodes.Node, int]]) -> Iterator[TemplateProblem]:
    for node, line in every:
        refusal = _refusal(node)
        if refusal is not None:
            what, word, suggestion = refusal
            advice = suggestion or "; leave it out"
            yield TemplateProblem(line, word or what, "template-refused", f"templates cannot use {what} here{advice}")


def _refusal(node: nodes.Node) -> tuple[str, str, str] | None:
    """What templates cannot use, the word to point at, and what to use instead; None where they can."""
    kind = type(node).__name__
    if type(node) not in _NODES:
        what = _STATEMENTS.get(kind, kind.lower())
        return what, "", ""
    if isinstance(node, nodes.Filter) and node.name not in (*FILTERS, SQL):
        return f"the filter {_shown(node.name)}", node.name, suggest(node.name, (*FILTERS, SQL))
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        return f"the test {_shown(node.name)}", node.name, suggest(node.name, TESTS)
    if isinstance(node, nodes.Filter | nodes.Test | nodes.Call) and (node.dyn_args or node.dyn_kwargs):
        return "* before arguments", "*", ""
    if isinstance(node, nodes.Getattr):
        return _attribute(node)
    if isinstance(node, nodes.Name):
        return _name(node)
    if isinstance(node, nodes.Call) and not _callable(node):
        return _uncallable(node)
    if isinstance(node, nodes.Tuple) and any(isinstance(item, nodes.Slice) for item in node.items):
        return "[from:to, ...]", "[", "; cut once"
    if isinstance(node, nodes.For) and node.recursive:
        return "a recursive loop", "recursive", ""
    if isinstance(node, nodes.Pair) and not (isinstance(node.key, nodes.Const) and isinstance(node.key.value, str)):
        return "keys of a mapping that are no text", "", "; write them in quotes"
    return None


def _shown(word: str) -> str:
    return quoted_word(word)[1:-1]


def _attribute(node: nodes.Getattr) -> tuple[str, str, str] | None:
    if node.attr.startswith("_"):
        return f".{_shown(node.attr)}", node.attr, ""
    known = _ATTRIBUTES.get(node.node.name) if isinstance(node.node, nodes.Name) else None
    if known is not None and node.attr not in known:
        return f".{_shown(node.attr)}", node.attr, suggest(node.attr, known)
    return None


def _name(node: nodes.Name) -> tuple[str, str, str] | None:
    if node.name.startswith("_"):
        return f"the name {_shown(node.name)}", node.name, ""
    if node.ctx != "load" and node.name in (*NAMES, "env", "loop"):
        return f"{node.name} as a name of their own", node.name, "; choose another"
    return None


def _callable(call: nodes.Call) -> bool:
    if call.kwargs:
        return _names_a_version(call)
    if isinstance(call.node, nodes.Name):
        return call.node.name in FUNCTIONS or call.node.name not in NAMES  # an unknown name is reported as one
    return isinstance(call.node, nodes.Getattr) and call.node.attr in METHODS


def _names_a_version(call: nodes.Call) -> bool:
    """Whether it is dbt's `ref('customers', v=2)`."""
    is_ref = isinstance(call.node, nodes.Name) and call.node.name == "ref"
    return is_ref and all(pair.key in VERSION for pair in call.kwargs)


def _uncallable(call: nodes.Call) -> tuple[str, str, str]:
    if isinstance(call.node, nodes.Getattr) and call.node.attr not in METHODS:
        return f".{_shown(call.node.attr)}()", call.node.attr, ""
    return "this call", getattr(call.node, "name", getattr(call.node, "attr", "")), ""


def _uses(every: Sequence[tuple[nodes.Node, int]]) -> Iterator[Use]:
    """The names that a template reads, without those that it sets itself."""
    own = {node.name for node, _ in every if isinstance(node, nodes.Name) and node.ctx != "load"} | {"loop"}
    called: set[int] = set()
    for node, line in every:
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
            called.add(id(node.node))
            literals = tuple(argument.value for argument in node.args if isinstance(argument, nodes.Const))
            use = Use(line, node.node.name, literals if len(literals) == len(node.args) else None)
        elif isinstance(node, nodes.Name) and node.ctx == "load" and id(node) not in called:
            use = Use(line, node.name)
        else:
            continue
        if use.name not in own and not use.name.startswith("_"):
            yield use
