"""The client against recorded calls: it sends what was recorded, to the letter, and understands what came back.

The cassettes say in their first line where they were recorded from; scripts/record.py records them.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import vcr
import yaml
from vcr.errors import CannotOverwriteExistingCassetteException

from runner.core.destination import Accepted, AdAccount, LiveAudience
from runner.core.errors import AudienceGone, DestinationError, NameTaken
from runner.core.identifiers import IdentifierType
from runner.destinations.criteo.api_client import Transport
from runner.destinations.criteo.connect import connect
from runner.destinations.criteo.rate_limit import RateLimiters

CASSETTES = Path(__file__).parent / "cassettes"
FILES = sorted(CASSETTES.glob("*.yaml"))


def _load_script() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "scripts" / "record.py"
    spec = importlib.util.spec_from_file_location("record", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


record = _load_script()
CAST = record.STAND_INS
RETAIL_MEDIA_CAST = record.RETAIL_MEDIA_STAND_INS
CASTS = {cast.type: cast for cast in (CAST, RETAIL_MEDIA_CAST)}
STEPS = {step.name: (step, CASTS[service]) for service, steps in record.STEPS.items() for step in steps}


def play(step: Any, cast: Any) -> Any:
    """Make a step's call against its cassette. All that was recorded must be asked for, and nothing else."""
    player = vcr.VCR(record_mode="none", match_on=("method", "scheme", "host", "port", "path", "query", "body"))
    transport = Transport(limiters=RateLimiters())
    destination = cast.destination(wrong_secret=step.wrong_secret)
    with (
        player.use_cassette(str(CASSETTES / f"{step.name}.yaml")) as cassette,
        closing(connect(destination, environ={}, transport=transport)) as connection,
    ):
        value = record.make(step, connection, cast)
    assert cassette.all_played
    return value


def check_audience(audience: LiveAudience, *, description: str = record.DESCRIPTION, cast: Any = CAST) -> None:
    assert (audience.id, audience.name) == (cast.audience_id, cast.name)
    assert audience.description == description
    assert audience.created_at is not None
    assert not audience.read_only
    kind = IdentifierType.CUSTOMER_ID if cast is RETAIL_MEDIA_CAST else None
    made_for = {} if cast.retailer_id is None else {"retailer_id": cast.retailer_id}
    assert (audience.identifier_type, audience.made_for) == (kind, made_for)


def check_list(audience: LiveAudience) -> None:
    check_audience(audience, cast=RETAIL_MEDIA_CAST)


def check_refusal(kind: type[DestinationError], code: str, value: Any) -> None:
    assert type(value) is kind
    assert value.code == code


CHECKS = {
    "wrong-credentials": lambda value: check_refusal(DestinationError, "invalid_client", value),
    "accounts": lambda value: check_equal(value, (AdAccount("12345", "Shop"),)),
    "create": check_audience,
    "create-name-taken": lambda value: check_refusal(NameTaken, "name-must-be-unique", value),
    "audiences": lambda value: [check_audience(audience) for audience in one(value)],
    "update": lambda value: check_equal(value, None),
    "update-no-description": lambda value: check_equal(value, None),
    "add-emails": lambda value: check_equal(value, Accepted(2, 1)),
    "remove-email": lambda value: check_equal(value, Accepted(1, 0)),
    "add-mobile-ad-id": lambda value: check_equal(value, Accepted(1, 0)),
    "size": lambda value: check_equal(value is None or value >= 0, True),
    "clear": lambda value: check_equal(value, None),
    "delete": lambda value: check_equal(value, None),
    "delete-gone": lambda value: check_equal(value, None),
    "add-gone": lambda value: check_refusal(AudienceGone, "audience-invalid", value),
    "clear-gone": lambda value: check_refusal(AudienceGone, "audience-invalid", value),
    "retail-media-check-account": lambda value: check_equal(value, None),
    "retail-media-accounts": lambda value: check_equal(value, (AdAccount("555", "Shop"),)),
    "retail-media-create": check_list,
    "retail-media-create-name-taken": lambda value: check_refusal(NameTaken, "name-must-be-unique", value),
    "retail-media-audiences": lambda value: [check_list(audience) for audience in one(value)],
    "retail-media-update": lambda value: check_equal(value, None),
    "retail-media-update-no-description": lambda value: check_equal(value, None),
    "retail-media-add-customer-ids": lambda value: check_equal(value, Accepted(2, 0)),
    "retail-media-remove-customer-id": lambda value: check_equal(value, Accepted(1, 0)),
    "retail-media-size": lambda value: check_equal(value is None or value >= 0, True),
    "retail-media-clear": lambda value: check_equal(value, None),
    "retail-media-delete": lambda value: check_equal(value, None),
    "retail-media-delete-gone": lambda value: check_equal(value, None),
    "retail-media-add-gone": lambda value: check_refusal(AudienceGone, "audience-invalid", value),
    "retail-media-clear-gone": lambda value: check_refusal(AudienceGone, "audience-invalid", value),
}


