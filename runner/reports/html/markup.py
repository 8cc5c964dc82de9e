"""HTML that is made of elements, so that whatever text goes in is escaped."""

from __future__ import annotations

from functools import lru_cache
from html import escape

from runner.reports.escape import printable

_VOID = frozenset({"br", "hr", "link", "meta"})


class Html(str):
    """Text that is HTML already. Everything else that becomes part of an element is escaped."""

    __slots__ = ()


NOTHING = Html("")
"""No element at all."""


def element(name: str, /, *children: str, **attributes: str) -> Html:
    """One element. An attribute is named as in Python: `class_` is `class`, `aria_label` is `aria-label`."""
    given = "".join(f' {_attribute(key)}="{_text(value)}"' for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: str) -> Html:
    """Several pieces, one after the other."""
    return Html("".join(child if isinstance(child, Html) else _text(child) for child in children))


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


@lru_cache(10_000)
def _text(value: str) -> str:
    return escape(printable(value))
