"""Marketing solutions: what is sent, to the letter, and what each kind of answer comes to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runner.core.destination import Accepted, AdAccount, DestinationClient, LiveAudience
from runner.core.errors import AccountNotUsable, AnswerLost, AudienceGone, DestinationError, NameTaken
from runner.core.identifiers import IdentifierType, Operation
from tests.unit.destinations.criteo.clock import FakeClock
from tests.unit.destinations.criteo.conftest import Connector
from tests.unit.destinations.criteo.server import FakeCriteo, Reply, problem

SEGMENTS = "/2026-07/marketing-solutions/audience-segments"
HASH = "ab" * 32


def listed(*items: dict[str, Any], errors: Any = (), warnings: Any = (), status: int = 200) -> Reply:
    return Reply(status, {"data": list(items), "errors": list(errors), "warnings": list(warnings)})


def refused(code: str, status: int = 400) -> Reply:
    return Reply(status, {"errors": [problem(code)], "warnings": []})


def segment(id: Any = "7", **attributes: Any) -> dict[str, Any]:
    return {"id": id, "type": "AudienceSegment", "attributes": attributes}


def advertisers(count: int) -> Reply:
    return listed(*({"id": str(n), "attributes": {"advertiserName": f"Shop {n}"}} for n in range(1, count + 1)))


def amended(valid: Any = 1, invalid: Any = 0, **more: Any) -> Reply:
    attributes = {"nbValidIdentifiers": valid, "nbInvalidIdentifiers": invalid, **more}
    return Reply(
        200, {"data": {"type": "ContactlistAmendment", "attributes": attributes}, "errors": [], "warnings": []}
    )


def add(connection: DestinationClient, *identifiers: str, kind: IdentifierType = IdentifierType.EMAIL) -> Accepted:
    return connection.send("7", Operation.ADD, kind, identifiers or (HASH,))


class TestAccounts:
    def test_they_are_the_advertisers_that_consented(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(listed({"id": "13", "attributes": {"advertiserName": "Shop"}}, {"id": 9, "attributes": None}, {}))
        assert connection.accounts() == (AdAccount("13", "Shop"), AdAccount("9", ""))
        assert criteo.calls == ["GET /2026-07/advertisers/me"]

    def test_an_account_the_credentials_may_use_is_fine(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        criteo.will(listed({"id": "12345", "attributes": {}}))
        connection.check_account()

    def test_one_they_may_not_use_is_answered_with_those_they_may(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        criteo.will(advertisers(2))
        with pytest.raises(AccountNotUsable, match='"shop" may not use ad account 12345') as caught:
            connection.check_account()
        assert "1 (Shop 1), 2 (Shop 2);" in caught.value.hint

    def test_a_long_list_is_cut(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(advertisers(23))
        with pytest.raises(AccountNotUsable) as caught:
            connection.check_account()
        assert "20 (Shop 20), and 3 more;" in caught.value.hint
        assert "Shop 21" not in caught.value.hint

    def test_no_consent_at_all_is_told_as_such(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(advertisers(0))
        with pytest.raises(AccountNotUsable) as caught:
            connection.check_account()
        assert "consent to the app" in caught.value.hint

    def test_an_error_inside_a_success_is_an_error(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(listed(errors=[problem("internal-error", "Half of it failed")]))
        with pytest.raises(DestinationError, match="Half of it failed"):
            connection.accounts()


class TestCreate:
    def test_it_sends_a_plain_description(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(listed(segment(name="Loyal", description="Ten baskets", createdAt="2026-11-23T15:07:22.274Z")))
        made = connection.create("Loyal", "Ten baskets", (IdentifierType.EMAIL,))
        assert made == LiveAudience(
            "7", "Loyal", "Ten baskets", datetime(2026, 11, 23, 15, 7, 22, 274000, tzinfo=UTC), read_only=False
        )
        (request,) = criteo.received
        assert f"{request.method} {request.path}" == f"POST {SEGMENTS}/create"
        attributes = {"advertiserId": "12345", "name": "Loyal", "description": "Ten baskets", "contactList": {}}
        assert request.json == {"data": [{"type": "AudienceSegment", "attributes": attributes}]}

    def test_it_leaves_an_empty_description_out(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(listed(segment(name="Loyal")))
        connection.create("Loyal", "", ())
        assert "description" not in criteo.received[0].json["data"][0]["attributes"]

    @pytest.mark.parametrize(
        "reply",
        [
            listed(errors=[problem("name-must-be-unique")]),
            listed(warnings=[problem("name-must-be-unique")]),
            listed(errors=[problem("other"), problem("name-must-be-unique")]),
            Reply(200, {"data": None, "errors": [problem("name-must-be-unique")]}),
            refused("name-must-be-unique"),
            refused("name-must-be-unique", 409),
        ],
    )
    def test_a_name_that_is_taken_is_told_wherever_criteo_says_it(
        self, criteo: FakeCriteo, connection: DestinationClient, reply: Reply
    ) -> None:
        criteo.will(reply)
        with pytest.raises(NameTaken, match="name-must-be-unique") as caught:
            connection.create("Loyal", "", ())
        assert caught.value.trace_id
        assert "headcount import" in caught.value.hint

    @pytest.mark.parametrize("reply", [listed(errors=[problem("name-must-not-be-empty")]), refused("required-field")])
    def test_another_refusal_is_an_error_in_criteos_words(
        self, criteo: FakeCriteo, connection: DestinationClient, reply: Reply
    ) -> None:
        criteo.will(reply)
        with pytest.raises(DestinationError, match=r"name-must-not-be-empty|required-field") as caught:
            connection.create("Loyal", "", ())
        assert type(caught.value) is DestinationError

    @pytest.mark.parametrize("reply", [listed(), Reply(200, {}), Reply(200, {"data": {"id": "7"}}), Reply(204)])
    def test_neither_the_audience_nor_a_reason_is_an_error(
        self, criteo: FakeCriteo, connection: DestinationClient, reply: Reply
    ) -> None:
        criteo.will(reply)
        with pytest.raises(DestinationError, match="neither the audience nor a reason"):
            connection.create("Loyal", "", ())

    def test_an_error_beside_the_audience_is_a_failure(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(listed(segment(name="Loyal"), errors=[problem("invalid", "Not quite")]))
        with pytest.raises(DestinationError, match="invalid: Not quite"):
            connection.create("Loyal", "", ())

    def test_an_audience_without_id_may_have_been_created(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        criteo.will(listed({"attributes": {"name": "Loyal"}}))
        with pytest.raises(AnswerLost):
            connection.create("Loyal", "", ())

    def test_a_warning_beside_the_audience_is_no_failure(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        criteo.will(listed(segment(name="Loyal"), warnings=[problem("endpoint-deprecated", type="deprecation")]))
        assert connection.create("Loyal", "", ()).id == "7"


class TestUpdate:
    @pytest.mark.parametrize(("description", "sent"), [("New", {"value": "New"}), ("", {"value": None})])
    def test_it_wraps_the_description(
        self, criteo: FakeCriteo, connection: DestinationClient, description: str, sent: dict[str, Any]
    ) -> None:
        criteo.will(listed(segment(name="Loyal")))
        connection.update("7", "Loyal", description)
        (request,) = criteo.received
        assert f"{request.method} {request.path}" == f"PATCH {SEGMENTS}"
        attributes = {"name": "Loyal", "description": sent}
        assert request.json == {"data": [{"id": "7", "type": "AudienceSegment", "attributes": attributes}]}

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("name-must-be-unique", NameTaken),
            ("segment-not-found", AudienceGone),
            ("audience-invalid", AudienceGone),
            ("name-must-not-be-empty", DestinationError),
        ],
    )
    @pytest.mark.parametrize("shape", ["errors", "warnings", 400, 404])
    def test_a_rejected_item_is_told_by_what_it_means(
        self,
        criteo: FakeCriteo,
        connection: DestinationClient,
        code: str,
        kind: type[DestinationError],
        shape: str | int,
    ) -> None:
        criteo.will(refused(code, shape) if isinstance(shape, int) else listed(**{shape: [problem(code)]}))  # type: ignore[arg-type]
        with pytest.raises(kind, match=code) as caught:
            connection.update("7", "Loyal", "")
        assert type(caught.value) is kind

    @pytest.mark.parametrize("reply", [listed(), listed(segment("8")), Reply(200, {"data": None})])
    def test_an_answer_without_the_audience_is_an_error(
        self, criteo: FakeCriteo, connection: DestinationClient, reply: Reply
    ) -> None:
        criteo.will(reply)
        with pytest.raises(DestinationError, match="neither the audience nor a reason"):
            connection.update("7", "Loyal", "")

    def test_an_id_that_comes_back_as_a_number_is_the_same_id(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        criteo.will(listed(segment(7)))
        connection.update("7", "Loyal", "")


class TestDelete:
    def test_it_names_the_segment(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(listed(segment()))
        connection.delete("7")
        (request,) = criteo.received
        assert f"{request.method} {request.path}" == f"POST {SEGMENTS}/delete"
        assert request.json == {"data": [{"id": "7", "type": "AudienceSegment", "attributes": {}}]}

    @pytest.mark.parametrize(
        "reply",
        [
            listed(errors=[problem("segment-not-found")]),
            listed(warnings=[problem("segment-not-found")]),
            refused("segment-not-found"),
            refused("audience-invalid", 404),
        ],
    )
    def test_an_audience_that_is_gone_already_is_no_error(
        self, criteo: FakeCriteo, connection: DestinationClient, reply: Reply
    ) -> None:
        criteo.will(reply)
        connection.delete("7")

    def test_an_empty_answer_is_looked_into(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(listed(), Reply(200, {"data": [], "meta": {"totalItems": 0}}))
        connection.delete("7")
        assert criteo.received[1].json["data"]["attributes"] == {"audienceSegmentIds": ["7"]}
        criteo.will(Reply(204), Reply(200, {"data": [segment()], "meta": {"totalItems": 1}}))
        with pytest.raises(DestinationError, match="neither the audience nor a reason"):
            connection.delete("7")

    def test_an_audience_in_use_is_an_error(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(listed(errors=[problem("segment-in-use")]))
        with pytest.raises(DestinationError, match="segment-in-use"):
            connection.delete("7")


class TestSend:
    @pytest.mark.parametrize(
        ("kind", "wire"),
        [
            (IdentifierType.EMAIL, "email"),
            (IdentifierType.MOBILE_AD_ID, "madid"),
            (IdentifierType.LIVERAMP_IDENTITY_LINK, "identityLink"),
            (IdentifierType.PHONE_NUMBER, "phoneNumber"),
        ],
    )
    @pytest.mark.parametrize("operation", [Operation.ADD, Operation.REMOVE])
    def test_it_amends_the_contact_list(
        self, criteo: FakeCriteo, connection: DestinationClient, kind: IdentifierType, wire: str, operation: Operation
    ) -> None:
        criteo.will(amended(1, 1))
        assert connection.send("7", operation, kind, ("x", "y")) == Accepted(1, 1)
        (request,) = criteo.received
        assert f"{request.method} {request.path}" == f"PATCH {SEGMENTS}/7/contact-list"
        attributes = {"operation": str(operation), "identifierType": wire, "identifiers": ["x", "y"]}
        assert request.json == {"data": {"type": "ContactlistAmendment", "attributes": attributes}}

    def test_gum_ids_go_with_the_caller_id(self, criteo: FakeCriteo, open_connection: Connector) -> None:
        criteo.will(amended())
        add(open_connection(gum_caller_id=77), "x", kind=IdentifierType.GUM_ID)
        attributes = criteo.received[0].json["data"]["attributes"]
        assert (attributes["identifierType"], attributes["gumCallerId"]) == ("gum", 77)

    def test_gum_ids_without_a_caller_id_are_refused(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        with pytest.raises(DestinationError, match="gum_caller_id"):
            add(connection, "x", kind=IdentifierType.GUM_ID)
        assert criteo.received == []

    def test_a_type_that_only_retail_media_takes_is_refused(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        with pytest.raises(DestinationError, match="takes no customer_id") as caught:
            add(connection, "x", kind=IdentifierType.CUSTOMER_ID)
        assert "email, mobile_ad_id" in caught.value.hint
        assert criteo.received == []

    def test_nothing_to_send_is_no_call(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        assert connection.send("7", Operation.ADD, IdentifierType.EMAIL, []) == Accepted(0, 0)
        assert criteo.received == []

    def test_a_clear_is_not_sent_as_a_batch(self, connection: DestinationClient) -> None:
        with pytest.raises(ValueError):
            connection.send("7", Operation.CLEAR, IdentifierType.EMAIL, [])

    @pytest.mark.parametrize("status", [404, 403])
    def test_an_audience_that_is_gone_is_told(
        self, criteo: FakeCriteo, connection: DestinationClient, status: int
    ) -> None:
        criteo.will(refused("audience-invalid", status))
        with pytest.raises(AudienceGone) as caught:
            add(connection)
        assert caught.value.status == status

    def test_a_403_for_another_reason_is_about_consent(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(refused("insufficient-advertiser-permissions", 403))
        with pytest.raises(DestinationError) as caught:
            add(connection)
        assert type(caught.value) is DestinationError
        assert "consent to the app" in caught.value.hint

    def test_an_error_inside_a_success_is_a_failure_of_the_batch(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        criteo.will(Reply(200, {**amended().body, "errors": [problem("invalid")]}))
        with pytest.raises(DestinationError, match="invalid"):
            add(connection)

    def test_a_rejection_among_the_warnings_is_a_failure_of_the_batch(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        criteo.will(Reply(200, {"data": None, "errors": [], "warnings": [problem("segment-not-found")]}))
        with pytest.raises(AudienceGone):
            add(connection)

    @pytest.mark.parametrize("body", [{}, {"data": None}, {"data": []}, {"data": "x"}])
    def test_neither_a_count_nor_a_reason_is_an_error(
        self, criteo: FakeCriteo, connection: DestinationClient, body: Any
    ) -> None:
        criteo.will(Reply(200, body))
        with pytest.raises(DestinationError, match="neither the audience nor a reason"):
            add(connection)

    @pytest.mark.parametrize(
        ("valid", "invalid", "taken"),
        [
            (2, 1, Accepted(2, 1)),
            (None, None, Accepted(3, 0)),
            (None, 1, Accepted(2, 1)),
            (2, None, Accepted(2, 1)),
            ("2", True, Accepted(3, 0)),
            (-1, 9, Accepted(0, 9)),
        ],
    )
    def test_counts_that_are_missing_are_filled_in(
        self, criteo: FakeCriteo, connection: DestinationClient, valid: Any, invalid: Any, taken: Accepted
    ) -> None:
        criteo.will(amended(valid, invalid))
        assert add(connection, "x", "y", "z") == taken

    def test_samples_of_invalid_identifiers_are_dropped(
        self, criteo: FakeCriteo, connection: DestinationClient
    ) -> None:
        criteo.will(amended(0, 1, sampleInvalidIdentifiers=[HASH]))
        assert HASH not in repr(add(connection))

    def test_a_dropped_answer_is_asked_for_again(
        self, criteo: FakeCriteo, connection: DestinationClient, clock: FakeClock
    ) -> None:
        criteo.will(Reply(fault="drop"), amended())
        assert add(connection) == Accepted(1, 0)
        assert criteo.received[0].body == criteo.received[1].body

    def test_an_id_cannot_reach_another_path(self, criteo: FakeCriteo, connection: DestinationClient) -> None:
        criteo.will(amended())
        connection.send("../7?x", Operation.ADD, IdentifierType.EMAIL, [HASH])
        assert criteo.calls == [f"PATCH {SEGMENTS}/..%2F7%3Fx/contact-list"]


class TestClearAndSize:
    @pytest.mark.parametrize("reply", [Reply(200, {"data": {"id": "7"}, "errors": [], "warnings": []}), Reply(204)])
    def test_a_clear_has_no_body(self, criteo: FakeCriteo, connection: DestinationClient, reply: Reply) -> None:
        criteo.will(reply)
        connection.clear("7")
        assert criteo.calls == [f"DELETE {SEGMENTS}/7/contact-list"]
        assert criteo.received[0].body == b""

    @pytest.mark.parametrize("reply", [refused("audience-invalid", 403), listed(errors=[problem("segment-not-found")])])
    def test_a_clear_of_what_is_gone_is_told(
        self, criteo: FakeCriteo, connection: DestinationClient, reply: Reply
    ) -> None:
        criteo.will(reply)
        with pytest.raises(AudienceGone):
            connection.clear("7")

    @pytest.mark.parametrize(("stated", "size"), [(1200, 1200), (0, 0), (None, None), ("1200", None), (-1, None)])
    def test_the_size_is_what_the_statistics_show(
        self, criteo: FakeCriteo, connection: DestinationClient, stated: Any, size: int | None
    ) -> None:
        criteo.will(Reply(200, {"data": {"id": "7", "attributes": {"numberOfIdentifiers": stated}}}))
        assert connection.size("7") == size
        assert criteo.calls == [f"GET {SEGMENTS}/7/contact-list/statistics"]
