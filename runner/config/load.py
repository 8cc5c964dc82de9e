"""From a folder of files to a project: read, parse, check each document, then check what they say together."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar

from runner.config.build.activations import LATER, Declared, build_activation
from runner.config.build.destinations import draft_destination
from runner.config.build.lineage import files_of, with_sources
from runner.config.build.segments import SegmentDraft, draft_segment
from runner.config.build.sources import build_source
from runner.config.build.uniqueness import check_ids, check_names, check_one_project, check_words
from runner.config.schema.json_schemas import KINDS, Judged
from runner.config.schema.validate_documents import checked
from runner.config.templates.render import Scope
from runner.config.templates.variables import Variables, resolve_variables
from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import Document, MapNode, Node, ScalarNode, TextFile
from runner.config.yaml.project_files import ProjectFiles, shown_path, yaml_files
from runner.config.yaml.strict_yaml import parse
from runner.core.errors import InvalidProject
from runner.core.project import ANY_DAY, Activation, Project, Segment, Source, Words
from runner.core.suggest import quoted_word, suggest

T = TypeVar("T")
_NO_VARIABLES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class _Read:
    """The documents of every file, and whether every file could be read to its end."""

    documents: tuple[Document, ...]
    complete: bool

    def of(self, kind: str) -> tuple[Document, ...]:
        return tuple(document for document in self.documents if document.kind == kind)


def load(
    folder: Path, *, variables: Mapping[str, str] = _NO_VARIABLES, today: date, environ: Mapping[str, str]
) -> Project:
    """The project that the YAML files below a folder declare.

    `variables` come from the command line and win over those of the Project document; `today` is what templates see
    as the date; `environ` is what `env()` reads. Raises InvalidProject with every finding in every file,
    UsageError for a variable that nothing declares or uses.
    """
    found = Findings()
    files = ProjectFiles(folder.resolve().parent)
    with _no_collection():
        read = _read(folder, files, found)
        resolve = partial(_resolve, read, folder, files, variables, environ, {})
        project, values = resolve(today, found)
        if not found:
            values.require_used(variables)
        if not found and files.mention("today"):
            then, _ = resolve(ANY_DAY, elsewhere := Findings())
            project = _recognised(project, then)
            found.take_over(elsewhere, ("template-failed", "template-too-large"))
    if found:
        raise InvalidProject(found.sorted())
    return project


def _recognised(project: Project, then: Project) -> Project:
    """The project with all that its definitions are recognised by as it is in `then`, the project on ANY_DAY.

    What cannot be declared on that day is recognised by what it is today, and so counts as changed tomorrow.
    """
    fingerprints = {segment.location: segment.fingerprint for segment in then.segments}
    words = {one.id: Words(one.name, one.description) for one in then.activations}

    def recognised(segment: Segment) -> Segment:
        return replace(segment, fingerprint=fingerprints.get(segment.location, segment.fingerprint))

    def worded(activation: Activation) -> Activation:
        today = Words(activation.name, activation.description)
        then = words.get(activation.id, today)
        return replace(activation, segment=recognised(activation.segment), any_day=None if then == today else then)

    segments = tuple(map(recognised, project.segments))
    return replace(project, segments=segments, activations=tuple(map(worded, project.activations)))


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


# -- reading ---------------------------------------------------------------------------------------------------------


def _read(folder: Path, files: ProjectFiles, found: Findings) -> _Read:
    name = shown_path(folder)
    if not folder.is_dir():
        what = "this is a file; --dir wants the folder that it is in" if folder.is_file() else "there is no such folder"
        found.add_nowhere(
            name, "no-folder", what, "`headcount init` writes a starter project; --dir names another folder"
        )
        return _Read((), complete=False)
    documents: list[Document] = []
    complete = True
    for path in yaml_files(folder, found):
        file = files.read(path, shown_path(path), found)
        if file is None:
            complete = False
            continue
        parsed, whole = _documents(file, found)
        documents += parsed
        complete = complete and whole
    if not documents and complete and not found:
        found.add_nowhere(
            name,
            "no-documents",
            "there is no YAML document in this folder",
            "`headcount init` writes a starter project",
        )
    return _Read(tuple(documents), complete)


def documents_of(file: TextFile, found: Findings) -> tuple[Document, ...]:
    """The documents of one file, as far as it can be read."""
    return tuple(_documents(file, found)[0])


def _documents(file: TextFile, found: Findings) -> tuple[list[Document], bool]:
    nodes, whole = parse(file, found)
    parsed = [_document(file, node, found) for node in nodes]
    return [document for document in parsed if document is not None], whole and None not in parsed


def _document(file: TextFile, node: Node, found: Findings) -> Document | None:
    found.keep_private(file, node)
    if not isinstance(node, MapNode):
        message = "a document must be `key: value` lines, the first `kind: Activation` or another kind"
        found.add(file, node.span, "not-a-mapping", message)
        return None
    entry = node.entries.get("kind")
    if entry is None:
        first = next((other.key for other in node.entries.values()), node.span)
        message = "the document has no `kind`; write one of " + ", ".join(KINDS)
        found.add(file, first, "missing-kind", message)
        return None
    kind = entry.value.value if isinstance(entry.value, ScalarNode) else None
    if kind not in KINDS:
        word = entry.value.text if isinstance(entry.value, ScalarNode) else ""
        found.add(file, entry.value.span, "unknown-kind", f"unknown kind {quoted_word(word)}{suggest(word, KINDS)}")
        return None
    return Document(file, str(kind), node)


# -- resolving -------------------------------------------------------------------------------------------------------


def _resolve(
    read: _Read,
    folder: Path,
    files: ProjectFiles,
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    judged: Judged,
    today: date,
    found: Findings,
) -> tuple[Project, Variables]:
    """What the documents come to on a day, as far as they have no findings, and the variables."""
    projects = _checked(read.of("Project"), Scope("a Project document", today, None, environ), found, judged)
    check_one_project(projects, found)
    values = resolve_variables(projects[0] if projects else None, variables, found)
    trusted = Scope("a Source or a Destination", today, values, environ)
    sources = _checked(read.of("Source"), trusted, found, judged)
    destinations = _checked(read.of("Destination"), trusted, found, judged)
    shared = Scope("a Segment", today, values)
    segments = _checked(read.of("Segment"), shared, found, judged)
    scope = Scope("an Activation", today, values)
    documents = [checked(document, scope, found, judged, later=LATER) for document in read.of("Activation")]
    for kind in (sources, destinations, segments):
        check_names(kind, found)
    check_ids(documents, found)
    built = _present(build_source(document, found) for document in sources)
    declared = Declared(
        _named(destinations, lambda document: draft_destination(document, environ, found)),
        _named(segments, lambda document: _segment(document, shared, files, found)),
        read.complete and all(document.sound("name") for document in (*destinations, *segments)),
    )
    activations = _present(build_activation(document, declared, scope, files, found) for document in documents)
    check_words(activations, found, {document.file.name: document.file for document in read.documents})
    variables_in = frozenset(document.file.name for document in projects)
    return _project(folder, built, declared, activations, variables_in), values


def _checked(documents: Iterable[Document], scope: Scope, found: Findings, judged: Judged) -> tuple[Document, ...]:
    return tuple(checked(document, scope, found, judged) for document in documents)


def _present(built: Iterable[T | None]) -> list[T]:
    return [value for value in built if value is not None]


def _segment(document: Document, scope: Scope, files: ProjectFiles, found: Findings) -> SegmentDraft:
    return draft_segment(document.root, document, document.value_span("name"), scope, files, found)


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
    folder: Path, sources: list[Source], declared: Declared, activations: list[Activation], always: frozenset[str]
) -> Project:
    """`always` are the files that every activation depends on: those with the variables."""
    activations = [replace(part, segment=with_sources(part.segment, sources, folder)) for part in activations]
    activations = [replace(part, files=files_of(part, sources) | always) for part in activations]
    shared = {with_sources(draft.segment, sources, folder) for draft in declared.segments.values() if draft.segment}
    segments = shared | {part.segment for part in activations}
    return Project(
        folder=str(folder),
        sources=tuple(sorted(sources, key=lambda source: source.name)),
        destinations=tuple(
            draft.destination for draft in declared.destinations.values() if draft.destination is not None
        ),
        segments=tuple(sorted(segments, key=lambda segment: segment.location)),
        activations=tuple(sorted(activations, key=lambda activation: activation.id)),
    )
