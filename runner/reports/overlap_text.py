"""Sentences about how much of a segment other audiences hold already, and the same as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.planning.overlap import Overlap, SharedWith
from runner.reports.format import plural

IN_A_PLAN, IN_A_PREVIEW = 3, 20
"""Audiences that are named; the JSON document has them all."""


def overlap_sentences(overlap: Overlap, most: int) -> Iterator[str]:
    """One for each audience that holds some of the segment, at most so many, and what they leave out."""
    for one in overlap.shared[:most]:
        yield _sentence(one, overlap)
    rest = len(overlap.shared) - most
    if rest > 0:
        yield f"less of it is in {plural(rest, 'more audience')}"
    if overlap.too_late:
        yield f"{plural(overlap.too_late, 'audience')} not looked at: that would take too long"
    if overlap.unreadable:
        yield f"{plural(overlap.unreadable, 'audience')} not looked at: the membership cannot be read"


def _sentence(one: SharedWith, overlap: Overlap) -> str:
    share = f"{one.percent} %" if one.percent else "less than 1 %"
    if overlap.is_estimate and one.percent:
        share = f"about {share}"
    where = f" (account {one.elsewhere})" if one.elsewhere else ""
    return f"{share} of it is in {one.activation} already{where}"


def overlap_data(overlap: Overlap) -> dict[str, Any]:
    """Part of schemas/plan.schema.json and schemas/preview.schema.json."""
    return {
        "audiences": [
            {
                "activation": one.activation,
                "percent": one.percent,
                "identifiers": one.identifiers,
                "among": one.among,
                "elsewhere": one.elsewhere,
            }
            for one in overlap.shared
        ],
        "compared": overlap.compared,
        "too_late": overlap.too_late,
        "unreadable": overlap.unreadable,
        "estimate": overlap.is_estimate,
    }
