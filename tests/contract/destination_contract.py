"""What every destination must do, whatever stands behind it: subclass, and give a `client` of an empty account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from runner.core.destination import Accepted, DestinationClient
from runner.core.errors import AudienceGone, NameTaken
from runner.core.identifiers import IdentifierType, Operation

EMAIL = IdentifierType.EMAIL
ANN, BOB, CAT = ("a" * 64, "b" * 64, "c" * 64)
"""Wire forms of e-mail addresses."""


class DestinationContract:
    @pytest.fixture
    def client(self) -> DestinationClient:
        raise NotImplementedError

    @pytest.fixture
    def members(self) -> Callable[[str], set[str]]:
        """The e-mails that an audience really has, asked for behind the client's back."""
        raise NotImplementedError

    def test_the_account_it_was_made_for_may_be_used_and_is_listed(self, client: DestinationClient) -> None:
        client.check_account()
        assert "12345" in [account.id for account in client.accounts()]

    def test_a_created_audience_is_listed_as_it_was_made(self, client: DestinationClient) -> None:
        made = client.create("Loyal", "Ten baskets", (EMAIL,))
        [listed] = client.audiences()
        assert (listed.id, listed.name, listed.description) == (made.id, "Loyal", "Ten baskets")
        assert not listed.read_only
        assert listed.other_kind == ""

    def test_its_clock_dates_what_it_makes(self, client: DestinationClient) -> None:
        client.create("Loyal", "", (EMAIL,))
        [listed] = client.audiences()
        assert listed.created_at is not None
        assert abs(client.now() - listed.created_at) < timedelta(minutes=5)

    def test_a_name_is_given_once(self, client: DestinationClient) -> None:
        client.create("Loyal", "", (EMAIL,))
        other = client.create("Other", "", (EMAIL,))
        with pytest.raises(NameTaken):
            client.create("Loyal", "", (EMAIL,))
        with pytest.raises(NameTaken):
            client.update(other.id, "Loyal", "")

    def test_an_update_sets_name_and_description(self, client: DestinationClient) -> None:
        made = client.create("Loyal", "before", (EMAIL,))
        client.update(made.id, "Faithful", "after")
        assert [(one.name, one.description) for one in client.audiences()] == [("Faithful", "after")]

    def test_what_is_deleted_is_gone_and_may_be_deleted_again(self, client: DestinationClient) -> None:
        made = client.create("Loyal", "", (EMAIL,))
        assert client.exists(made.id)
        client.delete(made.id)
        client.delete(made.id)
        assert client.audiences() == ()
        assert not client.exists(made.id)

    def test_identifiers_are_added_and_removed(
        self, client: DestinationClient, members: Callable[[str], set[str]]
    ) -> None:
        made = client.create("Loyal", "", (EMAIL,))
        assert client.send(made.id, Operation.ADD, EMAIL, (ANN, BOB)) == Accepted(2, 0)
        assert client.send(made.id, Operation.ADD, EMAIL, (BOB, CAT)) == Accepted(2, 0)
        assert client.send(made.id, Operation.REMOVE, EMAIL, (ANN,)) == Accepted(1, 0)
        assert members(made.id) == {BOB, CAT}

    def test_a_cleared_audience_is_empty_and_stays(
        self, client: DestinationClient, members: Callable[[str], set[str]]
    ) -> None:
        made = client.create("Loyal", "", (EMAIL,))
        client.send(made.id, Operation.ADD, EMAIL, (ANN,))
        client.clear(made.id)
        assert members(made.id) == set()
        assert client.exists(made.id)

    def test_an_empty_audience_has_no_size_to_speak_of(self, client: DestinationClient) -> None:
        assert not client.size(client.create("Loyal", "", (EMAIL,)).id)

    def test_members_show_in_the_size(self, client: DestinationClient) -> None:
        made = client.create("Loyal", "", (EMAIL,))
        client.send(made.id, Operation.ADD, EMAIL, (ANN, BOB))
        assert client.size(made.id) in (2, None)

    def test_nothing_can_be_done_to_an_audience_that_is_gone(self, client: DestinationClient) -> None:
        made = client.create("Loyal", "", (EMAIL,))
        client.delete(made.id)
        for refused in (
            lambda: client.update(made.id, "Loyal", ""),
            lambda: client.send(made.id, Operation.ADD, EMAIL, (ANN,)),
            lambda: client.clear(made.id),
            lambda: client.size(made.id),
        ):
            with pytest.raises(AudienceGone):
                refused()
