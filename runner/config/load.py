"""From a folder of files to a project: read, parse, check each document, then check what they say together."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TypeVar

from runner.conditions.sql_text import UndatedTexts
from runner.config.document import Document
from runner.config.families import Families
from runner.config.read_documents import ReadDocuments, read_documents
from runner.config.resolve.activations import LATER, Declared, build_activation
from runner.config.resolve.dbt_models import Manifests, every_manifest
from runner.config.resolve.declared_receivers import build_receivers, check_receivers
from runner.config.resolve.destinations import draft_destination
from runner.config.resolve.entities import draft_entity
from runner.config.resolve.environment import Environment
from runner.config.resolve.people import People
from runner.config.resolve.project_settings import project_defaults, project_lists, project_timezone, without_defaults
from runner.config.resolve.segment_tests import KnownSubjects, build_test
from runner.config.resolve.segments import Runners
from runner.config.resolve.sources import Identities, build_source, files_of, tables_of, with_sources
from runner.config.resolve.suppressions import build_suppressions
from runner.config.resolve.uniqueness import check_audience_names, check_ids, check_names, check_one_project
from runner.config.schema.json_schemas import Judged
from runner.config.schema.validate_documents import checked
from runner.config.targets import check_states, chosen, targets_of, with_target
from runner.config.templates.render import Scope, Templates
from runner.config.templates.variables import Variables, resolve_variables
from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import Steps
from runner.config.yaml.project_files import ProjectFiles, Texts
from runner.core.errors import InvalidProject
from runner.core.findings import Finding
from runner.core.project import ANY_DAY, Activation, Project, Segment, Source, Suppression, Words
from runner.core.receivers import Receiver
from runner.core.segment_test import SegmentTest, Subject
from runner.quick_dataclass import dataclass, field, replace
from runner.sources.dbt_manifest import DbtManifest
from runner.sources.registry import WAREHOUSE_KINDS
from runner.sources.warehouse import WarehouseSource

T = TypeVar("T")
_DAILY = ("today", "within", "older_than")
"""Words without which a project is the same every day."""

_NO_VARIABLES: Mapping[str, str] = {}


def load(
    folder: Path,
    *,
    variables: Mapping[str, str] = _NO_VARIABLES,
    today: date,
    environ: Mapping[str, str],
    manifest: DbtManifest | None = None,
    target: str = "",
    read: Texts | None = None,
) -> Project:
    """The project that the YAML files below a folder declare.

    `variables` come from the command line and win over those of the Project document; `today` is what templates see
    as the date; `environ` is what `env()` reads, as far as it may. `manifest` stands in place of every manifest of
    dbt's that a source declares, and models that it lacks are no findings. `target` is the one of the Project's targets
    that it is resolved for. `read` are files that were read before, to which those read here are added. Raises
    InvalidProject with every finding in every file, UsageError for a variable that nothing declares or uses, for a list
    of `environ` that is wrong, and for a target that is none, or is missing.
    """
    found = Findings()
    files = ProjectFiles(folder.resolve().parent, read)
    environment = Environment.of(environ, files.tree)
    with _no_collection():
        inputs = _Inputs(
            folder, read_documents(folder, files, found), files, variables, environment, Manifests(manifest), target
        )
        project, values = inputs.resolve(today, found)
        project = replace(project, tests=inputs.tests(today, values, project, found))
        if not found:
            values.require_used(variables)
        valid = not found
        if any(map(files.mention, _DAILY)):
            inputs = replace(inputs, templates=inputs.templates.another_day())
            then, _ = inputs.resolve(ANY_DAY, elsewhere := Findings())
            project = _recognised(project, then)
            if valid:
                found.take_over(elsewhere, ("template-failed", "template-too-large"))
    if found:
        complete = inputs.read.complete and len(project.sources) == len(inputs.read.of("Source"))
        faults = found.sorted()
        raise InvalidProject(faults, project if complete else None, _readable(project, files, faults))
    return project


def _readable(project: Project, files: ProjectFiles, findings: Iterable[Finding]) -> Project:
    """The project as far as it is what its files say, whatever else is wrong in them: none of it where that may be in
    the Project document, whose variables and defaults count everywhere, or in a source, without which segments that
    read it would look like others than were applied.
    """
    faulty = {one.location.file for one in findings}
    if any(files.may_mention(kind, faulty) for kind in ("Project", "Source")):
        return Project(project.folder, (), (), (), (), is_whole=False)
    return replace(project, is_whole=False)


def _recognised(project: Project, then: Project) -> Project:
    """The project with all that its definitions are recognised by as it is in `then`, the project on ANY_DAY.

    What cannot be declared on that day is recognised by what it is today, and so counts as changed tomorrow.
    """
    declared_then = (*then.segments, *(one.segment for one in then.suppressions))
    segments_then = {(segment.location, segment.entry): segment for segment in declared_then}
    words = {one.id: Words(one.name, one.description) for one in then.activations}

    def recognised(segment: Segment) -> Segment:
        of = segments_then.get((segment.location, segment.entry), segment)
        return replace(segment, fingerprint=of.fingerprint, meaning=of.meaning, declared=of.declared)

    def worded(activation: Activation) -> Activation:
        today = Words(activation.name, activation.description)
        then = words.get(activation.id, today)
        return replace(activation, segment=recognised(activation.segment), any_day=None if then == today else then)

    return replace(
        project,
        segments=tuple(map(recognised, project.segments)),
        activations=tuple(map(worded, project.activations)),
        suppressions=tuple(replace(one, segment=recognised(one.segment)) for one in project.suppressions),
    )


@contextmanager
def _no_collection() -> Iterator[None]:
    """Nothing made here is a cycle, and looking for some takes a quarter of the time with a thousand files."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@dataclass(frozen=True, slots=True)
