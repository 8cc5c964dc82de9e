"""Whether a value is valid by a schema: yes or no, for the keywords that our schemas use, without jsonschema.

Nearly every document is valid, and to load jsonschema took a twelfth of the time of a short command. What is not valid,
jsonschema explains.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

_NO_JUDGEMENT = frozenset(
    ("$schema", "title", "description", "examples", "default", "definitions", "errorMessage", "x-for-editors")
)
"""Keywords that say nothing of whether a value is valid."""


class UnknownKeyword(Exception):
    """The schema has a keyword that only jsonschema judges."""


def is_valid(schema: Any, value: Any) -> bool:
    """Whether jsonschema's Draft7Validator would find nothing wrong. Raises UnknownKeyword."""
    if isinstance(schema, bool):
        return schema
    for keyword, expected in schema.items():
        if keyword in _NO_JUDGEMENT:
            continue
        judge = _JUDGES.get(keyword)
        if judge is None:
            raise UnknownKeyword(keyword)
        if not judge(expected, value, schema):
            return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _type(expected: Any, value: Any, _: Any) -> bool:
    names = [expected] if isinstance(expected, str) else expected
    return any(_TYPES[name](value) for name in names)


def _equal(one: Any, other: Any) -> bool:
    """As JSON has it: a boolean is no number, wherever in a value."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _items(expected: Any, value: Any, _: Any) -> bool:
    if isinstance(expected, list):
        raise UnknownKeyword("items")
    return not isinstance(value, list) or all(is_valid(expected, item) for item in value)


def _unique(expected: Any, value: Any, _: Any) -> bool:
    if not expected or not isinstance(value, list):
        return True
    if all(isinstance(item, str) for item in value):
        return len(set(value)) == len(value)
    return not any(_equal(one, other) for one, other in combinations(value, 2))


def _properties(expected: Any, value: Any, _: Any) -> bool:
    if not isinstance(value, dict):
        return True
    return all(is_valid(schema, value[name]) for name, schema in expected.items() if name in value)


def _additional(expected: Any, value: Any, schema: Any) -> bool:
    if not isinstance(value, dict):
        return True
    known = schema.get("properties", {})
    return all(is_valid(expected, part) for name, part in value.items() if name not in known)


def _dependencies(expected: Any, value: Any, _: Any) -> bool:
    if not isinstance(value, dict):
        return True
    wanted = (needed for name, needed in expected.items() if name in value)
    return all(
        all(one in value for one in needed) if isinstance(needed, list) else is_valid(needed, value)
        for needed in wanted
    )


def _condition(expected: Any, value: Any, schema: Any) -> bool:
    return is_valid(schema.get("then" if is_valid(expected, value) else "else", True), value)


def _for(kinds: type | tuple[type, ...], judge: Callable[[Any, Any], bool]) -> Callable[[Any, Any, Any], bool]:
    """A keyword that is about values of some types only; a boolean is none of them."""
    return lambda expected, value, _: isinstance(value, bool) or not isinstance(value, kinds) or judge(expected, value)


_JUDGES: Mapping[str, Callable[[Any, Any, Any], bool]] = {
    "type": _type,
    "enum": lambda expected, value, _: any(_equal(one, value) for one in expected),
    "const": lambda expected, value, _: _equal(expected, value),
    "pattern": _for(str, lambda pattern, value: re.search(pattern, value) is not None),
    "minLength": _for(str, lambda least, value: len(value) >= least),
    "maxLength": _for(str, lambda most, value: len(value) <= most),
    "minimum": _for((int, float), lambda least, value: value >= least),
    "maximum": _for((int, float), lambda most, value: value <= most),
    "minItems": _for(list, lambda least, value: len(value) >= least),
    "maxItems": _for(list, lambda most, value: len(value) <= most),
    "items": _items,
    "uniqueItems": _unique,
    "required": _for(dict, lambda names, value: all(name in value for name in names)),
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _for(dict, lambda schema, value: all(is_valid(schema, name) for name in value)),
    "minProperties": _for(dict, lambda least, value: len(value) >= least),
    "maxProperties": _for(dict, lambda most, value: len(value) <= most),
    "dependencies": _dependencies,
    "anyOf": lambda schemas, value, _: any(is_valid(schema, value) for schema in schemas),
    "allOf": lambda schemas, value, _: all(is_valid(schema, value) for schema in schemas),
    "not": lambda schema, value, _: not is_valid(schema, value),
    "if": _condition,
    "then": lambda *_: True,
    "else": lambda *_: True,
}
