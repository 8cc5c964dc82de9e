"""What the Project document says that is needed before the rest of the files is read: where the state is, how long it
keeps past runs, which targets there are, and which day it is.

Commands that only look into the state need no more of the files, which may not be valid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from runner.config.document import Document, ParsedDocument
from runner.config.read_documents import documents_of
from runner.config.resolve.declared_receivers import NOTIFY, build_receivers
from runner.config.resolve.environment import Environment
from runner.config.resolve.project_settings import without_defaults
from runner.config.schema.validate_documents import checked
from runner.config.targets import TARGETS, chosen, state_of, targets_of
from runner.config.templates.render import Scope
from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import MapNode, ScalarNode
from runner.config.yaml.project_files import ProjectFiles, Texts, shown_path, yaml_files
from runner.core.errors import InvalidProject, UsageError
from runner.core.receivers import Receiver

_KIND = "Project"
_STATE = "state"
_HISTORY = "history"

MOST_DAYS = 3_650
"""The longest that past runs can be declared to be kept."""


def declared_state(folder: Path, *, today: date, target: str = "", read: Texts | None = None) -> str | Path | None:
    """A bucket as it is written, or a folder, a relative one next to the file that names it; None when none is named.

    For a project with targets, the state of the one that is given. Raises InvalidProject with what is wrong with the
    Project document, UsageError for a target that is none, and for none where one has to be chosen. `read` here and
    below are files that were read before, to which those read here are added.
    """
    project = _project(folder, today, read)
    targets = targets_of(project) if project is not None else {}
    chosen(targets, target)
    if project is None:
        return None
    if targets:
        return state_of(target, targets[target], project, folder)
    place = project.root.text(_STATE)
    return place if place is None or ":/" in place else project.file.path.absolute().parent / Path(place).expanduser()


def declared_receivers(
    folder: Path, *, today: date, target: str, environ: Mapping[str, str], read: Texts | None = None
) -> tuple[Receiver, ...]:
    """Who is notified for the target, as far as the Project document says so without a finding, whatever is wrong with
    the rest of the files.
    """
    found = Findings()
    for parsed in _with_field(folder, read, NOTIFY):
        project = checked(without_defaults(parsed), Scope("a Project document", today), found, {})
        try:
            return build_receivers(project, Environment.of(environ, folder.resolve().parent), target)
        except UsageError:
            break
    return ()


def declared_history(folder: Path, *, today: date, read: Texts | None = None) -> timedelta | None:
    """For how long past runs are kept; None where the Project document says nothing.

    For the longest time that can be declared where it has findings: nothing is forgotten by mistake.
    """
    try:
        project = _project(folder, today, read, _HISTORY)
    except InvalidProject:
        return timedelta(days=MOST_DAYS)
    said = project.root.map(_HISTORY) if project is not None else None
    days = said.get("days") if said is not None else None
    return timedelta(days=days.value) if isinstance(days, ScalarNode) and isinstance(days.value, int) else None


def declared_targets(folder: Path, *, today: date, read: Texts | None = None) -> tuple[str, ...]:
    """The names of the project's targets, in their order; none where it has none, or where they have findings."""
    try:
        project = _project(folder, today, read)
    except InvalidProject:
        return ()
    return tuple(targets_of(project)) if project is not None else ()


def _project(folder: Path, today: date, read: Texts | None, *fields: str) -> Document | None:
    """The first Project document that says anything about states, or about the fields. Raises InvalidProject, also for
    a file that may have one and cannot be read to its end: where the state is would be a guess.
    """
    found, passed = Findings(), Findings()
    for document in _with_field(folder, read, *(fields or (_STATE, TARGETS)), passed=passed):
        project = checked(without_defaults(document), Scope("a Project document", today), found, {})
        if found:
            raise InvalidProject(found.sorted())
        return project
    if passed:
        raise InvalidProject(passed.sorted())
    return None


def declared_zone(folder: Path, read: Texts | None = None) -> tzinfo:
    """The time zone of the project, UTC where it names none or one that there is not, which is a finding elsewhere."""
    for document in _with_field(folder, read, "timezone"):
        try:
            return ZoneInfo(document.root.text("timezone") or "UTC")
        except (LookupError, ValueError, OSError):
            break
    return UTC


def _with_field(
    folder: Path, read: Texts | None, *fields: str, passed: Findings | None = None
) -> Iterator[ParsedDocument]:
    """The Project documents, of which there should be one, that have one of the fields; whatever is wrong with them
    passes by, but for what keeps a file that names the fields from being read to its end, which goes to `passed`.
    """
    nowhere = Findings()
    files = ProjectFiles(folder.resolve().parent, read)
    for path in yaml_files(folder, nowhere) if folder.is_dir() else ():
        file = files.read(path, shown_path(path), nowhere)
        if file is not None and _KIND in file.text and any(field in file.text for field in fields):
            for document in documents_of(file, nowhere if passed is None else passed):
                if document.kind == _KIND and not _fields(document).isdisjoint(fields):
                    yield document


def _fields(document: ParsedDocument) -> set[str]:
    """The fields of a Project document, those of its targets among them."""
    targets = document.root.map(TARGETS)
    own = (entry.value for entry in targets.entries.values()) if targets is not None else ()
    nested = (key for one in own if isinstance(one, MapNode) for key in one.entries)
    return {*document.root.entries, *nested}
