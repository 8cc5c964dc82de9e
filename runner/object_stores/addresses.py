"""Addresses of objects, and the patterns that mean several: the rules of local globs, without a disk."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from glob import has_magic

from runner.quick_dataclass import dataclass

SCHEMES = ("s3", "gs", "az")
"""The object stores that are read: S3 and what speaks its language, Google Cloud Storage, Azure Blob Storage."""

_URL = re.compile(rf"({'|'.join(SCHEMES)})://([^/]*)/?(.*)", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ESCAPED = re.compile(r"\[([*?[])\]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern taken apart: the bucket's own address, the parts of the key above the first wildcard, and the rest."""

    bucket: str
    fixed: tuple[str, ...]
    wild: tuple[str, ...]

    @property
    def prefix(self) -> str:
        """The key of the one object that is meant, or what the keys of all begin with."""
        return "/".join(self.fixed)


def is_object(path: str) -> bool:
    """Whether a path is the address of objects in a store that is read."""
    return _URL.fullmatch(path) is not None


def flaw(url: str) -> str:
    """Why an address can mean no object; empty where it can."""
    match = _URL.fullmatch(url)
    if match is None or not _BUCKET.fullmatch(match[2]):
        return f'"{url.partition(":")[0]}://" is followed by the name of a bucket and by the path of an object in it'
    parts = match[3].split("/")
    if not parts[-1]:
        return "it names no object: end it with a name or a wildcard, such as *.parquet"
    if any(part in ("", ".", "..") for part in parts):
        return "a path in a bucket has no empty parts, and none that is . or .."
    return ""


def hidden(url: str) -> str:
    """The first part of the path that is hidden; empty when none is."""
    match = _URL.fullmatch(url)
    return next((part for part in match[3].split("/") if part.startswith(".")), "") if match else ""


def taken_apart(url: str) -> Pattern:
    """The pattern of an address that has no flaw."""
    match = _URL.fullmatch(url)
    assert match is not None
    parts = tuple(match[3].split("/"))
    fixed = next((at for at, part in enumerate(parts) if has_magic(_ESCAPED.sub("", part))), len(parts))
    plain = tuple(_ESCAPED.sub(r"\1", part) for part in parts[:fixed])
    return Pattern(f"{match[1]}://{match[2]}", plain, parts[fixed:])


def means(pattern: str, url: str) -> bool:
    """Whether an object is one of those that a pattern means."""
    wanted, (bucket, key) = taken_apart(pattern), split(url)
    parts = key.split("/")
    within = tuple(parts[: len(wanted.fixed)]) == wanted.fixed
    return bucket == wanted.bucket and within and Matcher(wanted.wild).fits(parts[len(wanted.fixed) :])


def split(url: str) -> tuple[str, str]:
    """The bucket's own address, and the key."""
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    return f"{scheme}://{bucket}", key


class Matcher:
    """Whether keys match the parts of a pattern after a prefix.

    `*` stays within a part, `**` stands for any number of parts, and nothing hidden is meant. The time that it
    takes is bounded by the product of both lengths, whatever the pattern.
    """

    def __init__(self, wild: Iterable[str]) -> None:
        parts = list(wild)
        # Several `**` in a row are one.
        once = [part for at, part in enumerate(parts) if part != "**" or parts[at + 1 : at + 2] != ["**"]]
        self._wild = [None if part == "**" else re.compile(translate(part)).match for part in once]

    def fits(self, parts: Iterable[str]) -> bool:
        """Whether the parts of a key, from the prefix on, are what the pattern means."""
        states, last = self._skipped({0}), len(self._wild)
        for part in parts:
            states = self._skipped({after for state in states if state < last for after in self._step(state, part)})
        return last in states

    def _step(self, state: int, part: str) -> set[int]:
        matches = self._wild[state]
        if not part or part.startswith("."):
            return set()
        if matches is not None:
            return {state + 1} if matches(part) else set()
        return {state, state + 1} if state == len(self._wild) - 1 else {state}

    def _skipped(self, states: set[int]) -> set[int]:
        """The states, with those after a `**` that stands for nothing; the last part stands for a name at least."""
        for state in sorted(states):
            while state < len(self._wild) - 1 and self._wild[state] is None:
                state += 1
                states = states | {state}
        return states
