"""Receipts of erasures, and what became of each: a receipt alone proves nothing, what it says of its end does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from runner.quick_dataclass import dataclass


class Fate(StrEnum):
    """What became of the people of a receipt, in the words that the receipt is listed with."""

    ERASED = "erased"
    UNFINISHED = "not finished"
    LEFT = "not erased everywhere"
    OLD_VERSIONS = "erased, but older versions of files may hold them"
    COMES_BACK = "erased, but not for long"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a run was asked to erase, and what came of it: counts in `content`, and nothing that tells who it was.

    One whose `content` is not `finished` is of a run that died, was interrupted, or is still under way.
    """

    number: int
    run: int
    at: datetime
    content: Mapping[str, Any]

    @property
    def is_finished(self) -> bool:
        return bool(self.content.get("finished"))

    @property
    def fate(self) -> Fate:
        """What became of the people, as the erasure itself could see it."""
        if not self.is_finished:
            return Fate.UNFINISHED
        if any(one["left"] or one["error"] for one in self.content.get("audiences", ())):
            return Fate.LEFT
        if any(one["found"] in ("in the segment", "failed") for one in self.content.get("segments", ())):
            return Fate.COMES_BACK
        if not self.content.get("older_versions", {}).get("are_gone", True):
            return Fate.OLD_VERSIONS
        return Fate.ERASED

    @property
    def finishes(self) -> int | None:
        """The receipt of the erasure that this one went on with, as the person who asked for it said."""
        found = self.content.get("finishes")
        return None if found is None else int(found)


def ended_by(receipts: Iterable[Receipt]) -> Mapping[int, int]:
    """Of each receipt that a later erasure brought to its end, the number of that one's receipt."""
    every = {one.number: one for one in receipts}
    ended: dict[int, int] = {}
    for number in sorted(every, reverse=True):  # the newest first: what it ends may itself have gone on with another
        last = every[number]
        if last.finishes in every and (last.fate is Fate.ERASED or number in ended):
            ended[last.finishes] = ended.get(number, number)
    return ended


def open_receipts(receipts: Iterable[Receipt]) -> tuple[Receipt, ...]:
    """Those whose people are not erased for good yet, the oldest first."""
    every = tuple(receipts)
    ended = ended_by(every)
    return tuple(one for one in every if one.fate is not Fate.ERASED and one.number not in ended)


def way_on(receipt: Receipt) -> str:
    """What a person has to do about an open receipt, as the end of an arrow."""
    again = f"`headcount forget FILE --finishes {receipt.number}` with the same people"
    back = "remove them at the source, or let a suppression name them"
    ways = {
        Fate.UNFINISHED: f"{again} goes on with it",
        Fate.LEFT: f"put right what it says, then {again}",
        Fate.COMES_BACK: f"{back}, then {again}",
        Fate.OLD_VERSIONS: f"remove the versions that it names, then {again}",
        Fate.ERASED: "",
    }
    return ways[receipt.fate]
