"""Everything that stops a command.

    HeadcountError                 exit 1
    ├── InvalidProject             exit 3   the files have findings
    ├── UsageError                 exit 64  the command line makes no sense
    ├── Locked                     exit 5   another run holds the state
    ├── StalePlan                  exit 6   the definitions are no longer those of the plan that was reviewed (planning)
    ├── StateError                 exit 1   the state cannot be read or written, or is not ours to read
    │   └── LockLost               exit 1   another run took over the state, or may have: everything stops
    ├── SegmentError               exit 1   one segment cannot be evaluated; the others go on
    ├── DestinationError           exit 1   the destination answered with an error, or not at all
    │   ├── AudienceGone           the audience no longer exists there
    │   ├── NameTaken              another audience of the account has that name
    │   ├── AnswerLost             the call may or may not have taken effect
    │   └── AccountNotUsable       the credentials may not use the ad account
    └── Interrupted                exit 130 Ctrl-C or SIGTERM

An error is a sentence about what is wrong (`message`), a sentence about what to do (`hint`), and nothing else: it
neither prints nor formats itself for a terminal. Neither sentence ever holds an identifier or a secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from runner.core.findings import Finding
    from runner.core.project import Project


class HeadcountError(Exception):
    """The root: `message` says what is wrong, `hint` what to do about it."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidProject(HeadcountError):
    """The files are not valid; `findings` says where and why, all at once.

    `sound` is what the documents without findings come to, None where a source or a whole file is missing from it.
    `readable` is what can be relied on of them to say what the state means, whatever is missing. `is_beside` says that
    a result was shown all the same, beside which the findings stand.
    """

    exit_code = 3

    def __init__(
        self, findings: tuple[Finding, ...], sound: Project | None = None, readable: Project | None = None
    ) -> None:
        super().__init__(f"{len(findings)} finding{'s' if len(findings) != 1 else ''} in the files")
        self.findings = findings
        self.sound = sound
        self.readable = readable
        self.is_beside = False


class UsageError(HeadcountError):
    """The command was called with arguments that make no sense together."""

    exit_code = 64


class Locked(HeadcountError):
    """Another run holds the state; the message names host, process, command and since when.

    `since` is when that run took it (aware), None where that is not known.
    """

    exit_code = 5

    def __init__(self, message: str, hint: str = "", since: datetime | None = None) -> None:
        super().__init__(message, hint)
        self.since = since


class StateError(HeadcountError):
    """The state is damaged, unreadable, read-only, full, or written by a newer version."""


class LockLost(StateError):
    """The run no longer holds the state; the message says who took over, where that is known. It must send no more."""


class SegmentError(HeadcountError):
    """A segment cannot be evaluated: its SQL, its source or its time limit.

    `finding` is set when the fault has a place in the files. Values of the data are never part of the message.
    """

    def __init__(self, message: str, hint: str = "", finding: Finding | None = None) -> None:
        super().__init__(message, hint)
        self.finding = finding


class DestinationError(HeadcountError):
    """A destination refused a call, or could not be reached.

    `code`, `title` and `trace_id` are the destination's own words (Criteo: the error envelope), `status` its HTTP
    status where there was one. `untouched` says that the call, as it was made last, certainly had no effect.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        code: str = "",
        title: str = "",
        trace_id: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.code = code
        self.title = title
        self.trace_id = trace_id
        self.status = status
        self.untouched = False


class AudienceGone(DestinationError):
    """The audience does not exist there any more."""


class NameTaken(DestinationError):
    """Another audience of the same account has that name."""


class AnswerLost(DestinationError):
    """The call left, and no answer came back: it may or may not have taken effect."""


class AccountNotUsable(DestinationError):
    """The credentials are good but may not use this ad account; the hint lists those that they may use."""


class Interrupted(HeadcountError):
    """The person or the machine asked the run to end; what was in flight is finished and the state can be resumed.

    `consequence` says what became of the work; `message` too, and that it was interrupted where that is not plain.
    """

    exit_code = 130

    def __init__(self, consequence: str, message: str = "") -> None:
        super().__init__(message or consequence)
        self.consequence = consequence


@contextmanager
def requires_extra(extra: str, user: str, error: type[HeadcountError] = HeadcountError) -> Iterator[None]:
    """Around imports of what only an optional extra installs: raise `error`, which names the package, if it is missing.

    `user` is what needs it, as the subject of the sentence.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package == "runner":
            raise
        message = f"{user} needs the package {package}, which is not installed"
        raise error(
            message, f"install Headcount again, from your clone or wheel: pip install 'PATH[{extra}]'"
        ) from None
