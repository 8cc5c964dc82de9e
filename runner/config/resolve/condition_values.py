"""The values of conditions: operators with what they compare with, lengths of time, names of columns."""

from __future__ import annotations

import re
from decimal import Decimal

from runner.conditions.statements import Column, Operator, PropertyComparison, Value
from runner.config.document import Document
from runner.config.yaml.nodes import ListNode, MapNode, Node, ScalarNode, Span
from runner.config.yaml.strict_yaml import core_value
from runner.core.suggest import quoted_word, suggest

INVALID = "invalid-condition"
"""The code of the finding for a condition that cannot be meant."""

_MOST_VALUES, _LONGEST_TEXT, _MOST_DIGITS = 10_000, 10_000, 38
_LISTS = frozenset({Operator.IN, Operator.NOT_IN})
_TEXTS = frozenset({Operator.CONTAINS, Operator.STARTS_WITH})
_AGES = frozenset({Operator.WITHIN, Operator.OLDER_THAN})
_SINGLE = frozenset({Operator.IS, Operator.IS_NOT})
_UNITS = {"m": 60, "h": 3_600, "d": 86_400}
_UNFIT_FOR_NAMES = re.compile(r"[\"`\\\x00-\x1f\x7f]")
_LONGEST_NAME = 128


def column(name: str, span: Span, document: Document) -> Column | None:
    """A column by its name; None after a finding."""
    if not name or len(name) > _LONGEST_NAME or _UNFIT_FOR_NAMES.search(name):
        message = f"{quoted_word(name)} cannot be the name of a column here; give it a plain one, in a view"
        document.refuse(span, INVALID, message)
        return None
    return Column(name, document.location(span))


def comparisons(of: Column, node: Node, document: Document) -> tuple[PropertyComparison, ...] | None:
    """What is said about a column: a value, a list of values, or operators that all hold; None after findings."""
    if isinstance(node, MapNode):
        if not node.entries:
            document.refuse(node.span, INVALID, f"{quoted_word(of.name)} is compared with nothing; write at_least: 3")
            return None
        made = [_operated(of, key, entry.key, entry.value, document) for key, entry in node.entries.items()]
        return tuple(one for one in made if one is not None) if None not in made else None
    operator = Operator.IN if isinstance(node, ListNode) else Operator.IS
    found = _compared(of, operator, node, document)
    return None if found is None else (found,)


def _operated(of: Column, word: str, span: Span, node: Node, document: Document) -> PropertyComparison | None:
    if word not in set(Operator):
        advice = suggest(word, Operator, "operators")
        document.refuse(span, "unknown-operator", f"unknown operator {quoted_word(word)}{advice}")
        return None
    return _compared(of, Operator(word), node, document)


def _compared(of: Column, operator: Operator, node: Node, document: Document) -> PropertyComparison | None:
    if operator in _AGES:
        days = age(node, operator, document)
        return None if days is None else PropertyComparison(of, operator, (Decimal(days),))
    if operator is Operator.KNOWN:
        return _known(of, node, document)
    values = _values(operator, node, document)
    if values is None or not _are_sensible(operator, values, node, document):
        return None
    return PropertyComparison(of, operator, values)


def _known(of: Column, node: Node, document: Document) -> PropertyComparison | None:
    value = _typed(node).value if isinstance(node, ScalarNode) else None
    if isinstance(value, bool):
        return PropertyComparison(of, Operator.KNOWN, (value,))
    document.refuse(node.span, INVALID, "`known` is true or false")
    return None


def age(node: Node, operator: Operator, document: Document) -> int | None:
    """A number of days, such as 90d; None after a finding."""
    text = str(node.value) if isinstance(node, ScalarNode) else ""
    if re.fullmatch("[1-9][0-9]{0,4}d", text):
        return int(text[:-1])
    document.refuse(node.span, INVALID, f"`{operator}` is a number of days, such as 90d")
    return None


