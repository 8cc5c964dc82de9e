"""Record the cassettes of tests/contract: each call that the Criteo client makes, with the answer that it got.

    python scripts/record.py --sandbox     from a sandbox in this process; no account is needed
    python scripts/record.py               from Criteo, with CRITEO_CLIENT_ID and CRITEO_CLIENT_SECRET, and with
                                           CRITEO_ADVERTISER_ID for marketing solutions or CRITEO_ACCOUNT_ID and
                                           CRITEO_RETAILER_ID for retail media: makes an audience, fills it with random
                                           identifiers, and deletes it at the end

What is written holds stand-ins for credentials, tokens, ids, names and identifiers, and nothing about other audiences
or accounts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import secrets
import sys
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import vcr
import yaml
from vcr.request import Request

from runner.core.destination import Credentials, Destination, DestinationClient, Secret
from runner.core.errors import AudienceGone, DestinationError, NameTaken
from runner.core.findings import Location
from runner.core.identifiers import IdentifierType, Operation
from runner.destinations.criteo.connect import connect
from runner.destinations.registry import KINDS

CASSETTES = Path(__file__).resolve().parents[1] / "tests" / "contract" / "cassettes"
CRITEO = "https://api.criteo.com"
KEPT_REQUEST_HEADERS = ("accept", "content-type", "user-agent")
KEPT_ANSWER_HEADERS = ("content-type", "date", "retry-after")
KEPT_ANSWER_PREFIX = "x-ratelimit-"
DROPPED_KEYS = ("detail", "stackTrace", "createdById")
MARKETING_SOLUTIONS = "criteo"
RETAIL_MEDIA = "criteo-retail-media"
ACCOUNT_NAMES = ("advertiserName", "name", "parentAccountLabel", "companyName", "onBehalfCompanyName")
TOTALS: Mapping[str, Mapping[str, Callable[[int], int | None]]] = {
    "meta": {"totalItems": lambda ours: ours},
    "metadata": {
        "totalItemsAcrossAllPages": lambda ours: ours,
        "totalPages": lambda _: 1,
        "nextPage": lambda _: None,
        "previousPage": lambda _: None,
    },
}
"""What is written about the length of a list that only our own items are left of."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who and what the calls are about: real for recording, stand-ins in the cassettes and for playing them back."""

    client_id: str
    client_secret: str
    account_id: str
    name: str
    emails: tuple[str, str]
    mobile_ad_id: str
    audience_id: str = ""
    type: str = MARKETING_SOLUTIONS
    retailer_id: str | None = None
    customer_ids: tuple[str, str] = ("", "")

    def destination(self, *, wrong_secret: bool = False) -> Destination:
        credentials = Credentials(Secret(self.client_id), Secret(WRONG_SECRET if wrong_secret else self.client_secret))
        here = Location("record.py", 1, 1)
        options = {} if self.retailer_id is None else {"retailer_id": self.retailer_id}
        return Destination("recording", KINDS[self.type], self.account_id, credentials, here, options)


STAND_INS = Cast(
    client_id="client-id",
    client_secret="client-secret",  # noqa: S106 - a stand-in
    account_id="12345",
    name="Headcount recording",
    emails=(hashlib.sha256(b"first stand-in").hexdigest(), hashlib.sha256(b"second stand-in").hexdigest()),
    mobile_ad_id=str(uuid.uuid5(uuid.NAMESPACE_URL, "stand-in")),
    audience_id="1000001",
)
RETAIL_MEDIA_STAND_INS = replace(
    STAND_INS,
    type=RETAIL_MEDIA,
    account_id="555",
    retailer_id="12",
    customer_ids=("customer-1", "customer-2"),
    audience_id="568708742535471104",
)
TOKEN = "token"  # noqa: S105 - a stand-in
WRONG_SECRET = "wrong-secret"  # noqa: S105
DESCRIPTION = "Made to record calls; can be deleted"
MALFORMED = "not-an-identifier"


# -- the calls ---------------------------------------------------------------------------------------------------------


def add_emails(connection: DestinationClient, cast: Cast) -> object:
    return connection.send(cast.audience_id, Operation.ADD, IdentifierType.EMAIL, [*cast.emails, MALFORMED])


def remove_email(connection: DestinationClient, cast: Cast) -> object:
    return connection.send(cast.audience_id, Operation.REMOVE, IdentifierType.EMAIL, [cast.emails[0]])


