"""Options that several commands share, each written once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from runner.cli import completion
from runner.core.errors import UsageError
from runner.core.identifiers import IdentifierType


class Format(StrEnum):
    """How a result is written to standard output."""

    TEXT = "text"
    JSON = "json"


class CheckFormat(StrEnum):
    """How what is wrong in the files is written: also as annotations of a pull request."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


class ResultsFormat(StrEnum):
    """How the results of tests are written: also as JUnit's XML."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


class PreviewFormat(StrEnum):
    """How a preview is written: also as a comment for a pull request."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class PlanFormat(StrEnum):
    """How a plan is written: also as a comment for a pull request, or with annotations of it."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    GITHUB = "github"


Dir = Annotated[Path, typer.Option("--dir", envvar="HEADCOUNT_DIR", help="Folder with the YAML files.")]
Target = Annotated[
    str,
    typer.Option(
        "--target",
        metavar="NAME",
        envvar="HEADCOUNT_TARGET",
        help="Which of the project's targets.",
        autocompletion=completion.targets,
        show_default=False,
    ),
]
Var = Annotated[list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="Set a variable; repeatable.")]
Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="PATTERN",
        help="Only these: ids, globs, tag:, owner:, destination: or path:; repeatable.",
        autocompletion=completion.patterns,
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="PATTERN",
        help="All but these, as for --select; repeatable.",
        autocompletion=completion.patterns,
    ),
]
ChangedSince = Annotated[
    str, typer.Option("--changed-since", metavar="REF", help="Only what has changed since this commit of git.")
]
Output = Annotated[Format, typer.Option("--format", help="How the result is written.")]
CheckOutput = Annotated[CheckFormat, typer.Option("--format", help="How the result is written.")]
ResultsOutput = Annotated[ResultsFormat, typer.Option("--format", help="How the results are written.")]
PreviewOutput = Annotated[PreviewFormat, typer.Option("--format", help="How the preview is written.")]
PlanOutput = Annotated[PlanFormat, typer.Option("--format", help="How the plan is written.")]
Today = Annotated[str, typer.Option("--today", metavar="YYYY-MM-DD", help="What `today` means in templates [UTC].")]
At = Annotated[str, typer.Option("--at", metavar="TIME", help="Take TIME as now, such as 2026-11-24T06:00 [UTC].")]
TypeOf = Annotated[
    IdentifierType | None,
    typer.Option(
        "--type", metavar="TYPE", help="Which identifier it is, such as email; by default what it looks like."
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log every call on standard error.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colour (NO_COLOR does the same).")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Prune = Annotated[bool, typer.Option("--prune", help="Delete audiences that are no longer declared.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Save the plan, for `headcount apply FILE`.")]
GitlabReport = Annotated[
    Path | None, typer.Option("--gitlab-report", metavar="FILE", help="Write the counts for GitLab's merge request.")
]
PlanFile = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="A saved plan, to carry out exactly that.", show_default=False)
]
PlanId = Annotated[
    str,
    typer.Option(
        "--plan-id", metavar="ID", help="Carry out the plan of this id only; with FILE, only if it is that plan."
    ),
]
AllowRemovals = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-removals",
        metavar="PATTERN",
        help="Let removals of these pass, once: ids and more, as for --select; repeatable.",
        autocompletion=completion.patterns,
    ),
]
AllowRecreate = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-recreate",
        metavar="ACCOUNT",
        help="Let all audiences of this ad account be made again, once; repeatable.",
    ),
]

AllowSuppression = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-suppression",
        metavar="NAME",
        help="Let this suppression take effect past its guardrails, once; its whole name; repeatable.",
    ),
]

DEFAULT_DIR = Path("activations")


def variables(pairs: list[str] | None) -> dict[str, str]:
    """`NAME=VALUE` pairs as a mapping. Raises UsageError."""
    found = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f'--var "{pair}" is not NAME=VALUE', "write --var min_baskets=10")
        found[name] = value
    return found


def clock_of(text: str) -> Callable[[], datetime]:
    """The clock of `--at`: it shows that time now and goes on from there; by default it is right. Raises UsageError."""
    if not text:
        return lambda: datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f'--at "{text}" is not a time', "write it as 2026-11-24T06:00 or 2026-11-24T06:00+01:00"
        ) from None
    ahead = (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC) - datetime.now(UTC)
    return lambda: datetime.now(UTC) + ahead


def day(text: str) -> date | None:
    """The date of `--today`; None where it is not given. Raises UsageError."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f'--today "{text}" is not a date', "write it as 2026-11-24") from None
