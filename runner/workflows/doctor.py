"""Looking over everything that a run needs, each part by itself: what fails keeps no other from being looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from runner.core.checks import Check, Verdict
from runner.core.destination import Connect, DestinationClient
from runner.core.errors import AccountNotUsable, DestinationError, Interrupted, InvalidProject
from runner.core.findings import Finding
from runner.core.project import Destination, MissingSecret, Project
from runner.core.records import AppliedAudience
from runner.engine.interface import SegmentEvaluator
from runner.sources.registry import kind_of
from runner.state.interface import State
from runner.workflows.failure_messages import as_failure

CLOCK_WARN = timedelta(seconds=60)
"""How far this machine's clock may be from Criteo's before anyone is told."""

CLOCK_WRONG = timedelta(minutes=15)
"""From here on a cloud refuses what this machine signs, a token may seem to live on, and schedules are off."""

_NAMED = 5
"""Ad accounts that a line names at most."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What is looked over, each part made when its turn comes.

    `versions` are checks of what is installed. `fallback` gives the credentials of the environment, one destination
    without an account for each of Criteo's services, for a project that declares no destination. `place` tells where
    the state is.
    """

    versions: Callable[[], Iterable[Check]]
    load: Callable[[], Project]
    missing_files: Callable[[Project], tuple[Finding, ...]]
    fallback: Callable[[], tuple[Destination, ...]]
    connect: Connect
    evaluator: Callable[[], AbstractContextManager[SegmentEvaluator]]
    place: Callable[[], str]
    state: Callable[[], State]
    clock: Callable[[], datetime]


def examine(examined: Examined) -> Iterator[Check]:
    """Every check, as it is made."""
    yield from _guarded("versions", examined.versions)
    project: list[Project] = []
    yield from _guarded("files", lambda: _files(examined, project))
    loaded = project[0] if project else None
    destinations = loaded.destinations if loaded else ()
    if not destinations:
        destinations = examined.fallback()
    yield from _guarded("credentials", lambda: _credentials(destinations, loaded))
    yield from _guarded("account", lambda: _accounts(destinations, examined))
    yield from _guarded("source", lambda: _sources(loaded, examined))
    yield from _guarded("segment", lambda: _segments(loaded, examined))
    yield from _guarded("state", lambda: _state(loaded, examined))


def _guarded(topic: str, look: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """The checks; whatever stops them is the last of them."""
    try:
        yield from look()
    except Interrupted:
        raise
    except InvalidProject as error:
        yield _invalid(topic, error)
    except Exception as error:  # noqa: BLE001 - one part that fails keeps no other from being looked at
        failure = as_failure(error)
        yield Check(topic, "", Verdict.WRONG, failure.message, failure.hint)


def _invalid(topic: str, error: InvalidProject) -> Check:
    first = error.findings[0]
    more = f" (and {len(error.findings) - 1} more)" if len(error.findings) > 1 else ""
    message = f"{first.location}: {first.message}{more}"
    return Check(topic, "", Verdict.WRONG, message, "`headcount validate --no-sources` shows all that is wrong in them")


# -- files and credentials -------------------------------------------------------------------------------------------


def _files(examined: Examined, project: list[Project]) -> Iterator[Check]:
    loaded = examined.load()
    project.append(loaded)
    parts = (
        _counted(loaded.activations, "activation"),
        _counted(loaded.destinations, "destination"),
        _counted(loaded.sources, "source"),
    )
    yield Check("files", loaded.folder, Verdict.OK, f"valid: {', '.join(parts)}")


def _credentials(destinations: tuple[Destination, ...], project: Project | None) -> Iterator[Check]:
    if not destinations:
        yield Check(
            "credentials",
            "",
            Verdict.WARN,
            "there are none: no destination is known, and CRITEO_CLIENT_ID and CRITEO_CLIENT_SECRET are not both set",
            "set them in the environment; `headcount sandbox` works without any of Criteo's",
        )
    declared = bool(project and project.destinations)
    for destination in destinations if declared else destinations[:1]:
        missing = destination.credentials.missing
        for part in missing:
            yield _missing(part, destination)
        if not missing:
            yield Check("credentials", destination.name, Verdict.OK, "client_id and client_secret are there")


def _missing(part: MissingSecret, destination: Destination) -> Check:
    message = f"environment variable {part.variable} is not set ({part.location})"
    return Check("credentials", destination.name, Verdict.WRONG, message, "set it in the environment, not in the file")


# -- ad accounts and the clock -----------------------------------------------------------------------------------------


def _accounts(destinations: tuple[Destination, ...], examined: Examined) -> Iterator[Check]:
    skew: timedelta | None = None
    for destination in destinations:
        if destination.credentials.missing:
            yield Check("account", destination.name, Verdict.WARN, "not checked: credentials are missing")
            continue
        try:
            connection = examined.connect(destination)
        except DestinationError as error:
            yield _refused(destination, error)
            continue
        with closing(connection):
            answered = True
            try:
                yield _account(destination, connection)
            except DestinationError as error:
                yield _refused(destination, error)
                answered = error.status is not None or isinstance(error, AccountNotUsable)
            if answered:
                skew = connection.now() - examined.clock()
    yield clock_check(skew)


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
        hint = "" if usable else "an admin of the ad account must consent to the app in Criteo's partner portal"
        return Check("account", destination.name, verdict, f"the credentials may use {listed or 'none'}", hint)
    connection.check_account()
    label = next((text for one, text in zip(usable, named, strict=True) if one.id == destination.account_id), "")
    segments = _counted(connection.audiences(), "segment")
    message = f"{label or destination.account_id} may be used; it has {segments}"
    return Check("account", destination.name, Verdict.OK, message)


def clock_check(skew: timedelta | None) -> Check:
    """How this machine's clock stands: `skew` is how far Criteo's is ahead of it, None when that is not known."""
    if skew is None:
        return Check("clock", "", Verdict.WARN, "not compared with Criteo's, which has not answered")
    seconds = round(abs(skew.total_seconds()))
    if abs(skew) <= CLOCK_WARN:
        return Check("clock", "", Verdict.OK, f"within {max(seconds, 1)} s of Criteo's")
    order = "behind" if skew > timedelta() else "ahead of"
    verdict = Verdict.WRONG if abs(skew) > CLOCK_WRONG else Verdict.WARN
    return Check("clock", "", verdict, f"{seconds:,} s {order} Criteo's", "let this machine keep time by NTP")


# -- data --------------------------------------------------------------------------------------------------------------


def _sources(project: Project | None, examined: Examined) -> Iterator[Check]:
    if project is None:
        yield Check("source", "", Verdict.WARN, "not looked at: the files are not valid")
        return
    missing = examined.missing_files(project)
    for source in project.sources:
        kind = kind_of(source)
        places = {one.location for one in kind.missing(source)}
        yield from (_finding("source", source.name, finding) for finding in missing if finding.location in places)
        if not places:
            tables = kind.tables(source)
            what = f"{_counted(tables, 'table')}, whose files are there" if tables else "its file is there"
            yield Check("source", source.name, Verdict.OK, what)


def _segments(project: Project | None, examined: Examined) -> Iterator[Check]:
    """Whether SQL and mapped columns fit the data; of all that fit, one line, and one of those that wait for files."""
    if project is None or not project.activations:
        return
    told = {finding.location for finding in examined.missing_files(project)}
    fit: list[str] = []
    waiting: list[str] = []
    with examined.evaluator() as evaluator:
        for activation in project.activations:
            findings = evaluator.check(activation, project.sources)
            new = [finding for finding in findings if finding.location not in told]
            yield from (_finding("segment", activation.id, finding) for finding in new)
            fit += [] if findings else [activation.id]
            waiting += [activation.id] if findings and not new else []
    if waiting:
        message = f"{_counted(waiting, 'activation')} not checked: files of their sources are missing"
        yield Check("segment", "", Verdict.WARN, message)
    if fit:
        yield Check("segment", "", Verdict.OK, f"SQL and mapped columns of {_counted(fit, 'activation')} fit the data")


def _finding(topic: str, subject: str, finding: Finding) -> Check:
    return Check(topic, subject, Verdict.WRONG, f"{finding.location}: {finding.message}", finding.hint)


# -- the state -------------------------------------------------------------------------------------------------------


def _state(project: Project | None, examined: Examined) -> Iterator[Check]:
    from runner.state.inventory import contents_of

    place = examined.place()
    with closing(examined.state()) as state:
        kept = contents_of(state)
    applied = tuple(one.applied for one in kept.audiences)
    size = f"{_counted(applied, 'audience')}, {kept.size / 1_000_000:,.1f} MB of files"
    yield Check("state", place, Verdict.OK, f"readable, {size}" if applied else "nothing is applied yet")
    if kept.holder:
        hint = "until that run has ended, no other can apply or sync"
        yield Check("state", place, Verdict.WARN, f"held by {kept.holder}", hint)
    for record in applied:
        if record.unfinished is not None:
            part = record.unfinished
            message = f"unfinished: {part.taken} of {part.batches} batches taken, {part.in_flight} in flight"
            yield Check("state", record.activation, Verdict.WARN, message, "the next apply or sync settles it")
        elif record.audience_id is None:
            hint = "the next apply finds out whether Criteo made it"
            yield Check("state", record.activation, Verdict.WARN, "its creation was interrupted", hint)
        elif record.refill:
            hint = "the next apply clears and refills it"
            yield Check("state", record.activation, Verdict.WARN, "what it holds is not known", hint)
    yield from _orphans(place, applied, project)


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
