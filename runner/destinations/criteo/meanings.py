"""What a refusal means for an audience: its name is taken, it is gone, or the call failed for another reason.

A refusal may come as a status of its own or inside a success, in `errors` (marketing solutions) or `warnings` (retail
media); what it means is the same.
"""

from __future__ import annotations

from runner.core.errors import AnswerLost, AudienceGone, DestinationError, NameTaken
from runner.destinations.criteo.api_client import ApiCall, Client
from runner.destinations.criteo.error_envelope import GONE, NAME_TAKEN, Envelope, ErrorDetail, first_of
from runner.destinations.criteo.refusals import most_telling, problem_error

_KINDS: dict[str, type[DestinationError]] = {NAME_TAKEN: NameTaken, **dict.fromkeys(GONE, AudienceGone)}
_HINTS: dict[type[DestinationError], str] = {
    NameTaken: "choose another name, or take that audience over with `headcount import`",
    AudienceGone: "it was deleted, or the app lost access to it: run `headcount plan`",
    DestinationError: "run `headcount plan` to see what Criteo has now",
}


def make(client: Client, call: ApiCall) -> Envelope:
    """Make a call, with a refusal turned into what it means for the audience."""
    try:
        return client.call(call)
    except AnswerLost:
        raise
    except DestinationError as error:
        kind = _KINDS.get(error.code)
        if kind is None or error.status is None or not 400 <= error.status < 500:
            raise
        problem = ErrorDetail(error.code, error.title, "", error.trace_id)
        raise problem_error(error.status, problem, call.doing, kind, _HINTS[kind]) from None


def refuses(answer: Envelope) -> bool:
    """Whether a success says that the one item which mattered did not succeed; mere advice is no refusal."""
    return bool(answer.errors) or first_of(answer.warnings, _KINDS) is not None


def rejection(answer: Envelope, doing: str) -> DestinationError:
    """The error for a success in which the one item that mattered did not succeed."""
    problem = most_telling(answer.problems)
    if problem is None:
        return DestinationError(
            f"Criteo answered {doing} with neither the audience nor a reason", _HINTS[DestinationError], status=200
        )
    kind = _KINDS.get(problem.code, DestinationError)
    return problem_error(200, problem, doing, kind, _HINTS[kind])


def require_accepted(answer: Envelope, doing: str) -> None:
    """Raise what a success refuses."""
    if refuses(answer):
        raise rejection(answer, doing)
