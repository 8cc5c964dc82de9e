"""Looking over everything that a run needs, each part by itself: what fails keeps no other from being looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sized
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from runner.core.checks import Check, Verdict
from runner.core.destination import Connect, Destination, DestinationClient, MissingSecret
from runner.core.errors import AccountNotUsable, DestinationError, Interrupted, InvalidProject, StateError
from runner.core.file_size import file_size
from runner.core.findings import Finding
from runner.core.project import Project
from runner.core.records import AppliedAudience
from runner.destinations.registry import any_platform, default_kind, platform_of
from runner.engine.interface import Reached, SegmentEvaluator
from runner.sources.interface import UNREACHABLE
from runner.sources.registry import kind_of
from runner.sources.warehouse import WarehouseSource
from runner.workflows.failure_messages import as_failure
from runner.workflows.older_state import HINT

if TYPE_CHECKING:
    from runner.state.inventory import Contents
    from runner.workflows.status import ActivationStatus

T = TypeVar("T")
Checks = Generator[Check, None, T]
"""Checks as they are made, and what they come to."""

CLOCK_WARN = timedelta(seconds=60)
"""How far this machine's clock may be from the platform's before it is worth a warning."""

CLOCK_WRONG = timedelta(minutes=15)
"""From here on a cloud refuses what this machine signs, a token may seem to live on, and schedules are off."""

_NO_PROJECT = ("no-folder", "no-documents")
"""Findings that are about no place in a file: there are no files."""

_NAMED = 5
"""Ad accounts that a line names at most."""


def guarded(topic: str, look: Callable[[], Checks[T]]) -> Checks[T | None]:
    """The checks of a part, and what it comes to; what stops them is the last of them, and stops nothing else."""
    try:
        return (yield from look())
    except Interrupted:
        raise
    except InvalidProject as error:
        yield _invalid(topic, error)
    except Exception as error:  # noqa: BLE001 - one part that fails keeps no other from being looked at
        failure = as_failure(error)
        yield Check(topic, "", Verdict.WRONG, failure.message, failure.hint)
    return None


def _invalid(topic: str, error: InvalidProject) -> Check:
    first, *others = error.findings
    if first.code in _NO_PROJECT:
        return Check(topic, first.location.file, Verdict.WRONG, first.message, first.hint)
    message = f"{first.location}: {first.message}{f' (and {len(others)} more)' if others else ''}"
    return Check(topic, "", Verdict.WRONG, message, "`headcount validate --no-sources` shows all that is wrong in them")


# -- files and credentials -------------------------------------------------------------------------------------------


def check_files(load: Callable[[], Project]) -> Checks[Project]:
    """Whether the files are valid; comes to the project."""
    loaded = load()
    parts = (
        _counted(loaded.activations, "activation"),
        _counted(loaded.destinations, "destination"),
        _counted(loaded.sources, "source"),
    )
    yield Check("files", loaded.folder, Verdict.OK, f"valid by themselves, the data apart: {', '.join(parts)}")
    return loaded


def check_credentials(destinations: tuple[Destination, ...], *, declared: bool) -> Checks[None]:
    """Whether each destination has its credentials; those that are not `declared` share those of the environment."""
    if not destinations:
        usual = default_kind()
        yield Check(
            "credentials",
            "",
            Verdict.WARN,
            f"there are none: no destination is known, and {_both(usual.variables.values())} are not both set",
            f"set them in the environment; `headcount sandbox` works without any of {usual.platform}'s",
        )
    for destination in destinations if declared else destinations[:1]:
        missing = destination.credentials.missing
        for part in missing:
            yield _missing(part, destination)
        if not missing:
            message = f"{_both(destination.kind.variables)} are there"
            yield Check("credentials", destination.name, Verdict.OK, message)


def _both(names: Iterable[str]) -> str:
    return " and ".join(names)


def _missing(part: MissingSecret, destination: Destination) -> Check:
    message = f"environment variable {part.variable} is not set ({part.location})"
    return Check("credentials", destination.name, Verdict.WRONG, message, "set it in the environment, not in the file")


# -- ad accounts and the clock -----------------------------------------------------------------------------------------


def check_accounts(
    destinations: tuple[Destination, ...], connect: Connect, clock: Callable[[], datetime]
) -> Checks[None]:
    """Whether each ad account may be used, and how this machine's clock stands to the one that answered last."""
    skew: timedelta | None = None
    platform = any_platform()
    asked = False
    for destination in destinations:
        if destination.credentials.missing:
            yield Check("account", destination.name, Verdict.WARN, "not checked: credentials are missing")
            continue
        try:
            connection = connect(destination)
        except DestinationError as error:
            yield _refused(destination, error)
            continue
        with closing(connection):
            asked = answered = True
            try:
                yield _account(destination, connection)
            except DestinationError as error:
                yield _refused(destination, error)
                answered = error.status is not None or isinstance(error, AccountNotUsable)
            if answered:
                skew, platform = connection.now() - clock(), destination.kind.platform
    yield clock_check(skew, platform, asked=asked)


