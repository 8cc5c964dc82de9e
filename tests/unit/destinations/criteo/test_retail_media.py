"""Retail media: what is sent, to the letter, and what each kind of answer comes to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runner.core.destination import Accepted, AdAccount, DestinationClient, LiveAudience
from runner.core.errors import AccountNotUsable, AnswerLost, AudienceGone, DestinationError, NameTaken
from runner.core.identifiers import IdentifierType, Operation
from tests.unit.destinations.criteo.conftest import Connector
from tests.unit.destinations.criteo.server import FakeCriteo, Reply, problem

ACCOUNT = "/2026-07/retail-media/accounts/555/audience-segments"
LISTS = "/2026-07/retail-media/audience-segments"
ID = "568708742535471104"
CUSTOMER = IdentifierType.CUSTOMER_ID
EMAIL = IdentifierType.EMAIL


@pytest.fixture
def connection(open_connection: Connector) -> DestinationClient:
    return open_connection(type="criteo-retail-media", account_id="555", retailer_id="12")


def listed(*items: dict[str, Any], errors: Any = (), warnings: Any = (), status: int = 200) -> Reply:
    return Reply(status, {"data": list(items), "errors": list(errors), "warnings": list(warnings)})


def refused(code: str, status: int = 400) -> Reply:
    return Reply(status, {"errors": [problem(code)], "warnings": []})


def segment(id: Any = ID, **attributes: Any) -> dict[str, Any]:
    return {"id": id, "type": "RetailMediaAudienceSegment", "attributes": attributes}


def accounts(first: int, count: int, total: int) -> Reply:
    """A page of accounts, numbered from `first`."""
    data = [
        {"id": str(n), "type": "RetailMediaAccount", "attributes": {"name": f"Brand {n}"}}
        for n in range(first, first + count)
    ]
    metadata = {"currentPageIndex": 0, "currentPageSize": 25, "totalItemsAcrossAllPages": total, "totalPages": 1}
    return Reply(200, {"data": data, "metadata": metadata, "errors": [], "warnings": []})


def amended(valid: Any = 1, invalid: Any = 0, warnings: Any = ()) -> Reply:
    data = {"contactListId": int(ID), "operation": "add", "requestDate": "2026-11-23T10:00:50.0000000+00:00"}
    data |= {"nbValidIdentifiers": valid, "nbInvalidIdentifiers": invalid, "sampleInvalidIdentifiers": []}
    return Reply(200, {"type": "AddRemoveContactlistResult", "data": data, "errors": [], "warnings": list(warnings)})


def add(connection: DestinationClient, *identifiers: str, kind: IdentifierType = CUSTOMER) -> Accepted:
    return connection.send(ID, Operation.ADD, kind, identifiers or ("c1",))


class TestAccounts:
    def test_every_page_is_read(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(accounts(1, 25, 28), accounts(26, 3, 28))
        found = connection.accounts()
        assert len(found) == 28
        assert found[27] == AdAccount("28", "Brand 28")
        path = "GET /2026-07/retail-media/accounts"
        assert criteo.calls == [f"{path}?pageIndex=0&pageSize=25", f"{path}?pageIndex=1&pageSize=25"]

    def test_an_account_the_credentials_may_use_is_asked_for_alone(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        criteo.will(accounts(555, 1, 1))
        connection.check_account()
        assert criteo.calls == ["GET /2026-07/retail-media/accounts?limitToId=555&pageIndex=0&pageSize=25"]

    def test_one_they_may_not_use_is_answered_with_those_they_may(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        criteo.will(accounts(1, 0, 0), accounts(1, 2, 2))
        with pytest.raises(AccountNotUsable, match='"shop" may not use ad account 555') as caught:
            connection.check_account()
        assert "1 (Brand 1), 2 (Brand 2); set account_id" in caught.value.hint

    def test_a_number_of_64_bits_stays_as_it_is(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(accounts(9223372036854775807, 1, 1))
        assert connection.accounts()[0].id == "9223372036854775807"


class TestAudiences:
    def test_every_contact_list_of_the_account_is_asked_for(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        entry = segment(
            name="Loyal",
            description=None,
            accountId="555",
            retailerId="12",
            type="ContactList",
            createdAt="2026-11-23T15:07:22Z",
            contactList={"identifierType": "CustomerId", "isReadOnly": False, "sharingStatus": "NotShared"},
        )
        criteo.will(listed(entry))
        created_at = datetime(2026, 11, 23, 15, 7, 22, tzinfo=UTC)
        assert connection.audiences() == (
            LiveAudience(
                ID, "Loyal", "", created_at, read_only=False, identifier_type=CUSTOMER, made_for={"retailer_id": "12"}
            ),
        )
        (request,) = criteo.received
        assert f"{request.method} {request.path}" == f"POST {ACCOUNT}/search?limit=500&offset=0"
        assert request.json == {"data": {"type": "RetailMediaAudienceSegment", "attributes": {}}}

    @pytest.mark.parametrize("part", [None, {}, {"identifierType": "Unknown"}, {"identifierType": None}])
    def test_a_type_that_criteo_does_not_tell_is_not_known(
        self, criteo: FakeCriteo, connection: DestinationClient, part: Any
    ) -> None:
        criteo.will(listed(segment(name="Loyal", contactList=part)))
        (audience,) = connection.audiences()
        assert (audience.identifier_type, audience.made_for) == (None, {})

    def test_other_accounts_are_left_out_and_other_kinds_of_segment_are_named(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        criteo.will(listed(segment("1", accountId="556"), segment("2", type="Events"), segment("3", accountId="555")))
        assert [(audience.id, audience.other_kind) for audience in connection.audiences()] == [
            ("2", "Events"),
            ("3", ""),
        ]

    def test_a_list_that_was_shared_by_another_account_is_read_only(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        criteo.will(listed(segment(contactList={"isReadOnly": True})))
        assert connection.audiences()[0].read_only


class TestCreate:
    def test_it_says_for_which_retailer_and_identifiers(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        criteo.will(listed(segment(name="Loyal", retailerId="12", contactList={"identifierType": "CustomerId"})))
        made = connection.create("Loyal", "Ten baskets", (CUSTOMER,))
        assert (made.id, made.identifier_type) == (ID, CUSTOMER)
        (request,) = criteo.received
        assert f"{request.method} {request.path}" == f"POST {ACCOUNT}/create"
        attributes = {"name": "Loyal", "description": "Ten baskets", "retailerId": "12"}
        attributes |= {"contactList": {"identifierType": "CustomerId"}}  # type: ignore[dict-item]
        assert request.json == {"data": [{"type": "RetailMediaAudienceSegment", "attributes": attributes}]}

    @pytest.mark.parametrize("types", [(), (EMAIL, CUSTOMER)])
    def test_it_takes_exactly_one_type(
        self, criteo: FakeCriteo, connection: DestinationClient, types: tuple[IdentifierType, ...]
    ) -> None:
        with pytest.raises(DestinationError, match=f"not {len(types)}"):
            connection.create("Loyal", "", types)
        assert criteo.calls == []

    @pytest.mark.parametrize(
        "reply",
        [
            listed(warnings=[problem("name-must-be-unique")]),
            listed(segment(name="Loyal"), warnings=[problem("name-must-be-unique")]),
            Reply(200, {"data": None, "warnings": [problem("name-must-be-unique")]}),
            refused("name-must-be-unique"),
        ],
    )
    def test_a_name_that_is_taken_is_told_in_warnings(
        self, criteo: FakeCriteo, connection: DestinationClient, reply: Reply
    ) -> None:
        criteo.will(reply)
        with pytest.raises(NameTaken, match="name-must-be-unique"):
            connection.create("Loyal", "", (CUSTOMER,))

    def test_advice_beside_the_audience_is_no_failure(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(listed(segment(name="Loyal"), warnings=[problem("endpoint-deprecated", type="deprecation")]))
        assert connection.create("Loyal", "", (CUSTOMER,)).id == ID

    def test_an_answer_that_is_lost_is_not_asked_for_twice(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        criteo.will(Reply(fault="drop"))
        with pytest.raises(AnswerLost):
            connection.create("Loyal", "", (CUSTOMER,))
        assert criteo.calls == [f"POST {ACCOUNT}/create"]


class TestUpdateAndDelete:
    def test_an_update_wraps_the_description(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(listed(segment(name="Loyal")))
        connection.update(ID, "Loyal", "")
        (request,) = criteo.received
        assert f"{request.method} {request.path}" == f"PATCH {ACCOUNT}"
        attributes = {"name": "Loyal", "description": {"value": None}}
        entry = {"id": ID, "type": "RetailMediaAudienceSegment", "attributes": attributes}
        assert request.json == {"data": [entry]}

    @pytest.mark.parametrize(
        ("code", "kind"), [("name-must-be-unique", NameTaken), ("segment-not-found", AudienceGone)]
    )
    def test_an_update_refused_in_warnings_fails(
        self, criteo: FakeCriteo, connection: DestinationClient, code: str, kind: type[DestinationError]
    ) -> None:
        criteo.will(listed(warnings=[problem(code)]))
        with pytest.raises(kind):
            connection.update(ID, "Loyal", "")

    def test_a_delete_names_the_segment(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(listed({"id": ID, "type": "RetailMediaAudienceSegment"}))
        connection.delete(ID)
        (request,) = criteo.received
        assert f"{request.method} {request.path}" == f"POST {ACCOUNT}/delete"
        assert request.json["data"][0]["id"] == ID

    def test_deleting_what_is_gone_is_fine(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(listed(warnings=[problem("segment-not-found")]))
        connection.delete(ID)


class TestMembers:
    @pytest.mark.parametrize(
        ("kind", "word"),
        [
            (EMAIL, "Email"),
            (IdentifierType.PHONE_NUMBER, "PhoneNumber"),
            (IdentifierType.LIVERAMP_IDENTITY_LINK, "IdentityLink"),
            (CUSTOMER, "CustomerId"),
            (IdentifierType.USER_IDENTIFIER, "UserIdentifier"),
        ],
    )
    def test_a_batch_is_posted_without_the_account(
        self, criteo: FakeCriteo, connection: DestinationClient, kind: IdentifierType, word: str
    ) -> None:
        criteo.will(amended(2, 1))
        assert add(connection, "a", "b", "c", kind=kind) == Accepted(2, 1)
        (request,) = criteo.received
        assert f"{request.method} {request.path}" == f"POST {LISTS}/{ID}/contact-list/add-remove"
        attributes = {"operation": "add", "identifierType": word, "identifiers": ["a", "b", "c"]}
        assert request.json == {"data": {"type": "AddRemoveContactlist", "attributes": attributes}}

    @pytest.mark.parametrize("kind", [IdentifierType.MOBILE_AD_ID, IdentifierType.GUM_ID])
    def test_a_type_that_is_not_taken_is_never_sent(
        self, criteo: FakeCriteo, connection: DestinationClient, kind: IdentifierType
    ) -> None:
        with pytest.raises(DestinationError, match=f"retail media takes no {kind}"):
            add(connection, kind=kind)
        assert criteo.calls == []

    @pytest.mark.parametrize(
        "reply",
        [
            refused("audience-invalid", 404),
            refused("segment-not-found", 404),
            Reply(200, {"data": None, "errors": [], "warnings": [problem("segment-not-found")]}),
            amended(warnings=[problem("segment-not-found")]),
        ],
    )
    def test_an_audience_that_is_gone_is_told_as_such(
        self, criteo: FakeCriteo, connection: DestinationClient, reply: Reply
    ) -> None:
        criteo.will(reply)
        with pytest.raises(AudienceGone):
            add(connection)

    def test_a_clear_is_answered_with_nothing(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(Reply(204))
        connection.clear(ID)
        (request,) = criteo.received
        assert (f"{request.method} {request.path}", request.body) == (f"POST {LISTS}/{ID}/contact-list/clear", b"")

    @pytest.mark.parametrize(("stated", "size"), [(7, 7), (None, None), ("7", None)])
    def test_the_size_is_asked_for_below_the_account(
        self, criteo: FakeCriteo, connection: DestinationClient, stated: Any, size: int | None
    ) -> None:
        criteo.will(Reply(200, {"data": {"id": ID, "attributes": {"numberOfIdentifiers": stated}}}))
        assert connection.size(ID) == size
        assert criteo.calls == [f"GET {ACCOUNT}/{ID}/contact-list"]