def add_mobile_ad_id(connection: DestinationClient, cast: Cast) -> object:
    return connection.send(cast.audience_id, Operation.ADD, IdentifierType.MOBILE_AD_ID, [cast.mobile_ad_id])


def add_customer_ids(connection: DestinationClient, cast: Cast) -> object:
    return connection.send(cast.audience_id, Operation.ADD, IdentifierType.CUSTOMER_ID, cast.customer_ids)


def remove_customer_id(connection: DestinationClient, cast: Cast) -> object:
    return connection.send(cast.audience_id, Operation.REMOVE, IdentifierType.CUSTOMER_ID, cast.customer_ids[:1])


def accounts(connection: DestinationClient, _: Cast) -> object:
    return connection.accounts()


def audiences(connection: DestinationClient, _: Cast) -> object:
    return connection.audiences()


def create(connection: DestinationClient, cast: Cast) -> object:
    kind = IdentifierType.CUSTOMER_ID if cast.type == RETAIL_MEDIA else IdentifierType.EMAIL
    return connection.create(cast.name, DESCRIPTION, (kind,))


@dataclass(frozen=True, slots=True)
class Step:
    """One call; `refused` is the error that it is to end in. Cassettes have the names of their steps."""

    name: str
    call: Callable[[DestinationClient, Cast], object]
    refused: type[DestinationError] | None = None
    wrong_secret: bool = False


MARKETING_SOLUTIONS_STEPS = (
    Step("wrong-credentials", accounts, DestinationError, wrong_secret=True),
    Step("accounts", accounts),
    Step("create", create),
    Step("create-name-taken", create, NameTaken),
    Step("audiences", audiences),
    Step("update", lambda connection, cast: connection.update(cast.audience_id, cast.name + " 2", DESCRIPTION)),
    Step("update-no-description", lambda connection, cast: connection.update(cast.audience_id, cast.name, "")),
    Step("add-emails", add_emails),
    Step("remove-email", remove_email),
    Step("add-mobile-ad-id", add_mobile_ad_id),
    Step("size", lambda connection, cast: connection.size(cast.audience_id)),
    Step("clear", lambda connection, cast: connection.clear(cast.audience_id)),
    Step("delete", lambda connection, cast: connection.delete(cast.audience_id)),
    Step("delete-gone", lambda connection, cast: connection.delete(cast.audience_id)),
    Step("add-gone", add_emails, AudienceGone),
    Step("clear-gone", lambda connection, cast: connection.clear(cast.audience_id), AudienceGone),
)
_OWN = {"add-emails": add_customer_ids, "remove-email": remove_customer_id, "add-gone": add_customer_ids}
_OWN_NAMES = {"add-emails": "add-customer-ids", "remove-email": "remove-customer-id"}
RETAIL_MEDIA_STEPS = (
    Step("retail-media-check-account", lambda connection, _: connection.check_account()),
    *(
        replace(step, name=f"retail-media-{_OWN_NAMES.get(step.name, step.name)}", call=_OWN.get(step.name, step.call))
        for step in MARKETING_SOLUTIONS_STEPS
        if step.name not in ("wrong-credentials", "add-mobile-ad-id")
    ),
)
STEPS = {MARKETING_SOLUTIONS: MARKETING_SOLUTIONS_STEPS, RETAIL_MEDIA: RETAIL_MEDIA_STEPS}


# -- scrubbing ---------------------------------------------------------------------------------------------------------