def _refused(destination: Destination, error: DestinationError) -> Check:
    # Of the environment's credentials, nobody knows which of the services they are for.
    verdict = Verdict.WRONG if destination.account_id else Verdict.WARN
    return Check("account", destination.name, verdict, error.message, error.hint)


def _account(destination: Destination, connection: DestinationClient) -> Check:
    """Whether the account may be used and read; that it may be written to only a write can tell."""
    usable = connection.accounts()
    named = [f"{one.id} ({one.name})" if one.name else one.id for one in usable]
    if not destination.account_id:
        listed = ", ".join(named[:_NAMED]) + (f" and {len(named) - _NAMED} more" if len(named) > _NAMED else "")
        verdict = Verdict.OK if usable else Verdict.WARN
        hint = "" if usable else destination.kind.no_account_hint
        return Check("account", destination.name, verdict, f"the credentials may use {listed or 'none'}", hint)
    connection.check_account()
    label = next((text for one, text in zip(usable, named, strict=True) if one.id == destination.account_id), "")
    audiences = _counted(connection.audiences(), "audience")
    message = f"{label or destination.account_id} may be used; it has {audiences}"
    return Check("account", destination.name, Verdict.OK, message)


def clock_check(skew: timedelta | None, platform: str, *, asked: bool = True) -> Check:
    """How this machine's clock stands: `skew` is how far the platform's is ahead, None when that is not known.

    `asked` says whether the platform was asked at all.
    """
    if skew is None:
        why = "which has not answered" if asked else "which was not asked"
        return Check("clock", "", Verdict.WARN, f"not compared with {platform}'s, {why}")
    seconds = round(abs(skew.total_seconds()))
    if abs(skew) <= CLOCK_WARN:
        return Check("clock", "", Verdict.OK, f"within {max(seconds, 1)} s of {platform}'s")
    order = "behind" if skew > timedelta() else "ahead of"
    verdict = Verdict.WRONG if abs(skew) > CLOCK_WRONG else Verdict.WARN
    return Check("clock", "", verdict, f"{seconds:,} s {order} {platform}'s", "let this machine keep time by NTP")


# -- data --------------------------------------------------------------------------------------------------------------


def check_sources(
    project: Project, missing: Collection[Finding], reach: Callable[[WarehouseSource], Reached]
) -> Checks[None]:
    """Whether each source has its files, `missing` being those that are not there, or can be reached."""
    for source in project.sources:
        if isinstance(source, WarehouseSource):
            yield from guarded("source", partial(_check_warehouse, source, reach))
            continue
        kind = kind_of(source)
        places = {one.location for one in kind.missing(source)}
        yield from (_finding("source", source.name, finding) for finding in missing if finding.location in places)
        if not places:
            tables = kind.tables(source)
            what = f"{_counted(tables, 'table')}, whose files are there" if tables else "its file is there"
            yield Check("source", source.name, Verdict.OK, what)


def _check_warehouse(source: WarehouseSource, reach: Callable[[WarehouseSource], Reached]) -> Checks[None]:
    reached = reach(source)
    what = f"logged in, and ready after {reached.seconds:.1f} s"
    if reached.is_read_only is False:
        hint = "see that its role may read and not write: nothing else keeps a segment from writing there"
        yield Check("source", source.name, Verdict.WARN, f"{what}, but its sessions are not read-only", hint)
    elif reached.is_almighty:
        hint = "use a role that may read the tables of segments and nothing else"
        message = f"{what}, as a superuser, whom no grant holds back"
        yield Check("source", source.name, Verdict.WARN, message, hint)
    else:
        known = "; sessions are read-only" if reached.is_read_only else ""
        yield Check("source", source.name, Verdict.OK, f"{what}{known}")