def length(node: Node, key: str, document: Document) -> int | None:
    """A length of time in seconds, such as 2d, 12h or 30m; None after a finding."""
    text = str(node.value) if isinstance(node, ScalarNode) else ""
    found = re.fullmatch("([1-9][0-9]{0,4})([mhd])", text)
    if found:
        return int(found[1]) * _UNITS[found[2]]
    document.refuse(node.span, INVALID, f"`{key}` is a number of minutes, hours or days, such as 30m, 12h or 2d")
    return None


def _values(operator: Operator, node: Node, document: Document) -> tuple[Value, ...] | None:
    is_list = operator in _LISTS or operator is Operator.BETWEEN
    if is_list != isinstance(node, ListNode):
        document.refuse(node.span, INVALID, _shape(operator))
        return None
    nodes = node.items if isinstance(node, ListNode) else (node,)
    message = ""
    if operator is Operator.BETWEEN and len(nodes) != 2:
        message = _shape(operator)
    elif not nodes:
        message = "the list of values is empty, and no property is one of none"
    elif len(nodes) > _MOST_VALUES:
        message = f"a list has at most {_MOST_VALUES:,} values; put them into a table"
    if message:
        document.refuse(node.span, INVALID, message)
        return None
    found = [_value(one, operator, document) for one in nodes]
    return tuple(one for one in found if one is not None) if None not in found else None


def _shape(operator: Operator) -> str:
    if operator is Operator.BETWEEN:
        return "`between` takes a list of two values, such as [10, 20]; both belong to it"
    if operator in _LISTS:
        return f"`{operator}` takes a list of values, such as [FR, BE]; a property is one of them"
    if operator in _SINGLE:
        return f"`{operator}` takes one value; for several write {'in' if operator is Operator.IS else 'not_in'}"
    return f"`{operator}` takes one value"


def _value(node: Node, operator: Operator, document: Document) -> Value | None:
    """A value; None after a finding."""
    if not isinstance(node, ScalarNode):
        document.refuse(node.span, INVALID, "a value is a text, a number, or true or false")
        return None
    value = node.value if operator in _TEXTS | _SINGLE | _LISTS else _typed(node).value
    if value is None:
        message = "a property is compared with no null; write `known: false` for one that is unknown"
        document.refuse(node.span, INVALID, message)
        return None
    if isinstance(value, str):
        if len(value) <= _LONGEST_TEXT:
            return value
        document.refuse(node.span, INVALID, f"a text in a condition has at most {_LONGEST_TEXT:,} characters")
        return None
    if isinstance(value, bool):
        return value
    number = Decimal(repr(value))
    if number.is_finite() and abs(number.adjusted()) < _MOST_DIGITS:
        return number
    document.refuse(node.span, INVALID, f"a number in a condition has at most {_MOST_DIGITS} digits")
    return None


def _typed(node: ScalarNode) -> ScalarNode:
    """The value of a template as the number, or the truth, that it spells."""
    if not node.templated or not isinstance(node.value, str):
        return node
    return ScalarNode(core_value(node.value.strip()), node.text, node.span, node.style, node.end_line, templated=True)


def _are_sensible(operator: Operator, values: tuple[Value, ...], node: Node, document: Document) -> bool:
    """Whether somebody can have meant it; records a finding where not."""
    message = ""
    if operator in _TEXTS and not (isinstance(values[0], str) and values[0]):
        message = f"`{operator}` takes a text of one character or more"
    elif operator not in _SINGLE | _LISTS and any(isinstance(value, bool) for value in values):
        message = f"true and false have no order; `{operator}` compares numbers, texts and times"
    elif operator is Operator.BETWEEN:
        low, high = values
        if type(low) is not type(high):
            message = "`between` takes two numbers, or two texts or times"
        elif low > high:  # type: ignore[operator]
            message = "`between` takes the lower value first"
    if message:
        document.refuse(node.span, INVALID, message)
    return not message
