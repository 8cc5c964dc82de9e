"""How the version of Criteo's API in use stands to the one that this code was written for, and to its end of life.

Criteo keeps a version, named after the month it came out, for twelve months, and calls it deprecated for the last three
(documentation page "versioning policy").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from runner.core.checks import Check, Verdict
from runner.destinations.criteo.endpoint import DEFAULT_VERSION, ApiEndpoint

_LIFE = 12
_DEPRECATED = 9
"""Months after it came out."""


def check_version(endpoint: ApiEndpoint, today: date) -> Iterator[Check]:
    """What there is to say of the API's version; one check."""
    version, released = endpoint.version, _released(endpoint.version)
    verdict, message, hint = Verdict.OK, f"{version} at {endpoint.url}", ""
    if released is None:
        verdict = Verdict.WARN
        message += ": this version is not stable, and may change any day"
        hint = f"leave CRITEO_API_VERSION unset to use {DEFAULT_VERSION}"
    elif _months(released, today) >= _LIFE:
        verdict = Verdict.WARN
        message += ": Criteo keeps a version for twelve months, and these are over"
        hint = _renew(version)
    elif _months(released, today) >= _DEPRECATED:
        verdict = Verdict.WARN
        message += f": deprecated; Criteo removes it in {_month_after(released, _LIFE)}"
        hint = _renew(version)
    elif version != DEFAULT_VERSION:
        verdict = Verdict.WARN
        order = "newer" if version > DEFAULT_VERSION else "older"
        message += f": {order} than {DEFAULT_VERSION}, which this version of Headcount was written for"
        hint = "try it against one activation first, or leave CRITEO_API_VERSION unset"
    yield Check("versions", "Criteo's API", verdict, message, hint)


def _renew(version: str) -> str:
    if version == DEFAULT_VERSION:
        return "update headcount, or set CRITEO_API_VERSION to Criteo's newest stable version"
    return f"leave CRITEO_API_VERSION unset to use {DEFAULT_VERSION}, or set it to Criteo's newest stable version"


def _released(version: str) -> date | None:
    parts = re.fullmatch(r"(2[0-9]{3})-(0[1-9]|1[0-2])", version)
    return date(int(parts[1]), int(parts[2]), 1) if parts else None


def _months(since: date, today: date) -> int:
    return (today.year - since.year) * 12 + today.month - since.month


def _month_after(start: date, months: int) -> str:
    years, month = divmod(start.month - 1 + months, 12)
    return f"{start.year + years}-{month + 1:02d}"