def check_equal(value: Any, expected: Any) -> None:
    assert value == expected


def one(values: Any) -> Any:
    assert len(values) == 1
    return values


@pytest.mark.disable_socket
@pytest.mark.parametrize("name", sorted(STEPS))
def test_a_recorded_call_is_made_to_the_letter_and_its_answer_understood(name: str) -> None:
    CHECKS[name](play(*STEPS[name]))


@pytest.mark.disable_socket
def test_a_call_that_differs_in_its_body_is_not_answered() -> None:
    """The cassettes would prove nothing if they answered just anything."""
    other = record.replace(CAST, emails=("0" * 64, "1" * 64))
    with pytest.raises(CannotOverwriteExistingCassetteException):
        play(STEPS["add-emails"][0], other)


def test_every_step_has_a_cassette_and_every_cassette_a_step() -> None:
    assert {path.stem for path in FILES} == set(STEPS) == set(CHECKS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
class TestCassette:
    def test_it_says_where_it_was_recorded_from(self, path: Path) -> None:
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        origin = r"(Headcount's sandbox, not from Criteo,|Criteo)"
        assert re.fullmatch(rf"# Recorded from {origin} on \d{{4}}-\d\d-\d\d\.", first)

    def test_it_holds_no_secret_no_token_and_no_address(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"[\w.+-]+@[\w-]+", text) == []
        assert re.findall(r"bearer\s+\S+|^\s+authorization:|set-cookie", text, re.IGNORECASE | re.MULTILINE) == []
        assert set(re.findall(r'access_token"?: *"?([^",&\s]+)', text)) <= {record.TOKEN}
        assert set(re.findall(r'client_secret[="]+([^&"\s]+)', text)) <= {CAST.client_secret, record.WRONG_SECRET}
        assert set(re.findall(r"client_id=([^&\s]+)", text)) <= {CAST.client_id}

    def test_it_holds_no_identifier_but_the_stand_ins(self, path: Path) -> None:
        for interaction in yaml.safe_load(path.read_text(encoding="utf-8"))["interactions"]:
            sent, answered = interaction["request"]["body"] or "", interaction["response"]["body"]["string"]
            found = set(re.findall(r"\b[0-9a-fA-F]{32}(?:[0-9a-fA-F]{32})?\b", sent + answered))
            assert found <= set(CAST.emails)
            assert set(re.findall(r"(?:[0-9a-f]{4,}-){4}[0-9a-f]{12}", sent)) <= {CAST.mobile_ad_id}
            assert set(re.findall(r"customer-[0-9a-f]+", sent + answered)) <= set(RETAIL_MEDIA_CAST.customer_ids)


class TestScrubbing:
    """What would be written, had the real thing been recorded."""

    CAST = record.Cast("real-app", "real+secret/=", "998877", "Headcount recording 1f", ("ab" * 32, "cd" * 32), "m")

    def answer(self, body: Any) -> str:
        scrubber = record.Scrubber(self.CAST)
        payload = record.json.dumps(body).encode()
        raw = {"status": {"code": 200}, "headers": {"Set-Cookie": ["x"], "Date": ["d"]}, "body": {"string": payload}}
        scrubbed = scrubber.response(raw)
        assert scrubbed["headers"] == {"Date": ["d"]}
        return str(scrubbed["body"]["string"])

    def test_other_accounts_and_audiences_are_left_out(self) -> None:
        accounts = [{"id": "998877", "attributes": {"advertiserName": "Real Shop"}}]
        accounts.append({"id": "554433", "attributes": {"advertiserName": "Rival"}})
        text = self.answer({"data": accounts})
        assert not any(word in text for word in ("Real Shop", "Rival", "998877", "554433"))
        assert '"12345"' in text

    def test_a_token_and_details_are_left_out(self) -> None:
        assert "real" not in self.answer({"access_token": "real-token", "refresh_token": "real-too"})
        assert "jane" not in self.answer(
            {"errors": [{"code": "x", "detail": "jane@example.com", "stackTrace": "jane"}]}
        )

    def test_identifiers_ids_and_names_are_replaced(self) -> None:
        body = {"data": {"sampleInvalidIdentifiers": ["ab" * 32], "instance": "/a/998877/b", "n": self.CAST.name}}
        text = self.answer(body)
        assert CAST.emails[0] in text
        assert "/a/12345/b" in text
        assert "1f" not in text.replace(CAST.emails[0], "")

    def test_of_retail_media_neither_accounts_nor_people_are_kept(self) -> None:
        cast = record.replace(
            RETAIL_MEDIA_CAST, account_id="998877", retailer_id="8811", customer_ids=("customer-ab", "customer-cd")
        )
        scrubber = record.Scrubber(cast)
        names = dict.fromkeys(("name", "parentAccountLabel", "companyName"), "Real Brand")
        ours = {"id": "998877", "attributes": {**names, "onBehalfCompanyName": None}}
        body = {"data": [ours, {"id": "554433", "attributes": names}], "metadata": {"totalPages": 3}}
        page = scrubber._answer(body)
        assert page["data"] == [
            {"id": "555", "attributes": {**dict.fromkeys(names, "Shop"), "onBehalfCompanyName": None}}
        ]
        assert (page["metadata"]["totalItemsAcrossAllPages"], page["metadata"]["totalPages"]) == (1, 1)
        made = {"id": "777", "attributes": {"name": cast.name, "retailerId": "8811", "createdById": "jane"}}
        assert scrubber._answer({"data": [made]})["data"] == [
            {"id": RETAIL_MEDIA_CAST.audience_id, "attributes": {"name": CAST.name, "retailerId": "12"}}
        ]
        amended = scrubber._answer({"data": {"contactListId": 777, "sampleInvalidIdentifiers": ["customer-ab"]}})
        assert amended["data"]["contactListId"] == int(RETAIL_MEDIA_CAST.audience_id)
        assert amended["data"]["sampleInvalidIdentifiers"] == ["customer-1"]
        request = record.Request("GET", "https://x.example/a/998877?limitToId=998877", b"", {})
        assert scrubber.request(request).uri == f"{record.CRITEO}/a/555?limitToId=555"

    def test_credentials_are_replaced_in_the_form(self) -> None:
        request = record.Request(
            "POST",
            "https://api.criteo.com/oauth2/token",
            b"grant_type=client_credentials&client_id=real-app&client_secret=real%2Bsecret%2F%3D",
            {"Authorization": "Bearer x", "Accept": "application/json"},
        )
        scrubbed = record.Scrubber(self.CAST).request(request)
        assert scrubbed.body == b"grant_type=client_credentials&client_id=client-id&client_secret=client-secret"
        assert dict(scrubbed.headers) == {"Accept": "application/json"}
