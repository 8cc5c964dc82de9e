"""What a JSON body must look like. A shape looks at a value and yields what is wrong with it, and where."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner.sandbox.api.error_envelopes import EnvelopeProblem, invalid

UNKNOWN_FIELD = "unknown-field"
REQUIRED_FIELD = "required-field"
INT32 = 2**31

Shape = Callable[[Any, str], Iterator[EnvelopeProblem]]


def text(value: Any, where: str) -> Iterator[EnvelopeProblem]:
    """A string."""
    if not isinstance(value, str):
        yield invalid(where, f"must be a string, not {_kind(value)}")


def flag(value: Any, where: str) -> Iterator[EnvelopeProblem]:
    """True or false."""
    if not isinstance(value, bool):
        yield invalid(where, f"must be a boolean, not {_kind(value)}")


def whole(value: Any, where: str) -> Iterator[EnvelopeProblem]:
    """A whole number of at most 32 bits."""
    if not isinstance(value, int) or isinstance(value, bool) or not -INT32 <= value < INT32:
        yield invalid(where, "must be a 32-bit integer")


def number(value: Any, where: str) -> Iterator[EnvelopeProblem]:
    """A number."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        yield invalid(where, f"must be a number, not {_kind(value)}")


def whole_or_digits(value: Any, where: str) -> Iterator[EnvelopeProblem]:
    """A whole number, or a string of digits: some fields are read leniently."""
    if not (isinstance(value, str) and value.isascii() and value.isdigit()):
        yield from whole(value, where)


def texts(value: Any, where: str) -> Iterator[EnvelopeProblem]:
    """An array of strings, which may be long."""
    if not isinstance(value, list):
        yield invalid(where, f"must be an array, not {_kind(value)}")
    elif not set(map(type, value)) <= {str}:
        index = next(index for index, item in enumerate(value) if not isinstance(item, str))
        yield invalid(f"{where}/{index}", f"must be a string, not {_kind(value[index])}")


def one_of(*words: str) -> Shape:
    """One of these words, spelled exactly so."""

    def check(value: Any, where: str) -> Iterator[EnvelopeProblem]:
        if value not in words:
            yield invalid(where, f"must be one of {', '.join(words)}")

    return check


def nullable(shape: Shape) -> Shape:
    """The shape, or null."""

    def check(value: Any, where: str) -> Iterator[EnvelopeProblem]:
        if value is not None:
            yield from shape(value, where)

    return check


def array(shape: Shape) -> Shape:
    """An array of that shape."""

    def check(value: Any, where: str) -> Iterator[EnvelopeProblem]:
        if not isinstance(value, list):
            yield invalid(where, f"must be an array, not {_kind(value)}")
            return
        for index, item in enumerate(value):
            yield from shape(item, f"{where}/{index}")

    return check


@dataclass(frozen=True, slots=True)
class Fields:
    """An object with these fields and no other."""

    required: Mapping[str, Shape]
    optional: Mapping[str, Shape]

    def __call__(self, value: Any, where: str) -> Iterator[EnvelopeProblem]:
        if not isinstance(value, dict):
            yield invalid(where, f"must be an object, not {_kind(value)}")
            return
        for name in self.required:
            if name not in value:
                yield invalid(_below(where, name), "is required", REQUIRED_FIELD)
        for name, item in value.items():
            shape = self.required.get(name) or self.optional.get(name)
            if shape is None:
                yield invalid(_below(where, name), "is not a field of this object", UNKNOWN_FIELD)
            else:
                yield from shape(item, _below(where, name))


def fields(required: Mapping[str, Shape] | None = None, /, **optional: Shape) -> Fields:
    """An object with these required and these optional fields."""
    return Fields(required or {}, optional)


def _below(where: str, name: str) -> str:
    return f"{where}/{name}" if where else name


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return names[type(value)]
