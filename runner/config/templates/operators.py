"""What the operators of templates do, each charged before it makes anything."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from runner.config.templates.budget import Budget
from runner.config.templates.template_types import CannotEvaluate
from runner.config.templates.values import advice, contains, equal, kind_of_value, less, number

Number = int | float

_ARITHMETIC: Mapping[str, Callable[[Number, Number], Number]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


def calculate(sign: str, left: object, right: object, budget: Budget) -> object:
    """`left sign right`; `+` is for texts and lists too. Raises CannotEvaluate, TemplateTooLarge."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        if sign in ("/", "//", "%") and not right:
            raise CannotEvaluate("it divides by zero")
        return number(_ARITHMETIC[sign](left, right))
    if sign == "+" and isinstance(left, str) and isinstance(right, str):
        budget.text(len(left) + len(right))
        return left + right
    if sign == "+" and isinstance(left, list) and isinstance(right, list):
        budget.step(len(left) + len(right))
        return left + right
    if sign == "+" and isinstance(left, tuple) and isinstance(right, tuple):
        budget.step(len(left) + len(right))
        return left + right
    if sign == "+":
        sides = f"{kind_of_value(left)} and {kind_of_value(right)}"
        raise CannotEvaluate(f"{sides} cannot be added{advice(left, right)}")
    raise CannotEvaluate(f"`{sign}` is for numbers only")


def compare(sign: str, left: object, right: object, budget: Budget) -> bool:
    """`left sign right`, the sign by Jinja2's name for it. Raises CannotEvaluate, TemplateTooLarge."""
    if sign in ("eq", "ne"):
        return equal(left, right, budget) == (sign == "eq")
    if sign in ("in", "notin"):
        return contains(right, left, budget) == (sign == "in")
    if sign in ("lt", "gt"):
        return less(left, right, budget) if sign == "lt" else less(right, left, budget)
    smaller, larger = (left, right) if sign == "lteq" else (right, left)
    return less(smaller, larger, budget) or equal(smaller, larger, budget)
