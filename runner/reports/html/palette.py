"""The colours of the pages, in light and in dark: one place, so that their contrast can be computed."""

from __future__ import annotations

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "page": "#fbfbf9",
    "card": "#ffffff",
    "text": "#1c2126",
    "muted": "#59626c",
    "line": "#e2e4e1",
    "link": "#1d5c85",
    "size": "#2a6f97",
    "fill": "#dfeaf1",
    "in": "#2f7d5b",
    "out": "#b3542d",
    "bad": "#a5301f",
    "badfill": "#fbeeea",
    "good": "#2b7352",
}
"""Of each part of a page, its colour; plots are drawn in these."""

DARK: Mapping[str, str] = {
    "page": "#14171a",
    "card": "#1b1f23",
    "text": "#e8eaec",
    "muted": "#a4adb6",
    "line": "#30363c",
    "link": "#8cc4ea",
    "size": "#7db6da",
    "fill": "#22384a",
    "in": "#6cc29b",
    "out": "#eb9a72",
    "bad": "#ff9a88",
    "badfill": "#3a211d",
    "good": "#7ccca6",
}
"""The same parts where the reader prefers dark."""

READ: Mapping[str, tuple[str, ...]] = {
    "page": ("text", "muted", "link", "bad", "good", "in", "out"),
    "card": ("text", "muted", "link", "bad", "good", "in", "out"),
    "badfill": ("text", "muted", "bad"),
}
"""Surfaces, and the colours of what is read on them: each has a contrast of at least 4.5."""

DRAWN: Mapping[str, tuple[str, ...]] = {"card": ("size", "in", "out", "bad")}
"""Surfaces, and the colours of what is drawn on them: each has a contrast of at least 3."""