class _Inputs:
    """All that a project is resolved from, but the day. `judged` are values already held against the schemas, and
    `texts` the SQL of conditions that is the same on all days."""

    folder: Path
    read: ReadDocuments
    files: ProjectFiles
    variables: Mapping[str, str]
    environment: Environment
    manifests: Manifests
    target: str = ""
    templates: Templates = field(default_factory=Templates)
    judged: Judged = field(default_factory=dict)
    texts: UndatedTexts = field(default_factory=UndatedTexts)

    def resolve(self, today: date, found: Findings) -> tuple[Project, Variables]:
        """What the documents come to on a day, as far as they have no findings, and the variables."""
        scope = Scope("a Project document", today, templates=self.templates)
        parsed = self.read.of("Project")
        projects = tuple(checked(without_defaults(one), scope, found, self.judged) for one in parsed)
        check_one_project(projects)
        values = self._values(projects[0] if projects else None)
        defaults = project_defaults(parsed, replace(scope, variables=values), found, self.judged)
        families = Families(project_lists(projects))

        def documents(kind: str, scope: Scope, later: Collection[Steps] = ()) -> tuple[Document, ...]:
            every = (made for one in self.read.of(kind) for made in families.expanded(one, scope, found))
            return tuple(checked(one, scope, found, self.judged, later=later) for one in every)

        trusted = Scope("a Source or a Destination", today, values, templates=self.templates)
        sources, destinations = documents("Source", trusted), documents("Destination", trusted)
        segments = documents("Segment", Scope("a Segment", today, values, templates=self.templates))
        suppressions = documents("Suppression", Scope("a Suppression", today, values, templates=self.templates))
        activations = documents("Activation", Scope("an Activation", today, values, templates=self.templates), LATER)
        entities = documents("Entity", Scope("an Entity", today, values, templates=self.templates))
        for kind in (sources, destinations, segments, entities, suppressions):
            check_names(kind)
        check_ids(activations)
        built_sources = tuple(build_source(document, self.environment) for document in sources)
        runners = _runners(sources, built_sources, self.manifests, complete=self.read.complete)
        attached = tables_of(one for one in built_sources if one is not None)
        is_complete = self.read.complete and all(
            document.sound("name") for document in (*destinations, *segments, *entities)
        )
        people = People(
            runners,
            self.files,
            _named(entities, lambda document: draft_entity(document, runners, attached)),
            _named(segments, lambda document: document),
            is_complete,
            project_timezone(projects),
            self.texts,
        )
        declared = Declared(
            _named(destinations, lambda document: draft_destination(document, self.environment)),
            people.segments(),
            people,
            is_complete,
            defaults,
        )
        built = [build_activation(document, declared) for document in activations]
        check_audience_names(zip(activations, built, strict=True))
        never = build_suppressions(suppressions, declared.destinations, people, (one for one in built if one))
        always = frozenset(document.file.name for document in projects)
        return _project(self.folder, built_sources, declared, built, never, self._receivers(projects), always), values

    def _receivers(self, projects: Sequence[Document]) -> tuple[Receiver, ...]:
        """Those of notices for the target; what is wrong with those of any is recorded."""
        for project in projects[:1]:
            check_receivers(project, self.environment)
            if not project.faulty:
                return build_receivers(project, self.environment, self.target)
        return ()

    def _values(self, project: Document | None) -> Variables:
        """The variables of the target. Raises UsageError for one that is none, or is missing."""
        if project is None:
            if self.read.complete:
                chosen((), self.target)
            return resolve_variables(None, {}, self.variables)
        if not project.faulty:
            chosen(targets_of(project), self.target)
            check_states(project, self.folder)
        return resolve_variables(project, with_target(project, self.target), self.variables)

    def tests(self, today: date, values: Variables, project: Project, found: Findings) -> tuple[SegmentTest, ...]:
        """The tests of segments, as far as they have no findings; what they name must be in the project."""
        complete = not found and self.read.complete
        scope = Scope("a Test", today, values, templates=self.templates)
        documents = tuple(checked(one, scope, found, self.judged) for one in self.read.of("Test"))
        check_names(documents)
        names = {
            Subject.ACTIVATION: [one.id for one in project.activations],
            Subject.SEGMENT: [(one.root.text("name") or "").strip() for one in self.read.of("Segment")],
            Subject.SUPPRESSION: [one.name for one in project.suppressions],
        }
        known = KnownSubjects(names, project.sources, complete)
        built = (build_test(document, known) for document in documents)
        return tuple(one for one in built if one is not None)


