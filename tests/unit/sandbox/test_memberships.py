from __future__ import annotations

import sys

from runner.sandbox.world.identifier_validation import read
from runner.sandbox.world.segment_members import CountedMemberships, KeptMemberships, SizeHistory


def test_a_member_takes_little_room() -> None:
    identifiers = [f"{number:064x}" for number in range(10_000)]
    memberships = KeptMemberships()
    memberships.amend((1, "email"), "add", read("email", identifiers).members)
    kept = memberships.members((1, "email"))
    assert kept is not None
    room = sys.getsizeof(kept) + sum(map(sys.getsizeof, kept))
    assert room / len(kept) < 130
    assert sum(map(sys.getsizeof, identifiers)) / len(identifiers) + 52 > 160


def test_counts_never_fall_below_nothing() -> None:
    memberships = CountedMemberships()
    memberships.amend((1, "email"), "remove", ["a"])
    memberships.amend((1, "email"), "add", ["a", "a"])
    assert memberships.counts(1) == {"email": 2}
    assert memberships.members((1, "email")) is None


def test_a_size_shows_once_its_time_has_come() -> None:
    sizes = SizeHistory(lag=10)
    for now, size in ((0.0, 1), (5.0, 2), (20.0, 3), (21.0, 4)):
        sizes.note(1, size, now)
    assert [sizes.shown(1, now) for now in (21.0, 29.9, 30.0, 31.0, 99.0)] == [2, 2, 3, 4, 4]
    assert sizes.shown(2, 99.0) == 0


def test_before_the_first_size_shows_there_is_nothing_to_see() -> None:
    sizes = SizeHistory(lag=10)
    sizes.note(1, 5, 0.0)
    sizes.note(1, 6, 1.0)
    assert [sizes.shown(1, now) for now in (9.0, 10.0, 11.0)] == [0, 5, 6]
