"""A client of the sandbox's admin path: it works the same on a sandbox in this process and in another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from runner.core.errors import HeadcountError
from runner.sandbox import SandboxOptions
from runner.sandbox import running as running_sandbox


@dataclass(frozen=True, slots=True)
class SegmentView:
    """A segment as it is now. `identifiers` counts members by Criteo's identifier type.

    It has an advertiser, or in retail media an account, a retailer and (as a contact list) an identifier type.
    """

    id: str
    service: str
    advertiser_id: str | None
    account_id: str | None
    retailer_id: str | None
    identifier_type: str | None
    name: str
    description: str | None
    type: str
    read_only: bool
    identifiers: Mapping[str, int]
    size: int


@dataclass(frozen=True, slots=True)
class CallView:
    """A call that was made. `status` is None where the connection was closed without an answer, `fault` the name of
    the fault that hit it; operation, identifier type and count are those of an amendment."""

    method: str
    path: str
    time: str
    status: int | None
    client_id: str | None
    segment_id: str | None
    operation: str | None
    identifier_type: str | None
    count: int | None
    fault: str | None
    identifiers: tuple[str, ...] | None


class Sandbox:
    """A running sandbox, seen from behind. Every method raises HeadcountError when the sandbox refuses it."""

    def __init__(self, url: str) -> None:
        self.url = url
        address = urlsplit(url)
        self.port = address.port or 80
        self._host = address.hostname or "127.0.0.1"

    def segments(self, advertiser_id: str | None = None, *, account_id: str | None = None) -> tuple[SegmentView, ...]:
        """Every segment, in the order of the ids, or those of one advertiser or one account."""
        views = (SegmentView(**_fields(entry)) for entry in self._ask("GET", "/segments"))
        return tuple(
            view
            for view in views
            if advertiser_id in (None, view.advertiser_id) and account_id in (None, view.account_id)
        )

    def segment(self, name: str) -> SegmentView:
        """The one segment of that name. Raises LookupError when there is none, or more than one."""
        views = [view for view in self.segments() if view.name == name]
        if len(views) != 1:
            raise LookupError(f"there are {len(views)} segments {name!r}")
        return views[0]

    def members(self, segment_id: str, identifier_type: str) -> set[str]:
        """The wire forms of the members of one of Criteo's identifier types."""
        query = urlencode({"type": identifier_type})
        return set(self._ask("GET", f"/segments/{segment_id}/members?{query}"))

    def add_segment(
        self,
        advertiser_id: str,
        name: str,
        *,
        description: str | None = None,
        segment_type: str = "ContactList",
        read_only: bool = False,
    ) -> SegmentView:
        """Somebody makes a segment in the UI."""
        body = {"advertiserId": advertiser_id, "name": name, "description": description, "type": segment_type}
        return SegmentView(**_fields(self._ask("POST", "/segments", body | {"readOnly": read_only})))

    def add_retail_media_segment(
        self,
        account_id: str,
        name: str,
        *,
        retailer_id: str = "12",
        identifier_type: str = "CustomerId",
        description: str | None = None,
        segment_type: str = "ContactList",
        read_only: bool = False,
    ) -> SegmentView:
        """Somebody makes a segment in the UI of retail media; only a contact list has an identifier type."""
        body = {
            "accountId": account_id,
            "retailerId": retailer_id,
            "name": name,
            "description": description,
            "type": segment_type,
            "readOnly": read_only,
        }
        if segment_type == "ContactList":
            body["identifierType"] = identifier_type
        return SegmentView(**_fields(self._ask("POST", "/segments", body)))

    def change_segment(self, segment_id: str, **values: str | bool | None) -> SegmentView:
        """Somebody sets `name`, `description` or `read_only` in the UI."""
        names = {"read_only": "readOnly"}
        body = {names.get(key, key): value for key, value in values.items()}
        return SegmentView(**_fields(self._ask("PATCH", f"/segments/{segment_id}", body)))

    def delete_segment(self, segment_id: str) -> None:
        """Somebody deletes a segment in the UI."""
        self._ask("DELETE", f"/segments/{segment_id}")

    def calls(self, path: str = "", *, method: str | None = None, identifiers: bool = False) -> tuple[CallView, ...]:
        """The calls so far, oldest first, that have `path` in their path; with what they carried where that is kept."""
        entries = self._ask("GET", f"/calls?identifiers={'true' if identifiers else 'false'}")
        views = (_call_view(entry) for entry in entries)
        return tuple(view for view in views if path in view.path and method in (None, view.method))

    def keep_identifiers(self, keep: bool = True) -> None:
        """Let the call log remember what calls carry from now on, or not."""
        self._ask("POST", "/calls", {"keepIdentifiers": keep})

    def forget_calls(self) -> None:
        """Empty the call log."""
        self._ask("DELETE", "/calls")

    def fault(
        self,
        fault: str,
        path: str = "",
        *,
        method: str | None = None,
        operation: str | None = None,
        identifier_type: str | None = None,
        skip: int = 0,
        times: int | None = 1,
        seconds: float = 1.0,
        where: str | None = None,
    ) -> None:
        """Let the next calls meet a fault; runner.sandbox.fault_injection has the names and what the arguments mean."""
        body = {"fault": fault, "path": path, "method": method, "operation": operation, "skip": skip, "times": times}
        self._ask("POST", "/faults", body | {"identifierType": identifier_type, "seconds": seconds, "where": where})

    def waiting_faults(self) -> int:
        """How many rules are not used up."""
        return len(self._ask("GET", "/faults"))

    def clear_faults(self) -> None:
        """Drop all rules and all rates."""
        self._ask("DELETE", "/faults")
        self.rates({})

    def rates(self, rates: Mapping[str, float], seed: int = 0) -> None:
        """Let any call meet a fault with these probabilities."""
        self._ask("PUT", "/rates", {"rates": dict(rates), "seed": seed})

    def expire_tokens(self) -> None:
        """Every token given so far has expired."""
        self._ask("POST", "/tokens/expire")

    def revoke_tokens(self) -> None:
        """Every token given so far is unknown."""
        self._ask("POST", "/tokens/revoke")

    def consent(
        self, client_id: str, advertisers: Sequence[str] | None = None, *, accounts: Sequence[str] | None = None
    ) -> None:
        """These advertisers, and no other, consent to the app, and these accounts; None leaves them as they are."""
        given = {"advertisers": advertisers, "accounts": accounts}
        body = {kind: list(owners) for kind, owners in given.items() if owners is not None}
        self._ask("PUT", "/consent", {"clientId": client_id, **body})

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock."""
        self._ask("POST", "/clock", {"advance": seconds})

    def reset(self) -> None:
        """Forget segments, members, tokens, windows, faults and calls."""
        self._ask("POST", "/reset")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        connection = HTTPConnection(self._host, self.port, timeout=60)
        try:
            content = None if body is None else json.dumps(body).encode()
            connection.request(method, f"/__sandbox__{path}", content, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if "error" in answer or "errors" in answer:
            raise HeadcountError(f"the sandbox refused {method} {path}: {answer.get('error', 'no such path')}")
        return answer["data"]


@contextmanager
def running(options: SandboxOptions | None = None, *, port: int = 0) -> Iterator[Sandbox]:
    """A sandbox in a thread of this process, as runner.sandbox.running, seen from behind."""
    with running_sandbox(options, port=port) as url:
        yield Sandbox(url)


def _fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with its keys as Python writes them: `readOnly` as `read_only`."""
    return {_snake_case(key): value for key, value in entry.items()}


@cache
def _snake_case(key: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", key)


def _call_view(entry: Mapping[str, Any]) -> CallView:
    identifiers = entry.get("identifiers")
    return CallView(**_fields(entry) | {"identifiers": None if identifiers is None else tuple(identifiers)})
