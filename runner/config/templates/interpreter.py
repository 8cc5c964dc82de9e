"""Fills in a parsed template, node by node, on a budget.

Jinja2 would compile a template to Python and run that: what the code makes, Python makes at once, however large. Here
each node is charged before it is done, and there is nothing of Python's to reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from jinja2 import nodes

from runner.config.templates.budget import MAX_OUTPUT, Budget
from runner.config.templates.filters import DEFAULTS, DEFINED, apply_filter, apply_test
from runner.config.templates.methods import attribute, call
from runner.config.templates.operators import calculate, compare
from runner.config.templates.sql_values import PrintedSql, as_sql, require_plain
from runner.config.templates.template_types import (
    SQL,
    CannotEvaluate,
    Checked,
    Function,
    NotThere,
    TemplateFault,
    TemplateTooLarge,
)
from runner.config.templates.values import items_of, kind_of_value, number, written
from runner.core.suggest import quoted_word
from runner.core.written_text import Piece

MAX_PIECES = 10_000
"""A text of more pieces has no way back to what was written: nobody reads it, and pieces are kept."""

Functions = Mapping[str, Function]


class Interpreter:
    """One rendering: the names that are set, and the text so far. `dialect` is that of the SQL that is written; None
    for what is no SQL.
    """

    def __init__(
        self,
        checked: Checked,
        names: Mapping[str, object],
        functions: Functions,
        budget: Budget,
        dialect: str | None = None,
    ) -> None:
        self._tree = checked.tree
        self._places = checked.places
        self._functions = functions
        self._budget = budget
        self._frames: list[dict[str, object]] = [dict(names)]
        self._parts: list[str] = []
        self._size = 0
        self._pieces: list[Piece] = []
        self._dialect = dialect

    def text(self) -> str:
        """What the template comes to. Raises TemplateFault with its place."""
        if self._tree is not None:
            self._body(self._tree.body)
        return "".join(self._parts)

    def value(self) -> object:
        """What a template that is a single `{{ }}` gives, a value of its kind. Raises TemplateFault with its place."""
        assert self._tree is not None
        (output,) = self._tree.body
        return self._value(output.nodes[0])  # type: ignore[attr-defined]

    def pieces(self) -> tuple[Piece, ...]:
        """Where the text comes from; empty where that is not known."""
        return () if len(self._pieces) > MAX_PIECES else tuple(self._pieces)

    # -- statements ----------------------------------------------------------------------------------------------------

    def _body(self, statements: Iterable[nodes.Node]) -> None:
        for statement in statements:
            try:
                self._budget.step()
                self._do(statement)
            except TemplateFault as fault:
                raise _placed(fault, statement) from None

    def _do(self, statement: nodes.Node) -> None:
        if isinstance(statement, nodes.Output):
            for part in statement.nodes:
                self._print(part)
        elif isinstance(statement, nodes.If):
            self._if(statement)
        elif isinstance(statement, nodes.For):
            self._for(statement)
        elif isinstance(statement, nodes.Assign):
            self._assign(statement.target, self._value(statement.node))

    def _print(self, part: nodes.Expr) -> None:
        if isinstance(part, nodes.TemplateData):
            self._budget.step()
            self._budget.text(len(part.data))
            text = part.data
        else:
            text = self._printed(part)
        if self._size + len(text) > MAX_OUTPUT:
            raise TemplateTooLarge(f"it gives more than {MAX_OUTPUT:,} characters")
        place = self._places.get(id(part))
        if place is not None and text and len(self._pieces) <= MAX_PIECES:
            self._pieces.append(Piece(self._size, *place, isinstance(part, nodes.TemplateData)))
        self._parts.append(text)
        self._size += len(text)

    def _printed(self, part: nodes.Expr) -> str:
        try:
            value = self._value(part)
            if self._dialect is not None:
                require_plain(value, self._dialect, self._budget)
            return written(value, self._budget)
        except TemplateFault as fault:
            _placed(fault, part)
            place = self._places.get(id(part))
            fault.start = place[0] if place is not None else None
            raise

    def _if(self, statement: nodes.If) -> None:
        for branch in (statement, *statement.elif_):
            if self._value(branch.test):
                return self._body(branch.body)
        return self._body(statement.else_)

    def _for(self, loop: nodes.For) -> None:
        items: Sequence[object] = items_of(self._value(loop.iter))
        self._budget.step(len(items))
        if loop.test is not None:
            items = [item for item in items if self._passes(loop, loop.test, item)]
        if not items:
            self._body(loop.else_)
        for index, item in enumerate(items):
            self._frames.append({"loop": _loop(index, len(items))})
            self._assign(loop.target, item)
            self._body(loop.body)
            self._frames.pop()

    def _passes(self, loop: nodes.For, test: nodes.Node, item: object) -> bool:
        self._frames.append({})
        self._assign(loop.target, item)
        passes = bool(self._value(test))
        self._frames.pop()
        return passes

    def _assign(self, target: nodes.Node, value: object) -> None:
        if isinstance(target, nodes.Name):
            self._frames[-1][target.name] = value
        elif isinstance(target, nodes.Tuple):
            items = items_of(value)
            if len(items) != len(target.items):
                raise CannotEvaluate(
                    f"{len(target.items)} names cannot be set from {kind_of_value(value)} of {len(items)}"
                )
            for name, item in zip(target.items, items, strict=True):
                self._assign(name, item)

    # -- expressions ---------------------------------------------------------------------------------------------------

    def _value(self, node: nodes.Node) -> object:
        self._budget.step()
        try:
            return self._handler(node)(self, node)
        except TemplateFault as fault:
            raise _placed(fault, node) from None

    def _handler(self, node: nodes.Node) -> Callable[..., object]:
        try:
            return self._HANDLERS[type(node)]
        except KeyError:  # Jinja2 has put it where nobody expected it
            raise CannotEvaluate("it cannot be worked out here") from None

    def _values(self, several: Iterable[nodes.Node]) -> list[object]:
        return [self._value(node) for node in several]

    def _name(self, node: nodes.Name) -> object:
        for frame in reversed(self._frames):
            if node.name in frame:
                return frame[node.name]
        if node.name in self._functions:
            raise CannotEvaluate(f"{node.name} is called, with brackets behind it")
        raise NotThere(f"{quoted_word(node.name)} is not set here")

    def _constant(self, node: nodes.Const) -> object:
        value: object = node.value
        if isinstance(value, str) and self._dialect is not None:
            return PrintedSql(value)  # what stands in the SQL was written as SQL
        return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

    def _mapping(self, node: nodes.Dict) -> object:
        return {str(pair.key.value): self._value(pair.value) for pair in node.items}  # type: ignore[attr-defined]

    def _getattr(self, node: nodes.Getattr) -> object:
        return attribute(self._value(node.node), node.attr)

    def _getitem(self, node: nodes.Getitem) -> object:
        owner = self._value(node.node)
        if isinstance(node.arg, nodes.Slice):
            return self._slice(owner, node.arg)
        key = self._value(node.arg)
        if isinstance(owner, Mapping) and isinstance(key, str):
            return attribute(owner, key)
        if isinstance(owner, str | list | tuple) and isinstance(key, int):
            if not -len(owner) <= key < len(owner):
                raise NotThere(f"{kind_of_value(owner)} of {len(owner):,} has nothing at that place")
            return owner[key]
        raise CannotEvaluate(f"{kind_of_value(owner)} has no [...] with {kind_of_value(key)} in it")

    def _slice(self, owner: object, bounds: nodes.Slice) -> object:
        if not isinstance(owner, str | list | tuple):
            raise CannotEvaluate(f"{kind_of_value(owner)} cannot be cut")
        cut = slice(*(self._bound(bound) for bound in (bounds.start, bounds.stop, bounds.step)))
        if cut.step == 0:
            raise CannotEvaluate("nothing can be cut in steps of zero")
        size = len(range(*cut.indices(len(owner))))
        if isinstance(owner, str):
            self._budget.text(size)
        else:
            self._budget.step(size)
        return owner[cut]

    def _bound(self, node: nodes.Expr | None) -> int | None:
        value = None if node is None else self._value(node)
        if value is not None and not isinstance(value, int):
            raise CannotEvaluate("[from:to] takes whole numbers")
        return value

    def _call(self, node: nodes.Call) -> object:
        if isinstance(node.node, nodes.Name) and node.node.name in self._functions:
            named = {str(pair.key): self._value(pair.value) for pair in node.kwargs}
            return self._functions[node.node.name](self._values(node.args), named)
        if isinstance(node.node, nodes.Getattr):
            return call(self._value(node.node.node), node.node.attr, self._values(node.args), self._budget)
        raise CannotEvaluate("only var, range, ref and methods can be called")

    def _filter(self, node: nodes.Filter) -> object:
        assert node.node is not None
        given = self._values(node.args)
        named = {str(pair.key): self._value(pair.value) for pair in node.kwargs}
        try:
            value = self._value(node.node)
        except NotThere:
            if node.name not in DEFAULTS:
                raise
            return given[0] if given else named.get("default_value", "")
        if node.name == SQL:
            return as_sql(value, self._dialect or "", self._budget)
        return apply_filter(node.name, value, given, named, self._budget)

    def _test(self, node: nodes.Test) -> object:
        try:
            value = self._value(node.node)
        except NotThere:
            if node.name not in DEFINED:
                raise
            return node.name == "undefined"
        return apply_test(node.name, value, self._values(node.args), self._budget)

    def _condition(self, node: nodes.CondExpr) -> object:
        if self._value(node.test):
            return self._value(node.expr1)
        if node.expr2 is None:
            raise NotThere("there is no `else` to this `if`")
        return self._value(node.expr2)

    def _compare(self, node: nodes.Compare) -> object:
        left = self._value(node.expr)
        for operand in node.ops:
            right = self._value(operand.expr)
            if not compare(operand.op, left, right, self._budget):
                return False
            left = right
        return True

    def _concat(self, node: nodes.Concat) -> object:
        parts = [written(self._value(part), self._budget) for part in node.nodes]
        self._budget.text(sum(map(len, parts)))
        return "".join(parts)

    def _binary(self, node: nodes.BinExpr) -> object:
        return calculate(str(node.operator), self._value(node.left), self._value(node.right), self._budget)

    def _sign(self, node: nodes.UnaryExpr) -> object:
        value = self._value(node.node)
        if not isinstance(value, int | float):
            raise CannotEvaluate(f"`{node.operator}` is for numbers only")
        return -value if isinstance(node, nodes.Neg) else +value

    def _and(self, node: nodes.And) -> object:
        left = self._value(node.left)
        return self._value(node.right) if left else left

    def _or(self, node: nodes.Or) -> object:
        left = self._value(node.left)
        return left or self._value(node.right)

    def _not(self, node: nodes.Not) -> object:
        return not self._value(node.node)

    def _list(self, node: nodes.List) -> object:
        return self._values(node.items)

    def _tuple(self, node: nodes.Tuple) -> object:
        return tuple(self._values(node.items))

    _HANDLERS: ClassVar[Mapping[type[nodes.Node], Callable[..., object]]] = {
        nodes.Name: _name,
        nodes.Const: _constant,
        nodes.List: _list,
        nodes.Tuple: _tuple,
        nodes.Dict: _mapping,
        nodes.Getattr: _getattr,
        nodes.Getitem: _getitem,
        nodes.Call: _call,
        nodes.Filter: _filter,
        nodes.Test: _test,
        nodes.CondExpr: _condition,
        nodes.Compare: _compare,
        nodes.And: _and,
        nodes.Or: _or,
        nodes.Not: _not,
        nodes.Concat: _concat,
        **dict.fromkeys((nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod), _binary),
        **dict.fromkeys((nodes.Neg, nodes.Pos), _sign),
    }


def _loop(index: int, length: int) -> dict[str, object]:
    return {"index": index + 1, "index0": index, "first": index == 0, "last": index == length - 1, "length": length}


def _placed(fault: TemplateFault, node: nodes.Node) -> TemplateFault:
    """The fault, with the place of the innermost node that has it."""
    if not fault.line:
        fault.line = node.lineno or 0
        fault.word = str(getattr(node, "attr", None) or getattr(node, "name", None) or "")
    return fault
