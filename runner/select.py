"""Which activations a command looks at."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from runner.errors import UsageError

Candidate = tuple[str, str]
"""An activation's id and the name of its destination."""


def meant(activation: str, destination: str, patterns: Collection[str]) -> bool:
    """Whether the patterns mean this activation; no pattern at all means every one.

    A pattern is an id, a glob over ids, or `destination:NAME` (a glob, too).
    """
    return not patterns or any(_matches(pattern, activation, destination) for pattern in patterns)


def require_matches(patterns: Iterable[str], candidates: Collection[Candidate]) -> None:
    """Raise UsageError for a pattern that means nothing: a typo must not turn into "nothing to do"."""
    for pattern in patterns:
        if not any(_matches(pattern, activation, destination) for activation, destination in candidates):
            raise UsageError(f'--select "{pattern}" matches no activation', _suggest(pattern, candidates))


def require_known(ids: Iterable[str], candidates: Collection[Candidate]) -> None:
    """Raise UsageError for an id that no activation has."""
    known = {activation for activation, _ in candidates}
    for unknown in sorted(set(ids) - known):
        raise UsageError(f'there is no activation "{unknown}"', _suggest(unknown, candidates))


def _matches(pattern: str, activation: str, destination: str) -> bool:
    if pattern.startswith("destination:"):
        return fnmatchcase(destination, pattern.removeprefix("destination:"))
    return fnmatchcase(activation, pattern)


def _suggest(word: str, candidates: Iterable[Candidate]) -> str:
    near = get_close_matches(word, [activation for activation, _ in candidates], n=1)
    return f'did you mean "{near[0]}"?' if near else "`headcount status` lists the activations"
