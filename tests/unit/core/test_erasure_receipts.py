"""What became of erasures: which receipts a later erasure brings to their end."""

from __future__ import annotations

from datetime import UTC, datetime

from runner.core.erasure_receipts import Receipt, ended_by, open_receipts

AT = datetime(2026, 11, 28, tzinfo=UTC)


def receipt(number: int, finishes: int | None = None, *, finished: bool = True) -> Receipt:
    content = {"finished": AT.isoformat() if finished else None, "finishes": finishes}
    return Receipt(number, number, AT, content)


def test_only_an_erasure_that_came_to_a_good_end_ends_another() -> None:
    assert ended_by([receipt(1, finished=False), receipt(2, 1, finished=False)]) == {}
    assert ended_by([receipt(1, finished=False), receipt(2, 1)]) == {1: 2}


def test_the_last_of_several_ends_those_before_it_too() -> None:
    every = [receipt(1, finished=False), receipt(2, 1, finished=False), receipt(3, 2), receipt(4, finished=False)]
    assert ended_by(every) == {1: 3, 2: 3}
    assert [one.number for one in open_receipts(every)] == [4]