def _runners(
    documents: Collection[Document], built: Collection[Source | None], manifests: Manifests, *, complete: bool
) -> Runners:
    """Which of the sources run segments; one with findings counts as what its `type` says."""
    names: dict[bool, set[str]] = {True: set(), False: set()}
    for document in documents:
        names[document.root.text("type") in WAREHOUSE_KINDS].add((document.root.text("name") or "").strip())
    found = every_manifest(manifests, documents, built)
    runners = (frozenset(names[True]), frozenset(names[False]), complete and None not in built)
    kinds = {source.name: WAREHOUSE_KINDS[source.type] for source in built if isinstance(source, WarehouseSource)}
    dialects = {name: kind.driver.dialect for name, kind in kinds.items()}
    return Runners(*runners, found, manifests.instead is not None, dialects)


def _named(documents: Iterable[Document], draft: Callable[[Document], T]) -> dict[str, T]:
    """What each document drafts, by its name; of two of one name, the first."""
    drafts: dict[str, T] = {}
    for document in documents:
        made = draft(document)
        name = document.root.text("name")
        if name is not None and document.sound("name"):
            drafts.setdefault(name.strip(), made)
    return drafts


def _project(
    folder: Path,
    sources: Iterable[Source | None],
    declared: Declared,
    activations: Iterable[Activation | None],
    suppressions: Iterable[Suppression],
    receivers: tuple[Receiver, ...],
    always: frozenset[str],
) -> Project:
    """All that was built; `always` are the files that every activation depends on: those with the variables."""
    there = sorted((source for source in sources if source), key=lambda source: source.name)
    identities = Identities(there, folder)

    def reading(segment: Segment) -> Segment:
        return with_sources(segment, identities)

    active = [replace(one, segment=reading(one.segment)) for one in activations if one]
    active = [replace(one, files=files_of(one, there) | always) for one in active]
    never = [replace(one, segment=reading(one.segment)) for one in suppressions]
    never = [replace(one, files=files_of(one, there) | always) for one in never]
    shared = {reading(draft.segment) for draft in declared.segments.values() if draft.segment}
    return Project(
        folder=str(folder),
        sources=tuple(there),
        destinations=tuple(draft.destination for draft in declared.destinations.values() if draft.destination),
        segments=tuple(
            sorted(shared | {one.segment for one in active}, key=lambda segment: (segment.location, segment.entry))
        ),
        activations=tuple(sorted(active, key=lambda activation: activation.id)),
        suppressions=tuple(sorted(never, key=lambda suppression: suppression.name)),
        receivers=receivers,
    )