def check_segments(
    project: Project, missing: Collection[Finding], evaluator: Callable[[], SegmentEvaluator]
) -> Checks[None]:
    """Whether SQL and mapped columns fit the data; of all that fit, one line, and one of those that wait for files."""
    if not project.activations:
        return
    reported = {finding.location for finding in missing}
    fit: list[str] = []
    waiting: list[str] = []
    for activation in project.activations:
        found = evaluator().check(activation, project.sources)
        findings = [one for one in found if not one.is_warning or one.code == UNREACHABLE]
        new = [one for one in findings if one.location not in reported and not one.is_warning]
        yield from (_finding("segment", activation.id, finding) for finding in new)
        fit += [] if findings else [activation.id]
        waiting += [activation.id] if findings and not new else []
    if waiting:
        message = f"{_counted(waiting, 'activation')} not checked: their sources are not there"
        yield Check("segment", "", Verdict.WARN, message)
    if fit:
        yield Check("segment", "", Verdict.OK, f"SQL and mapped columns of {_counted(fit, 'activation')} fit the data")


def _finding(topic: str, subject: str, finding: Finding) -> Check:
    return Check(topic, subject, Verdict.WRONG, f"{finding.location}: {finding.message}", finding.hint)


# -- the state -------------------------------------------------------------------------------------------------------


def check_state(place: str, kept: Contents, project: Project | None) -> Checks[None]:
    """What the state at `place` holds, and what the next run has to finish."""
    applied = tuple(one.applied for one in kept.audiences)
    size = f"{_counted(applied, 'audience')}, {file_size(kept.size)} in files"
    yield Check("state", place, Verdict.OK, f"readable, {size}" if applied else "nothing is applied yet")
    if kept.holder:
        hint = "wait until that run has ended: no other can apply or sync before"
        yield Check("state", place, Verdict.WARN, f"held by {kept.holder}", hint)
    for record in applied:
        if record.unfinished is not None:
            part = record.unfinished
            message = f"unfinished: {part.taken} of {part.batches} batches taken, {part.in_flight} in flight"
            yield Check(
                "state", record.activation, Verdict.WARN, message, "run `headcount sync`: it finishes that first"
            )
        elif record.audience_id is None:
            hint = f"run `headcount apply`: it finds out whether {platform_of(record.kind)} made it"
            yield Check("state", record.activation, Verdict.WARN, "its creation was interrupted", hint)
        elif record.refill:
            hint = "run `headcount apply`: it clears the audience and fills it again"
            yield Check("state", record.activation, Verdict.WARN, "what it holds is not known", hint)
    yield from _orphans(place, applied, project)


def check_older(place: str, look: Callable[[], str]) -> Checks[None]:
    """Whether audiences speak for runs that the state knows nothing of; what `look` gives says how."""
    try:
        why = look()
    except (DestinationError, StateError):  # the checks of accounts and of the state say more
        return
    if why:
        yield Check("state", place, Verdict.WARN, why, HINT)


def check_sizes(count: Callable[[], tuple[ActivationStatus, ...]]) -> Checks[None]:
    """Whether what destinations count is what was sent; `count` asks them."""
    try:
        rows = count()
    except (DestinationError, StateError) as error:  # the checks of accounts and of the state say more
        yield Check("members", "", Verdict.WARN, f"not compared: {error.message}", error.hint)
        return
    counted = [row for row in rows if row.live_size is not None and row.applied is not None]
    for row in counted:
        if row.suspected_drift and row.applied is not None:
            drift = f"suspected drift: {platform_of(row.applied.kind)} counts {row.live_size:,} identifiers"
            message = f"{drift}, {sum(row.applied.members.values()):,} were sent"
            hint = f"`headcount sync --rebuild {row.activation}` clears the audience and fills it again"
            yield Check("members", row.activation, Verdict.WARN, message, hint)
    fit = [row for row in counted if not row.suspected_drift]
    if fit:
        yield Check("members", "", Verdict.OK, f"the count of {_counted(fit, 'audience')} fits what was sent")


def _orphans(place: str, applied: tuple[AppliedAudience, ...], project: Project | None) -> Iterator[Check]:
    if project is None:
        return
    declared = {one.key for one in project.activations}
    orphans = [one for one in applied if one.key not in declared]
    if orphans:
        named = ", ".join(one.activation for one in orphans[:_NAMED]) + (" ..." if len(orphans) > _NAMED else "")
        message = f"{_counted(orphans, 'audience')} no longer declared: {named}"
        yield Check("state", place, Verdict.WARN, message, "`headcount plan --prune` shows what deleting would do")


def _counted(things: Sized, one: str) -> str:
    return f"{len(things):,} {one}{'' if len(things) == 1 else 's'}"
