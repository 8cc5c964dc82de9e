from __future__ import annotations

import hashlib
from datetime import datetime

import pytest

from runner.sandbox import SandboxOptions
from tests.contract.sandbox.api import SEGMENTS, Api, opened, problem

SHA256 = hashlib.sha256(b"a@example.com").hexdigest()
MD5 = hashlib.md5(b"a@example.com").hexdigest()
UUID = "123e4567-e89b-12d3-a456-426614174000"


def test_an_amendment_tells_what_it_was_and_how_many_were_well_formed(api: Api) -> None:
    segment_id = api.create("a")
    data = api.amend(segment_id, "add", [SHA256, "jkl@gmail", "a@example.com"]).json()["data"]
    attributes = data["attributes"]
    assert data["type"] == "ContactlistAmendment"
    assert datetime.fromisoformat(attributes.pop("requestDate")[:26] + "+00:00")
    assert attributes == {
        "contactListId": int(segment_id),
        "operation": "add",
        "identifierType": "email",
        "nbValidIdentifiers": 2,
        "nbInvalidIdentifiers": 1,
        "sampleInvalidIdentifiers": ["jkl@gmail"],
    }
    assert api.sandbox.members(segment_id, "email") == {SHA256, "a@example.com"}


@pytest.mark.parametrize(
    ("identifier_type", "sent", "kept"),
    [
        ("email", SHA256.upper(), SHA256),
        ("email", MD5, MD5),
        ("email", f" {SHA256}\n", SHA256),
        ("email", " Jane.Doe+x@Mail.Example.COM ", "jane.doe+x@mail.example.com"),
        ("madid", UUID.upper(), UUID),
        ("identityLink", " XY1042aB ", "XY1042aB"),
        ("phoneNumber", "+919876543210", "919876543210"),
        ("phoneNumber", SHA256, SHA256),
    ],
)
def test_a_well_formed_identifier_is_kept_in_its_wire_form(
    api: Api, identifier_type: str, sent: str, kept: str
) -> None:
    segment_id = api.create("a")
    attributes = api.amend(segment_id, "add", [sent], identifier_type).json()["data"]["attributes"]
    assert (attributes["nbValidIdentifiers"], attributes["sampleInvalidIdentifiers"]) == (1, [])
    assert api.sandbox.members(segment_id, identifier_type) == {kept}
    api.amend(segment_id, "remove", [kept], identifier_type)
    assert api.sandbox.members(segment_id, identifier_type) == set()


@pytest.mark.parametrize(
    ("identifier_type", "sent"),
    [
        ("email", ""),
        ("email", "jkl@gmail"),
        ("email", "a b@example.com"),
        ("email", "@example.com"),
        ("email", "a@@example.com"),
        ("email", "a@example..com"),
        ("email", SHA256[:-1]),
        ("email", SHA256 + "0"),
        ("email", "g" * 64),
        ("email", " " + SHA256[:-2] + " "),
        ("email", "\uff11" * 64),
        ("madid", UUID.replace("-", "")),
        ("madid", SHA256),
        ("madid", "{" + UUID + "}"),
        ("phoneNumber", "123456"),
        ("phoneNumber", "1234567890123456"),
        ("phoneNumber", "+33 6 12 34 56 78"),
        ("identityLink", "  "),
    ],
)
def test_a_malformed_identifier_is_counted_quoted_and_not_kept(api: Api, identifier_type: str, sent: str) -> None:
    segment_id = api.create("a")
    attributes = api.amend(segment_id, "add", [sent], identifier_type).json()["data"]["attributes"]
    assert (attributes["nbValidIdentifiers"], attributes["nbInvalidIdentifiers"]) == (0, 1)
    assert attributes["sampleInvalidIdentifiers"] == [sent]
    assert api.sandbox.members(segment_id, identifier_type) == set()


def test_at_most_ten_malformed_identifiers_are_quoted(api: Api) -> None:
    sent = [f"wrong {number}" for number in range(30)]
    attributes = api.amend(api.create("a"), "add", sent).json()["data"]["attributes"]
    assert attributes["nbInvalidIdentifiers"] == 30
    assert attributes["sampleInvalidIdentifiers"] == sent[:10]


def test_adding_and_removing_twice_changes_nothing_and_is_not_told(api: Api) -> None:
    segment_id = api.create("a")
    for operation, size in (("add", 2), ("add", 2), ("remove", 0), ("remove", 0)):
        attributes = api.amend(segment_id, operation, [SHA256, SHA256, MD5]).json()["data"]["attributes"]
        assert attributes["nbValidIdentifiers"] == 3
        assert api.size(segment_id) == size


