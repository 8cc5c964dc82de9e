"""The filters and tests of templates: those of Jinja2 that are for text, numbers and lists."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from runner.config.templates.budget import Budget
from runner.config.templates.methods import MAX_STRIPPED, made_of
from runner.config.templates.operators import compare
from runner.config.templates.template_types import CannotEvaluate, NotThere, TemplateTooLarge
from runner.config.templates.values import items_of, kind_of_value, number, written
from runner.quick_dataclass import dataclass

_MAX_DIGITS = 100

Action = Callable[[object, Sequence[object], Budget], object]


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument, by place or by name."""

    name: str
    default: object


@dataclass(frozen=True, slots=True)
class Filter:
    """What a filter does with a value and its arguments, all of which are given."""

    action: Action
    parameters: tuple[Parameter, ...] = ()


def apply_filter(
    name: str, value: object, given: Sequence[object], named: Mapping[str, object], budget: Budget
) -> object:
    """The value, filtered. Raises CannotEvaluate, TemplateTooLarge."""
    one = FILTERS[name]
    known = [parameter.name for parameter in one.parameters]
    unknown = next((key for key in named if key not in known[len(given) :]), None)
    if len(given) > len(known) or unknown is not None:
        takes = f"takes {', '.join(known)}" if known else "takes no arguments"
        raise CannotEvaluate(f"the filter {name} {takes}")
    rest = [named.get(parameter.name, parameter.default) for parameter in one.parameters[len(given) :]]
    return one.action(value, [*given, *rest], budget)


def apply_test(name: str, value: object, given: Sequence[object], budget: Budget) -> bool:
    """Whether the value passes. Raises CannotEvaluate, TemplateTooLarge."""
    test = TESTS[name]
    if len(given) != (1 if name in _COMPARISONS else 0):
        raise CannotEvaluate(f"the test {name} takes {'one value' if name in _COMPARISONS else 'no value'}")
    return test(value, given, budget)


# -- filters -----------------------------------------------------------------------------------------------------------


def _text(change: Callable[[str], str]) -> Action:
    return lambda value, _, budget: made_of(change, written(value, budget), budget)


def _trim(value: object, arguments: Sequence[object], budget: Budget) -> object:
    characters = arguments[0]
    if characters is not None and (not isinstance(characters, str) or len(characters) > MAX_STRIPPED):
        raise CannotEvaluate("the filter trim takes a short text")
    return made_of(lambda text: text.strip(characters), written(value, budget), budget)


def _joined(value: object, arguments: Sequence[object], budget: Budget) -> object:
    separator = written(arguments[0], budget)
    items = items_of(value)
    budget.step(len(items))
    budget.text(len(separator) * len(items))
    parts = [written(item, budget) for item in items]
    budget.text(sum(map(len, parts)))
    return separator.join(parts)


def _length(value: object, _: Sequence[object], __: Budget) -> object:
    return len(value) if isinstance(value, Mapping) else len(items_of(value))


def _at(index: int) -> Action:
    def pick(value: object, _: Sequence[object], __: Budget) -> object:
        items = items_of(value)
        if not items:
            raise NotThere(f"{kind_of_value(value)} without anything in it has no first and no last")
        return items[index]

    return pick


def _absolute(value: object, _: Sequence[object], __: Budget) -> object:
    if not isinstance(value, int | float):
        raise CannotEvaluate("the filter abs is for numbers only")
    return abs(value)


def _int(value: object, arguments: Sequence[object], _: Budget) -> object:
    default, base = arguments
    if isinstance(value, str) and len(value) > _MAX_DIGITS:
        raise TemplateTooLarge("a number grows too large")
    try:
        if isinstance(value, str):
            return number(int(value, base if isinstance(base, int) else 10))
        if isinstance(value, int | float):
            return number(int(value))
    except (ValueError, OverflowError):
        pass
    as_float = _as_float(value)
    return default if as_float is None or not math.isfinite(as_float) else number(int(as_float))


def _float(value: object, arguments: Sequence[object], _: Budget) -> object:
    found = _as_float(value)
    return arguments[0] if found is None else found


def _as_float(value: object) -> float | None:
    if isinstance(value, str) and len(value) > _MAX_DIGITS:
        raise TemplateTooLarge("a number grows too large")
    try:
        return float(value) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError):
        return None


def _defined(value: object, arguments: Sequence[object], _: Budget) -> object:
    default, also_empty = arguments
    return default if also_empty and not value else value


_DEFAULT = Filter(_defined, (Parameter("default_value", ""), Parameter("boolean", False)))
_COUNT = Filter(_length)
FILTERS: Mapping[str, Filter] = {
    "abs": Filter(_absolute),
    "capitalize": Filter(_text(str.capitalize)),
    "count": _COUNT,
    "d": _DEFAULT,
    "default": _DEFAULT,
    "first": Filter(_at(0)),
    "float": Filter(_float, (Parameter("default", 0.0),)),
    "int": Filter(_int, (Parameter("default", 0), Parameter("base", 10))),
    "join": Filter(_joined, (Parameter("d", ""),)),
    "last": Filter(_at(-1)),
    "length": _COUNT,
    "lower": Filter(_text(str.lower)),
    "string": Filter(lambda value, _, budget: written(value, budget)),
    "title": Filter(_text(str.title)),
    "trim": Filter(_trim, (Parameter("chars", None),)),
    "upper": Filter(_text(str.upper)),
}
DEFAULTS = ("d", "default")
"""Filters that a value which is not there may go through."""

# -- tests -------------------------------------------------------------------------------------------------------------

Test = Callable[[object, Sequence[object], Budget], bool]


def _remainder(wanted: int) -> Test:
    def test(value: object, _: Sequence[object], __: Budget) -> bool:
        if not isinstance(value, int | float):
            raise CannotEvaluate("even and odd are for numbers only")
        return value % 2 == wanted

    return test


def _comparison(sign: str) -> Test:
    return lambda value, given, budget: compare(sign, value, given[0], budget)


_COMPARISONS = {"in": "in", "eq": "eq", "ne": "ne", "lt": "lt", "le": "lteq", "gt": "gt", "ge": "gteq"}
DEFINED = ("defined", "undefined")
"""Tests of whether a value is there."""
TESTS: Mapping[str, Test] = {
    "defined": lambda *_: True,
    "undefined": lambda *_: False,
    "none": lambda value, *_: value is None,
    "number": lambda value, *_: isinstance(value, int | float),
    "string": lambda value, *_: isinstance(value, str),
    "boolean": lambda value, *_: isinstance(value, bool),
    "true": lambda value, *_: value is True,
    "false": lambda value, *_: value is False,
    "even": _remainder(0),
    "odd": _remainder(1),
    **{name: _comparison(sign) for name, sign in _COMPARISONS.items()},
}