class Scrubber:
    """Puts the stand-ins where the real values are, and leaves out whatever else an answer tells about the account.

    It learns the id of the audience from the answer to its creation.
    """

    def __init__(self, cast: Cast) -> None:
        self._name = cast.name
        self._stand_ins = RETAIL_MEDIA_STAND_INS if cast.type == RETAIL_MEDIA else STAND_INS
        self._pairs = {
            cast.client_id: self._stand_ins.client_id,
            cast.client_secret: self._stand_ins.client_secret,
            cast.account_id: self._stand_ins.account_id,
            cast.name: self._stand_ins.name,
        }
        if cast.retailer_id is not None:
            self._pairs[cast.retailer_id] = self._stand_ins.retailer_id or ""
            self._pairs |= zip(cast.customer_ids, self._stand_ins.customer_ids, strict=True)
        else:
            self._pairs[cast.mobile_ad_id] = self._stand_ins.mobile_ad_id
            self._pairs |= zip(cast.emails, self._stand_ins.emails, strict=True)
        self.audience_id = ""

    def request(self, request: Any) -> Any:
        """The request, with what may be published of it."""
        parts = urlsplit(request.uri)
        uri = f"{CRITEO}{self._text(parts.path)}" + (f"?{self._text(parts.query)}" if parts.query else "")
        headers = {key: value for key, value in sorted(request.headers.items()) if key.lower() in KEPT_REQUEST_HEADERS}
        body = request.body_bytes
        if parts.path == "/oauth2/token":
            form = dict(parse_qsl(body.decode()))
            secret = WRONG_SECRET if form["client_secret"] == WRONG_SECRET else self._stand_ins.client_secret
            body = urlencode({**form, "client_id": self._stand_ins.client_id, "client_secret": secret}).encode()
        elif body:
            body = json.dumps(self._json(json.loads(body)), separators=(",", ":")).encode()
        return Request(request.method, uri, body, headers)

    def response(self, response: Any) -> Any:
        """The answer, with what may be published of it; a body that is no JSON is left out."""
        headers = {
            key: value
            for key, value in response["headers"].items()
            if key.lower() in KEPT_ANSWER_HEADERS or key.lower().startswith(KEPT_ANSWER_PREFIX)
        }
        body: Any = None
        with suppress(ValueError):
            body = json.loads(response["body"]["string"])
        published = b"" if body is None else json.dumps(self._answer(body)).encode()
        return {"status": response["status"], "headers": headers, "body": {"string": published}}

    def _answer(self, body: Any) -> Any:
        if isinstance(body, dict) and "access_token" in body:
            return {**body, "access_token": TOKEN, "refresh_token": None}
        if isinstance(body, dict) and isinstance(body.get("data"), list):
            body = self._ours_only(body)
        return self._json(body)

    def _ours_only(self, body: dict[str, Any]) -> dict[str, Any]:
        """A list without the other accounts and audiences of the person who records."""
        ours = []
        for item in body["data"]:
            attributes = item.get("attributes") or {}
            if not self.audience_id and attributes.get("name") == self._name:
                self.audience_id = str(item["id"])
                self._pairs[self.audience_id] = self._stand_ins.audience_id
            for key in ACCOUNT_NAMES:
                if attributes.get(key) is not None and (key != "name" or "parentAccountLabel" in attributes):
                    attributes[key] = "Shop"
            if str(item["id"]) in self._pairs:
                ours.append(item)
        for key, names in TOTALS.items():
            if isinstance(body.get(key), dict):
                body = {**body, key: {**body[key], **{name: value(len(ours)) for name, value in names.items()}}}
        return {**body, "data": ours}

    def _json(self, value: Any) -> Any:
        """The value with the stand-ins in it."""
        if isinstance(value, dict):
            return {key: self._json(inner) for key, inner in value.items() if key not in DROPPED_KEYS}
        if isinstance(value, list):
            return [self._json(inner) for inner in value]
        if isinstance(value, str):
            return self._text(value)
        is_id = isinstance(value, int) and not isinstance(value, bool) and str(value) == self.audience_id
        return int(self._stand_ins.audience_id) if is_id else value

    def _text(self, text: str) -> str:
        for real, stand_in in self._pairs.items():
            text = re.sub(rf"(?<![\w-]){re.escape(real)}(?![\w-])", stand_in, text)
        return text


# -- recording ---------------------------------------------------------------------------------------------------------


class Labelled:
    """vcrpy's YAML with a first line that says where the cassette comes from."""

    def __init__(self, label: str) -> None:
        self._label = label

    def serialize(self, cassette: Mapping[str, Any]) -> str:
        return f"# {self._label}\n" + yaml.safe_dump(dict(cassette), sort_keys=False, width=110)

    def deserialize(self, text: str) -> Any:
        return yaml.safe_load(text)


