"""What a text, a date, a loop and a mapping have behind a dot: a closed list, and nothing of Python's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from runner.config.templates.budget import Budget
from runner.config.templates.template_types import CannotEvaluate, NotThere, TemplateTooLarge
from runner.config.templates.values import kind_of_value
from runner.core.suggest import quoted_word, suggest

TEXT_METHODS = ("lower", "upper", "title", "strip", "startswith", "endswith", "split")
DATE_METHODS = ("isoformat", "strftime", "weekday", "isoweekday")
METHODS = (*TEXT_METHODS, *DATE_METHODS)
DATE_ATTRIBUTES = ("year", "month", "day")
LOOP_ATTRIBUTES = ("first", "last", "index", "index0", "length")

MAX_STRIPPED = 100
"""Characters of the text that says what is stripped: each is looked for at every place."""
_MAX_FORMAT = 200
_DIRECTIVES = "aAbBdjmyYGuUVwWHMSF%"
_FORMAT = re.compile(f"(?:[^%]|%-[dmj]|%[{_DIRECTIVES}])*")
_MANY_KEYS = 20
"""More are not gone through for a word that is like one: a loop may ask for many."""
_GROWTH = 3
"""A letter has up to three in its other case."""


def made_of(change: Callable[[str], str], text: str, budget: Budget) -> str:
    """A text with its letters changed, charged before."""
    budget.text(_GROWTH * len(text))
    return change(text)


def call(owner: object, name: str, given: Sequence[object], budget: Budget) -> object:
    """What a method of a text or of a date gives. Raises CannotEvaluate, TemplateTooLarge."""
    if isinstance(owner, str) and name in TEXT_METHODS:
        return _of_text(owner, name, given, budget)
    if isinstance(owner, date) and name in DATE_METHODS:
        return _of_date(owner, name, given)
    raise CannotEvaluate(f"{kind_of_value(owner)} has no .{name}()")


def _of_text(text: str, name: str, given: Sequence[object], budget: Budget) -> object:
    if name in ("lower", "upper", "title"):
        _require(name, given, most=0)
        return made_of({"lower": str.lower, "upper": str.upper, "title": str.title}[name], text, budget)
    if name == "split":
        return _split(text, given, budget)
    if name == "strip":
        _require(name, given, most=1)
        characters = given[0] if given else None
        if isinstance(characters, str) and len(characters) > MAX_STRIPPED:
            raise TemplateTooLarge("the text to strip is too long")
        return made_of(lambda whole: whole.strip(characters), text, budget)  # type: ignore[arg-type]
    _require(name, given, least=1, most=1)
    part = str(given[0])
    budget.look_through(len(part))
    return text.startswith(part) if name == "startswith" else text.endswith(part)


def _split(text: str, given: Sequence[object], budget: Budget) -> object:
    _require("split", given[:1], most=1)
    separator = str(given[0]) if given else None
    most = given[1] if len(given) == 2 else -1
    if separator == "" or not isinstance(most, int) or len(given) > 2:
        raise CannotEvaluate(".split() takes the text to split at, not an empty one, and how often at most")
    budget.look_through(len(text) + len(separator or ""))
    budget.step(len(text) // 2 + 1 if separator is None else text.count(separator) + 1)
    budget.text(len(text))
    return text.split(separator, most)


def _of_date(day: date, name: str, given: Sequence[object]) -> object:
    if name != "strftime":
        _require(name, given, most=0)
        return {"isoformat": day.isoformat, "weekday": day.weekday, "isoweekday": day.isoweekday}[name]()
    _require(name, given, least=1, most=1)
    layout = str(given[0])
    if len(layout) > _MAX_FORMAT:
        raise TemplateTooLarge(f"the layout of a date has more than {_MAX_FORMAT} characters")
    if not _FORMAT.fullmatch(layout):
        known = ", ".join(f"%{letter}" for letter in _DIRECTIVES)
        raise CannotEvaluate(f"the layout of a date may have {known}, and %-d, %-m, %-j")
    try:
        return day.strftime(layout)
    except ValueError:  # a character that the system's library does not take
        raise CannotEvaluate("the layout of a date has a character that cannot be part of one") from None


def _require(name: str, given: Sequence[object], *, most: int, least: int = 0) -> None:
    if not least <= len(given) <= most or not all(isinstance(value, str) for value in given):
        takes = "one text" if most else "no arguments"
        raise CannotEvaluate(f".{name}() takes {takes}")


def attribute(owner: object, name: str) -> object:
    """What stands behind a dot and is not called: of a mapping, the value under that key. Raises CannotEvaluate."""
    if isinstance(owner, Mapping):
        if name not in owner:
            near = suggest(name, map(str, owner)) if len(owner) <= _MANY_KEYS else ""
            raise NotThere(f"there is no {quoted_word(name)} in this mapping{near}")
        return owner[name]
    if isinstance(owner, date) and name in DATE_ATTRIBUTES:
        return getattr(owner, name)
    raise CannotEvaluate(f"{kind_of_value(owner)} has no .{quoted_word(name)[1:-1]}")
