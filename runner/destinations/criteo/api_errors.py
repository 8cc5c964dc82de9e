"""What Criteo refuses, as errors of ours: what it means for the audience, Criteo's own code, title and trace id, and
what one can do about it.

A refusal comes with a status of its own, or inside a success: in `errors` (marketing solutions) or `warnings` (retail
media). What it means is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.core.errors import AudienceGone, DestinationError, NameTaken
from runner.destinations.criteo.error_envelope import GONE, NAME_TAKEN, Envelope, ErrorDetail, first_of, scrubbed

_MEANINGS: Mapping[str, type[DestinationError]] = {NAME_TAKEN: NameTaken, **dict.fromkeys(GONE, AudienceGone)}
_HINTS: Mapping[type[DestinationError] | int, str] = {
    NameTaken: "choose another name, or take that audience over with `headcount import`",
    AudienceGone: "it was deleted, or the app lost access to it: run `headcount plan`",
    200: "run `headcount plan` to see what Criteo has now",
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


def refusal(status: int, envelope: Envelope, doing: str) -> DestinationError:
    """The error for an answer with this status, in the words of its most telling detail; `doing` says of what call.

    That is the one which says that the name is taken (NameTaken) or the audience gone (AudienceGone), else the first.
    """
    return _error(status, _most_telling(envelope), doing)


def rejection(answer: Envelope, doing: str) -> DestinationError:
    """The error for a success in which the one item that mattered did not succeed."""
    if answer.problems:
        return refusal(200, answer, doing)
    return DestinationError(f"Criteo answered {doing} with neither the audience nor a reason", _HINTS[200], status=200)


def refuses(answer: Envelope) -> bool:
    """Whether a success says that the one item which mattered did not succeed; mere advice is no refusal."""
    return bool(answer.errors) or first_of(answer.warnings, _MEANINGS) is not None


def require_accepted(answer: Envelope, doing: str) -> None:
    """Raise what a success refuses."""
    if refuses(answer):
        raise rejection(answer, doing)


def token_refusal(status: int, answer: Mapping[str, Any], envelope: Envelope) -> DestinationError:
    """The error for a refused token request; `answer` is shaped as OAuth (RFC 6749) has it, not as Criteo's API."""
    code = scrubbed(answer.get("error"))
    described = ErrorDetail(code, scrubbed(answer.get("error_description")), "authentication", "")
    hint = _HINT_TOKEN if status in (400, 401, 403) else ""
    return _error(status, described if code else _most_telling(envelope), "an access token", hint)


def _most_telling(envelope: Envelope) -> ErrorDetail | None:
    return first_of(envelope.problems, _MEANINGS) or next(iter(envelope.problems), None)


def _error(status: int, detail: ErrorDetail | None, doing: str, hint: str = "") -> DestinationError:
    code, title, trace_id = (detail.code, detail.title, detail.trace_id) if detail else ("", "", "")
    words = ": ".join(part for part in (code, title) if part)
    place = f"HTTP {status}, trace {trace_id}" if trace_id else f"HTTP {status}"
    by_status = _HINT_OUTAGE if status >= 500 else _HINTS.get(status, "")
    meaning = _MEANINGS.get(code, DestinationError) if status < 500 else DestinationError
    return meaning(
        f"Criteo refused {doing}: {words} ({place})" if words else f"Criteo refused {doing} ({place})",
        hint or _HINTS.get(meaning, by_status),
        code=code,
        title=title,
        trace_id=trace_id,
        status=status,
    )