def record(cast: Cast, environ: Mapping[str, str], label: str) -> None:
    """Make every call and write its cassette; what a failure leaves in the account is deleted."""
    CASSETTES.mkdir(parents=True, exist_ok=True)
    scrubber = Scrubber(cast)
    recorder = vcr.VCR(
        record_mode="all",
        decode_compressed_response=True,
        before_record_request=scrubber.request,
        before_record_response=scrubber.response,
        serializer="labelled",
    )
    recorder.register_serializer("labelled", Labelled(label))
    try:
        for step in STEPS[cast.type]:
            cast = replace(cast, audience_id=scrubber.audience_id)
            path = CASSETTES / f"{step.name}.yaml"
            path.unlink(missing_ok=True)
            with (
                closing(connect(cast.destination(wrong_secret=step.wrong_secret), environ=environ)) as connection,
                recorder.use_cassette(str(path)),
            ):
                make(step, connection, cast)
            print(f"recorded {step.name}")
    except BaseException:
        with closing(connect(cast.destination(), environ=environ)) as connection:
            if scrubber.audience_id:
                connection.delete(scrubber.audience_id)
        raise


def make(step: Step, connection: DestinationClient, cast: Cast) -> object:
    """Make a step's call: its value, or the error that it is to end in. Raises when it ends otherwise."""
    try:
        value = step.call(connection, cast)
    except DestinationError as error:
        if type(error) is step.refused:
            return error
        raise
    if step.refused is not None:
        raise SystemExit(f"{step.name} was not refused")
    return value


def real_cast(client_id: str, client_secret: str, account_id: str, retailer_id: str | None = None) -> Cast:
    """Credentials as given, and people and a name that nobody has; with a retailer, for retail media."""
    return Cast(
        client_id=client_id,
        client_secret=client_secret,
        account_id=account_id,
        name=f"Headcount recording {secrets.token_hex(4)}",
        emails=(secrets.token_hex(32), secrets.token_hex(32)),
        mobile_ad_id=str(uuid.uuid4()),
        type=MARKETING_SOLUTIONS if retailer_id is None else RETAIL_MEDIA,
        retailer_id=retailer_id,
        customer_ids=(f"customer-{secrets.token_hex(8)}", f"customer-{secrets.token_hex(8)}"),
    )


def record_sandbox(label: str) -> None:
    """Record both services from a sandbox of this process."""
    from runner.sandbox import App, SandboxOptions, running

    app = App("recording-app", secrets.token_hex(8), ("12345",), ("555",))
    with running(SandboxOptions(apps=(app,))) as url:
        environ = {"CRITEO_API_URL": url}
        record(real_cast(app.client_id, app.client_secret, "12345"), environ, label)
        record(real_cast(app.client_id, app.client_secret, "555", "12"), environ, label)


def record_criteo(label: str) -> None:
    """Record from Criteo whichever service the environment names an account of."""
    found = {name: os.environ.get(name, "") for name in (*CREDENTIALS, *ACCOUNTS, "CRITEO_RETAILER_ID")}
    missing = [name for name in CREDENTIALS if not found[name]]
    if missing or not any(found[name] for name in ACCOUNTS):
        sys.exit(f"set {', '.join(missing) or ' or '.join(ACCOUNTS)}, or record from the sandbox with --sandbox")
    client_id, client_secret = (found[name] for name in CREDENTIALS)
    if found["CRITEO_ADVERTISER_ID"]:
        record(real_cast(client_id, client_secret, found["CRITEO_ADVERTISER_ID"]), os.environ, label)
    if found["CRITEO_ACCOUNT_ID"]:
        retailer_id = found["CRITEO_RETAILER_ID"] or sys.exit("set CRITEO_RETAILER_ID too")
        record(real_cast(client_id, client_secret, found["CRITEO_ACCOUNT_ID"], retailer_id), os.environ, label)


CREDENTIALS = ("CRITEO_CLIENT_ID", "CRITEO_CLIENT_SECRET")
ACCOUNTS = ("CRITEO_ADVERTISER_ID", "CRITEO_ACCOUNT_ID")


def main() -> None:
    """Record from the sandbox or from Criteo."""
    parser = argparse.ArgumentParser(description="Record the cassettes of tests/contract.")
    parser.add_argument("--sandbox", action="store_true", help="from a sandbox in this process, not from Criteo")
    today = datetime.now(UTC).date()
    if parser.parse_args().sandbox:
        record_sandbox(f"Recorded from Headcount's sandbox, not from Criteo, on {today}.")
    else:
        record_criteo(f"Recorded from Criteo on {today}.")


if __name__ == "__main__":
    main()
