"""One client per destination, one listing per account, and one finding per credential that is missing."""

from __future__ import annotations

import pytest

from runner.core.destination import Credentials, Destination, DestinationClient, MissingSecret, Secret
from runner.core.errors import AccountNotUsable, DestinationError, InvalidProject
from runner.workflows.accounts import Accounts, require_credentials, way_to
from tests.builders import HERE, activation, applied, definition, destination, live
from tests.fakes.destination import FakeDestination

SHOP, ALSO = destination("shop"), destination("also")
"""Two destinations of one account, which may have credentials of their own."""


@pytest.fixture
def clients() -> dict[str, FakeDestination]:
    return {"shop": FakeDestination(), "also": FakeDestination()}


@pytest.fixture
def accounts(clients: dict[str, FakeDestination]) -> Accounts:
    opened: list[str] = []

    def connect(to: Destination) -> DestinationClient:
        assert to.name not in opened, "opened twice"
        opened.append(to.name)
        return clients[to.name]

    return Accounts(connect)


def test_an_account_is_listed_once_whichever_destination_asks(
    accounts: Accounts, clients: dict[str, FakeDestination]
) -> None:
    clients["shop"].put(live("1"))
    assert [one.id for one in accounts.live(SHOP)] == ["1"]
    clients["also"].fails["audiences"] = [DestinationError("not asked")]
    assert accounts.live(ALSO) == accounts.live(SHOP)
    assert accounts.reader(SHOP.account) is clients["shop"]


def test_each_destination_is_checked_with_its_own_credentials(
    accounts: Accounts, clients: dict[str, FakeDestination]
) -> None:
    clients["also"].usable = False
    accounts.live(SHOP)
    with pytest.raises(AccountNotUsable):
        accounts.live(ALSO)


def test_a_failure_is_remembered_and_the_account_not_asked_again(
    accounts: Accounts, clients: dict[str, FakeDestination]
) -> None:
    clients["shop"].fails["audiences"] = [DestinationError("no answer")]
    for _ in range(2):
        with pytest.raises(DestinationError, match="no answer"):
            accounts.live(SHOP)


def test_every_client_is_closed(accounts: Accounts, clients: dict[str, FakeDestination]) -> None:
    accounts.client(SHOP)
    accounts.close()
    assert (clients["shop"].closed, clients["also"].closed) == (True, False)


def test_every_missing_credential_is_a_finding() -> None:
    bare = destination("bare", credentials=Credentials(MissingSecret("A_ID", HERE), MissingSecret("A_SECRET", HERE)))
    half = destination("half", credentials=Credentials(Secret("id"), MissingSecret("B_SECRET", HERE)))
    with pytest.raises(InvalidProject) as raised:
        require_credentials([SHOP, bare, half])
    assert [finding.message.split()[2] for finding in raised.value.findings] == ["A_ID", "A_SECRET", "B_SECRET"]
    require_credentials([SHOP])


NOWHERE = Credentials(MissingSecret("CRITEO_SPARE_ID", HERE), Secret("secret"))


@pytest.mark.parametrize(
    ("declared", "meant"),
    [
        ((), None),
        ((destination("elsewhere", "67890"),), None),
        ((destination("first"), destination("second")), "first"),
        ((destination("first"), destination("shop")), "shop"),
        ((destination("shop", credentials=NOWHERE), destination("second")), "second"),
        ((destination("shop", gum_caller_id=8), destination("second", gum_caller_id=7)), "second"),
        ((destination("shop", gum_caller_id=8), destination("third", gum_caller_id=7, credentials=NOWHERE)), "third"),
    ],
)
def test_people_leave_by_the_destination_that_they_were_sent_with_or_by_one_like_it(
    declared: tuple[Destination, ...], meant: str | None
) -> None:
    with_caller = any("gum_caller_id" in one.options for one in declared)
    options = {"gum_caller_id": 7} if with_caller else {}
    record = applied(activation(), definition=definition(activation(), options=options))
    found = way_to(record, declared)
    assert (None if found is None else found.name) == meant