def test_types_are_memberships_of_their_own_and_count_together(api: Api) -> None:
    segment_id = api.create("a")
    api.amend(segment_id, "add", [SHA256, MD5], "email")
    api.amend(segment_id, "add", [UUID], "madid")
    api.amend(segment_id, "add", ["g1"], "gum", gumCallerId=7)
    api.amend(segment_id, "add", ["g2"], "gum", gumCallerId="7")
    api.amend(segment_id, "remove", [SHA256], "phoneNumber")
    assert api.sandbox.segment("a").identifiers == {"email": 2, "gum": 2, "madid": 1, "phoneNumber": 0}
    assert api.size(segment_id) == 5


def test_the_same_person_in_clear_and_hashed_is_two_members(api: Api) -> None:
    segment_id = api.create("a")
    api.amend(segment_id, "add", [SHA256, "a@example.com"])
    api.amend(segment_id, "remove", [SHA256])
    assert api.sandbox.members(segment_id, "email") == {"a@example.com"}


def test_members_of_one_list_are_not_those_of_another(api: Api) -> None:
    first, second = api.create("a"), api.create("b")
    api.amend(first, "add", [SHA256])
    assert api.sandbox.members(second, "email") == set()


def test_a_cleared_list_is_empty_and_still_there(api: Api) -> None:
    segment_id = api.create("a")
    api.amend(segment_id, "add", [SHA256])
    api.amend(segment_id, "add", [UUID], "madid")
    answer = api.clear(segment_id)
    assert answer.json() == {"data": {"id": segment_id, "type": "AudienceContactlist"}, "errors": [], "warnings": []}
    assert api.size(segment_id) == 0
    assert api.amend(segment_id, "add", [SHA256]).status_code == 200


def test_statistics_follow_the_membership_at_once(api: Api) -> None:
    segment_id = api.create("a")
    path = f"{SEGMENTS}/{segment_id}/contact-list/statistics"
    empty = api.call("GET", path).json()["data"]["attributes"]
    assert empty == {"numberOfIdentifiers": 0, "numberOfMatches": 0, "matchRate": None}
    api.amend(segment_id, "add", [f"{number:064x}" for number in range(100)])
    assert api.call("GET", path).json()["data"] == {
        "id": segment_id,
        "type": "ContactListStatistics",
        "attributes": {"numberOfIdentifiers": 100, "numberOfMatches": 68, "matchRate": 0.68},
    }


def test_statistics_can_lag_behind() -> None:
    with opened(SandboxOptions(statistics_lag=3600)) as api:
        segment_id = api.create("a")
        api.amend(segment_id, "add", [SHA256])
        api.sandbox.advance(600)
        api.amend(segment_id, "add", [MD5])
        api.log_in()
        assert api.size(segment_id) == 0
        api.sandbox.advance(3000)
        api.log_in()
        assert api.size(segment_id) == 1
        api.sandbox.advance(600)
        assert api.size(segment_id) == 2
        assert api.sandbox.segment("a").size == 2


@pytest.mark.parametrize(
    ("segment_id", "status"), [("1", 404), ("270158", 404), ("99999999999", 400), ("abc", 400), ("9" * 5000, 400)]
)
def test_a_list_that_does_not_exist_is_refused(api: Api, segment_id: str, status: int) -> None:
    api.create("a")
    code = "audience-invalid" if status == 404 else "invalid"
    assert problem(api.amend(segment_id, "add", [SHA256])) == (status, "validation", code)
    assert problem(api.clear(segment_id)) == (status, "validation", code)
    path = f"{SEGMENTS}/{segment_id}/contact-list/statistics"
    assert api.call("GET", path).status_code == status


def test_an_unknown_list_is_named_in_the_error(api: Api) -> None:
    (error,) = api.amend("1", "add", [SHA256]).json()["errors"]
    assert error["instance"] == "/audience/1"


def test_a_segment_that_is_no_list_or_read_only_cannot_be_amended(api: Api) -> None:
    other = api.sandbox.add_segment("12345", "other", segment_type="Behavioral")
    fixed = api.sandbox.add_segment("12345", "fixed", read_only=True)
    for segment in (other, fixed):
        assert problem(api.amend(segment.id, "add", [SHA256])) == (400, "validation", "invalid")
        assert problem(api.clear(segment.id)) == (400, "validation", "invalid")
    (shown,) = api.search(audienceSegmentIds=[fixed.id])["data"]
    assert shown["attributes"]["contactList"] == {"isReadOnly": True}


def test_counting_without_keeping_shows_sizes_and_no_members() -> None:
    with opened(SandboxOptions(count_only=True)) as api:
        segment_id = api.create("a")
        api.amend(segment_id, "add", [SHA256, MD5])
        api.amend(segment_id, "remove", [MD5])
        assert api.size(segment_id) == 1
        with pytest.raises(Exception, match="only counts"):
            api.sandbox.members(segment_id, "email")
        api.clear(segment_id)
        assert api.size(segment_id) == 0
