"""Listing the audiences: every one of them, once, though the account changes meanwhile."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.destination import DestinationClient, LiveAudience
from runner.core.errors import DestinationError, HeadcountError
from runner.destinations.criteo.error_envelope import Envelope
from runner.destinations.criteo.pagination import READINGS, read_all
from tests.unit.destinations.criteo.server import FakeCriteo, Reply, problem


def page(*ids: Any, total: Any) -> Envelope:
    return Envelope([{"id": str(one), "attributes": {}} for one in ids], {"totalItems": total})


class Account:
    """Pages of a list that changes after so many calls."""

    def __init__(self, *readings: list[Envelope]) -> None:
        self.pages = [answer for reading in readings for answer in reading]
        self.offsets: list[int] = []

    def __call__(self, offset: int) -> Envelope:
        self.offsets.append(offset)
        return self.pages.pop(0)


def ids(account: Account, size: int = 2) -> list[str]:
    return [item.id for item in read_all(account, size)]


def test_pages_are_read_by_item_offset_to_the_end() -> None:
    account = Account([page(1, 2, total=5), page(3, 4, total=5), page(5, total=5)])
    assert ids(account) == ["1", "2", "3", "4", "5"]
    assert account.offsets == [0, 2, 4]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_single_page_is_one_call(count: int) -> None:
    account = Account([page(*range(count), total=count)])
    assert len(ids(account)) == count
    assert account.offsets == [0]


def test_without_a_total_a_short_page_is_the_last() -> None:
    account = Account([page(1, 2, total=None), page(3, total=None)])
    assert ids(account) == ["1", "2", "3"]


def test_without_a_total_an_empty_page_is_the_last() -> None:
    account = Account([page(1, 2, total=None), page(total=None)])
    assert ids(account) == ["1", "2"]


def test_a_page_without_news_ends_the_reading() -> None:
    account = Account([page(1, 2, total=None), page(1, 2, total=None)])
    assert ids(account) == ["1", "2"]


def test_a_total_that_shifted_means_reading_again() -> None:
    account = Account(
        [page(1, 2, total=4), page(4, total=3)],
        [page(1, 3, total=3), page(4, total=3)],
    )
    assert ids(account) == ["1", "3", "4"]


def test_an_item_that_came_twice_for_another_means_reading_again() -> None:
    account = Account(
        [page(1, 2, total=4), page(2, 3, total=4)],
        [page(1, 2, total=4), page(3, 4, total=4)],
    )
    assert ids(account) == ["1", "2", "3", "4"]


def test_a_total_that_counts_more_than_is_shown_is_believed_when_it_stays_so() -> None:
    short = [page(1, 2, total=5), page(3, total=5), page(total=5)]
    assert ids(Account(short, short)) == ["1", "2", "3"]


def test_a_list_that_never_stands_still_is_an_error() -> None:
    readings = [[page(1, n, total=4), page(1, total=3)] for n in range(10, 10 + READINGS)]
    with pytest.raises(DestinationError, match="changed during each of 5 readings"):
        ids(Account(*readings))


def test_an_item_without_id_is_an_error() -> None:
    with pytest.raises(DestinationError, match="without id"):
        read_all(lambda offset: Envelope([{"attributes": {}}]), 2)


def test_the_search_is_for_every_segment_of_the_account(criteo: FakeCriteo, connection: DestinationClient) -> None:
    criteo.will(Reply(200, {"data": [], "meta": {"totalItems": 0}}))
    assert connection.audiences() == ()
    (request,) = criteo.received
    path = "/2026-07/marketing-solutions/audience-segments/search?limit=100&offset=0"
    assert f"{request.method} {request.path}" == f"POST {path}"
    attributes = {"advertiserIds": ["12345"]}
    assert request.json == {"data": {"type": "AudienceSegment", "attributes": attributes}}


def test_audiences_are_read_leniently(criteo: FakeCriteo, connection: DestinationClient) -> None:
    found = [
        {"id": "1", "attributes": {"name": "A", "description": "B", "contactList": {"isReadOnly": True}}},
        {"id": 2, "attributes": {"name": None, "description": None, "contactList": None, "createdAt": "once"}},
        {"id": "3", "attributes": None},
        {"id": "4"},
        {"id": "5", "attributes": {"advertiserId": "67890", "name": "of another account"}},
        {"id": "6", "attributes": {"advertiserId": "12345", "type": "InMarket", "name": "of another type"}},
    ]
    criteo.will(Reply(200, {"data": found, "meta": {"totalItems": 6}, "errors": None}))
    assert connection.audiences() == (
        LiveAudience("1", "A", "B", None, read_only=True),
        LiveAudience("2", "", ""),
        LiveAudience("3", "", ""),
        LiveAudience("4", "", ""),
        LiveAudience("6", "of another type", "", other_kind="InMarket"),
    )


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-23T15:07:22.3175120+00:00", "2026-11-23T15:07:22.317512+00:00"),
        ("2026-11-23T15:07:22Z", "2026-11-23T15:07:22+00:00"),
        ("2026-11-23T15:07:22", "2026-11-23T15:07:22+00:00"),
        ("2026-11-23T16:07:22+01:00", "2026-11-23T15:07:22+00:00"),
        ("0001-01-01T00:00:00+14:00", None),
        ("", None),
        (1732374442, None),
    ],
)
def test_times_are_utc_or_unknown(
    criteo: FakeCriteo, connection: DestinationClient, text: Any, time: str | None
) -> None:
    criteo.will(Reply(200, {"data": [{"id": "1", "attributes": {"createdAt": text}}]}))
    (audience,) = connection.audiences()
    assert (audience.created_at.isoformat() if audience.created_at else None) == time


def test_a_list_with_an_error_may_lack_something_and_is_an_error(
    criteo: FakeCriteo, connection: DestinationClient
) -> None:
    criteo.will(Reply(200, {"data": [{"id": "1"}], "errors": [problem("internal-error")]}))
    with pytest.raises(DestinationError, match="internal-error"):
        connection.audiences()


def test_a_refusal_among_the_warnings_is_no_empty_list(criteo: FakeCriteo, connection: DestinationClient) -> None:
    criteo.will(Reply(200, {"data": [], "warnings": [problem("item-rejected")]}))
    with pytest.raises(DestinationError, match="item-rejected"):
        connection.audiences()


def test_advice_among_the_warnings_takes_nothing_from_a_list(criteo: FakeCriteo, connection: DestinationClient) -> None:
    advice = [problem("deprecated")]
    criteo.will(Reply(200, {"data": [{"id": "1"}], "meta": {"totalItems": 1}, "warnings": advice}))
    assert [audience.id for audience in connection.audiences()] == ["1"]
    criteo.will(Reply(200, {"data": [], "meta": {"totalItems": 0}, "warnings": advice}))
    assert connection.audiences() == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "attributes", "name", "totalItems", "createdAt"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values, json_values)
def test_no_answer_is_so_odd_that_it_ends_in_a_traceback(data: Any, meta: Any) -> None:
    with contextlib.suppress(HeadcountError):
        read_all(lambda offset: Envelope(data, meta), 2)
