"""Criteo's refusals as errors of ours: its own code, title and trace id, and what one can do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.core.errors import DestinationError
from runner.destinations.criteo.error_envelope import GONE, NAME_TAKEN, Envelope, ErrorDetail, first_of, scrubbed

_HINTS = {
    401: "Criteo does not accept the app's token: check in Criteo's partner portal that the app is active and its key "
    "was not revoked",
    403: "an Admin, Business Manager or Technical Manager of the ad account must consent to the app, and the app needs "
    "the domain Audiences with the level Manage; `headcount accounts` lists what it may use",
    404: "check CRITEO_API_URL and CRITEO_API_VERSION",
    410: "this version of the API has ended: update Headcount, or set CRITEO_API_VERSION to one that is still served",
    413: "set a smaller batch_size for the destination",
    429: "other programs may be using the same app: set a smaller rate_limit for the destination, or run later",
}
_HINT_TOKEN = "check CRITEO_CLIENT_ID and CRITEO_CLIENT_SECRET, or the variables that the destination names instead"  # noqa: S105
_HINT_OUTAGE = "Criteo may have an outage: run the command again later, it takes up where it stopped"


def refusal(
    status: int, envelope: Envelope, doing: str, kind: type[DestinationError] = DestinationError, hint: str = ""
) -> DestinationError:
    """The error for an answer that is no success, in the words of its most telling problem."""
    return problem_error(status, most_telling(envelope.problems), doing, kind, hint)


def most_telling(problems: Sequence[ErrorDetail]) -> ErrorDetail | None:
    """The problem that says that the name is taken or the audience gone, else the first."""
    return first_of(problems, {NAME_TAKEN, *GONE}) or next(iter(problems), None)


def problem_error(
    status: int,
    problem: ErrorDetail | None,
    doing: str,
    kind: type[DestinationError] = DestinationError,
    hint: str = "",
) -> DestinationError:
    """The error for one problem of an answer, of a success too; `kind` says what it means to whoever called."""
    code, title = (problem.code, problem.title) if problem else ("", "")
    trace_id = problem.trace_id if problem else ""
    words = ": ".join(part for part in (code, title) if part)
    place = f"HTTP {status}, trace {trace_id}" if trace_id else f"HTTP {status}"
    return kind(
        f"Criteo refused {doing}: {words} ({place})" if words else f"Criteo refused {doing} ({place})",
        hint or _hint(status),
        code=code,
        title=title,
        trace_id=trace_id,
        status=status,
    )


def token_refusal(status: int, answer: Mapping[str, Any], envelope: Envelope) -> DestinationError:
    """The error for a refused token request; `answer` is shaped as OAuth (RFC 6749) has it, not as Criteo's API."""
    problem = most_telling(envelope.problems)
    code = scrubbed(answer.get("error"))
    if code:
        problem = ErrorDetail(code, scrubbed(answer.get("error_description")), "authentication", "")
    hint = _HINT_TOKEN if status in (400, 401, 403) else ""
    return problem_error(status, problem, "an access token", hint=hint)


def _hint(status: int) -> str:
    return _HINT_OUTAGE if status >= 500 else _HINTS.get(status, "")
