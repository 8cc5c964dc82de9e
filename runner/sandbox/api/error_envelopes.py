"""Criteo's error envelopes. The families differ in small ways, and a client must survive each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from runner.sandbox.world.segment_records import CriteoService

PROBLEM_ARRAY = {CriteoService.MARKETING_SOLUTIONS: "errors", CriteoService.RETAIL_MEDIA: "warnings"}
"""The array of the answer to a bulk call that names the items that failed."""


class Family(Enum):
    """Which envelope an endpoint uses."""

    BULK = "bulk"
    AMENDMENT = "amendment"
    PORTFOLIO = "portfolio"
    ACCOUNTS = "accounts"


@dataclass(frozen=True, slots=True)
class EnvelopeProblem:
    """One problem. `where` is a path into the request body; `instance` replaces the called path where it is set."""

    type: str
    code: str
    title: str
    detail: str = ""
    where: str = ""
    instance: str = ""

    def rendered(self, family: Family, instance: str, trace_id: str) -> dict[str, Any]:
        """The problem as the family of endpoints writes it."""
        kind = self.type.replace("-", "_") if family is Family.PORTFOLIO else self.type
        rendered: dict[str, Any] = {
            "traceId": trace_id,
            "type": kind,
            "code": self.code,
            "instance": self.instance or instance,
            "title": self.title,
            "detail": self.detail or self.title,
        }
        if self.where:
            rendered["source"] = {self.where.rpartition("/")[2]: self.where}
        if family is Family.BULK:
            rendered["traceIdentifier"] = trace_id
        return rendered


class CallRefused(Exception):
    """The whole call is answered with an error."""

    def __init__(
        self, status: int, problems: Sequence[EnvelopeProblem], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status)
        self.status = status
        self.problems = tuple(problems)
        self.headers = headers or {}


@dataclass(slots=True)
class ItemOutcome:
    """What became of the items of a bulk call."""

    data: list[dict[str, Any]] = field(default_factory=list)
    problems: list[EnvelopeProblem] = field(default_factory=list)


TOKEN_MISSING = EnvelopeProblem("authorization", "authorization-token-missing", "The authorization header is missing")
TOKEN_INVALID = EnvelopeProblem("authorization", "authorization-token-invalid", "The authorization header is invalid")
TOKEN_EXPIRED = EnvelopeProblem("authorization", "authorization-token-expired", "The authorization token has expired")
NOT_CONSENTED = EnvelopeProblem(
    "access-control",
    "insufficient-advertiser-permissions",
    "The application has no permission on any advertiser or account",
)
TOO_MANY_REQUESTS = EnvelopeProblem("quota", "too-many-requests", "The rate limit of the application is reached")
NO_SUCH_PATH = EnvelopeProblem("validation", "resource-not-found", "There is nothing at this address")
NO_SUCH_METHOD = EnvelopeProblem("validation", "method-not-allowed", "This address does not take this method")
VERSION_GONE = EnvelopeProblem(
    "deprecation", "api-version-decommissioned", "This version of the API is no longer served"
)
MALFORMED_JSON = EnvelopeProblem("validation", "invalid", "The request body is not valid JSON")
WRONG_CONTENT_TYPE = EnvelopeProblem(
    "validation", "unsupported-media-type", "The content type must be application/json"
)
INTERNAL_ERROR = EnvelopeProblem("availability", "internal-error", "An internal error occurred")
UNAVAILABLE = EnvelopeProblem("availability", "service-unavailable", "The service is not available at the moment")
REJECTED = EnvelopeProblem("validation", "item-rejected", "The item was rejected")


def audience_invalid(segment_id: str) -> EnvelopeProblem:
    """The contact list does not exist, or is not for the caller."""
    return EnvelopeProblem(
        "validation",
        "audience-invalid",
        "Audience is invalid",
        "Audience is not found, please choose a valid audience",
        instance=f"/audience/{segment_id}",
    )


def invalid(where: str, detail: str, code: str = "invalid") -> EnvelopeProblem:
    """A value of the request is not what it should be; `detail` must not quote an identifier."""
    return EnvelopeProblem("validation", code, "The request is not valid", detail, where)


def no_permission(where: str) -> EnvelopeProblem:
    """The item names an advertiser that has not consented, or that does not exist."""
    return EnvelopeProblem(
        "access-control",
        "insufficient-advertiser-permissions",
        "The application has no permission on the advertiser",
        where=where,
    )


def no_account_permission(where: str) -> EnvelopeProblem:
    """The account has not consented, or does not exist."""
    return EnvelopeProblem(
        "access-control",
        "insufficient-account-permissions",
        "The application has no permission on the account",
        where=where,
    )


def retailer_not_available(where: str) -> EnvelopeProblem:
    """The account may not advertise with the retailer."""
    return EnvelopeProblem("validation", "retailer-not-available", "The account has no such retailer", where=where)


def segment_not_found(where: str) -> EnvelopeProblem:
    """The segment does not exist, or is not for the caller."""
    return EnvelopeProblem("validation", "segment-not-found", "The audience segment was not found", where=where)


def name_taken(where: str) -> EnvelopeProblem:
    """The owner has another segment of this name."""
    return EnvelopeProblem("validation", "name-must-be-unique", "Another segment has this name", where=where)


def name_empty(where: str) -> EnvelopeProblem:
    """The name is empty."""
    return EnvelopeProblem("validation", "name-must-not-be-empty", "The name must not be empty", where=where)


def gateway_problem(status: int) -> EnvelopeProblem:
    """What an injected error answer of that status says."""
    known = {401: TOKEN_EXPIRED, 403: NOT_CONSENTED, 404: NO_SUCH_PATH, 410: VERSION_GONE, 429: TOO_MANY_REQUESTS}
    if status in known:
        return known[status]
    if status < 500:
        return invalid("", "This answer was asked for")
    return UNAVAILABLE if status in (502, 503, 504) else INTERNAL_ERROR
