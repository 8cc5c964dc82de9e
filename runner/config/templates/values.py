"""What templates work with: texts, numbers, true and false, dates, lists, mappings; and nothing else of Python.

Lists may share parts with themselves (`[a, a]`, thirty times over), so whatever goes through one is charged as it goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from runner.config.templates.budget import MAX_DEPTH, Budget
from runner.config.templates.template_types import CannotEvaluate, TemplateTooLarge

MAX_NUMBER = 10**18
"""No whole number is larger, on either side of zero."""


def kind_of_value(value: object) -> str:
    """What a value is called in a message."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    kinds = ((str, "a text"), (date, "a date"), (list | tuple, "a list"), (Mapping, "a mapping"))
    return next((name for type_, name in kinds if isinstance(value, type_)), "this")


def number(value: int | float) -> int | float:
    """The number, unless it is too large. Raises TemplateTooLarge."""
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        raise TemplateTooLarge("a number grows too large")
    return value


def written(value: object, budget: Budget) -> str:
    """A value as text: booleans as YAML and SQL write them. Raises CannotEvaluate for a mapping."""
    if isinstance(value, str):
        budget.text(len(value))
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    parts = list(_parts(value, budget, 0))
    return parts[0] if len(parts) == 1 else "".join(parts)


def _parts(value: object, budget: Budget, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        raise TemplateTooLarge("a list is too deeply nested")
    budget.step()
    if isinstance(value, Mapping):
        raise CannotEvaluate("a mapping cannot be written out; name one of its values, as in `var('x').name`")
    if not isinstance(value, list | tuple):
        budget.text(len(value) if isinstance(value, str) else 30)
        yield repr(value) if depth else str(value)
        return
    yield "[" if isinstance(value, list) else "("
    for index, item in enumerate(value):
        if index:
            yield ", "
        yield from _parts(item, budget, depth + 1)
    yield "]" if isinstance(value, list) else ",)" if len(value) == 1 else ")"


def detached(value: object, budget: Budget, depth: int = 0) -> object:
    """The value with nothing in it shared: lists and mappings copied, a date as text, each part charged."""
    if depth > MAX_DEPTH:
        raise TemplateTooLarge("a list is too deeply nested")
    budget.step()
    if isinstance(value, list | tuple):
        return [detached(item, budget, depth + 1) for item in value]
    if isinstance(value, Mapping):
        return {str(key): detached(part, budget, depth + 1) for key, part in value.items()}
    if isinstance(value, str):
        budget.text(len(value))
        return str(value)
    return value if value is None or isinstance(value, bool | int | float) else written(value, budget)


def texts_in(value: object) -> Iterator[str]:
    """Every text that a value is or holds, as a key too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield str(key)
            yield from texts_in(part)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)


def equal(left: object, right: object, budget: Budget, depth: int = 0) -> bool:
    """Whether two values are equal."""
    if depth > MAX_DEPTH:
        raise TemplateTooLarge("a list is too deeply nested")
    budget.step()
    if isinstance(left, str) and isinstance(right, str):
        budget.look_through(min(len(left), len(right)))
        return left == right
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return (
            isinstance(left, list) == isinstance(right, list)
            and len(left) == len(right)
            and all(equal(one, other, budget, depth + 1) for one, other in zip(left, right, strict=True))
        )
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return len(left) == len(right) and all(
            key in right and equal(value, right[key], budget, depth + 1) for key, value in left.items()
        )
    if isinstance(left, list | tuple | Mapping) or isinstance(right, list | tuple | Mapping):
        return False
    return left == right


def less(left: object, right: object, budget: Budget, depth: int = 0) -> bool:
    """Whether a value comes before another of its kind. Raises CannotEvaluate for kinds that have no order."""
    if depth > MAX_DEPTH:
        raise TemplateTooLarge("a list is too deeply nested")
    budget.step()
    if isinstance(left, str) and isinstance(right, str):
        budget.look_through(min(len(left), len(right)))
        return left < right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left < right
    if isinstance(left, date) and isinstance(right, date):
        return left < right
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        for one, other in zip(left, right, strict=False):
            if not equal(one, other, budget, depth + 1):
                return less(one, other, budget, depth + 1)
        return len(left) < len(right)
    raise CannotEvaluate(_mixed(left, right, "compared"))


def contains(owner: object, value: object, budget: Budget) -> bool:
    """Whether a text has a part, a list an item, or a mapping a key."""
    if isinstance(owner, str):
        if not isinstance(value, str):
            raise CannotEvaluate(f"`in` looks for a text in a text, not for {kind_of_value(value)}")
        budget.look_through(len(owner) + len(value))
        return value in owner
    if isinstance(owner, list | tuple):
        return any(equal(item, value, budget) for item in owner)
    if isinstance(owner, Mapping):
        if isinstance(value, str):
            budget.look_through(len(value))
        return isinstance(value, str) and value in owner
    raise CannotEvaluate(f"`in` looks into a text, a list or a mapping, not into {kind_of_value(owner)}")


def items_of(value: object) -> list[object] | tuple[object, ...] | str:
    """What a loop runs over: the items of a list, the characters of a text, the keys of a mapping."""
    if isinstance(value, list | tuple | str):
        return value
    if isinstance(value, Mapping):
        return tuple(value)
    raise CannotEvaluate(f"{kind_of_value(value)} cannot be gone through; that needs a list")


def _mixed(left: object, right: object, what: str) -> str:
    return f"{kind_of_value(left)} and {kind_of_value(right)} cannot be {what}{advice(left, right)}"


def advice(left: object, right: object) -> str:
    """What to write where a text meets a number."""
    kinds = {kind_of_value(left), kind_of_value(right)}
    return "; turn one into the other with `| int` or `| string`" if kinds == {"a text", "a number"} else ""
