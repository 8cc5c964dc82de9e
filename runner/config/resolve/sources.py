"""Source documents to sources, each by its kind; and which of them a segment reads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runner.config.document import Document
from runner.config.resolve.credentials import Wanted, secret
from runner.config.resolve.environment import HOSTS, Environment
from runner.config.resolve.sql_meaning import tables_named, tokens
from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import Span, TextFile, at, plain
from runner.config.yaml.project_files import MAX_BYTES
from runner.core.destination import MissingSecret, Secret
from runner.core.findings import Finding, Location
from runner.core.project import RESERVED_SOURCE_NAMES, Activation, Evaluated, Project, Segment, Source
from runner.core.suggest import quoted_word
from runner.disk.regular_files import read_regular
from runner.quick_dataclass import replace
from runner.sources.interface import UNREACHABLE, Step
from runner.sources.registry import KINDS, WAREHOUSE_KINDS, kind_of
from runner.sources.warehouse import WarehouseSource

_COMMITTED = "change it there, and tell those who keep the warehouse"


class _Written:
    """A Source document as its kind reads it (`Declaration`)."""

    def __init__(self, document: Document, environment: Environment) -> None:
        self._document = document
        self._environment = environment
        self.name = (document.root.text("name") or "") if document.sound("name") else ""
        self.location = document.location(document.value_span("name"))
        self.folder = document.file.path.parent

    def value(self, field: str) -> Any:
        node = self._document.root.get(field) if self._document.sound(field) else None
        return None if node is None else plain(node)

    def place(self, *steps: Step, at_key: bool = False) -> Location:
        return self._document.location(self._span(steps, at_key))

    def refuse(self, code: str, message: str, *steps: Step, at_key: bool = False) -> None:
        self._document.refuse(self._span(steps, at_key), code, message)

    def secret(self, *steps: Step, variable: str) -> Secret | MissingSecret | None:
        if not self._document.sound(str(steps[0])):
            return None
        _, node = at(self._document.root, steps)
        path = ".".join(map(str, steps))
        return secret(node, Wanted(path, variable, _COMMITTED), self._document, self._environment)

    def _span(self, steps: tuple[Step, ...], at_key: bool) -> Span:
        root = self._document.root
        key, node = at(root, steps if steps[0] in root.entries else ())
        return key if at_key else node.span


def build_source(document: Document, environment: Environment) -> Source | None:
    """The source; None when the document has findings."""
    before = len(document.found)
    written = _Written(document, environment)
    if written.name.lower() in RESERVED_SOURCE_NAMES:
        message = (
            f"{quoted_word(written.name)} has a meaning of its own in SQL; call the source something else, such as shop"
        )
        written.refuse("reserved-name", message, "name")
    kind = KINDS.get(document.root.text("type") or "")
    source: Source | None = kind.declare(written) if kind is not None else None
    if source is None or len(document.found) > before or document.faulty:
        return None
    return source if _may_be_told(source, document, environment) else None


def _may_be_told(source: Source, document: Document, environment: Environment) -> bool:
    """Whether each of the source's secrets, if it has any, may go where the file says that the source is."""
    if not isinstance(source, WarehouseSource) or not source.secrets:
        return True
    foreign = [host for host in WAREHOUSE_KINDS[source.type].hosts(source) if not environment.may_send_to(host)]
    for host in foreign:
        message = f"its secrets may not go to {quoted_word(host)}; {HOSTS}, set where the job is defined, lists others"
        span = document.value_span(next(iter(source.settings)))
        document.refuse(span, "host-not-allowed", message, "add the host to it, if it is yours")
    return not foreign


def check_source_files(project: Project) -> tuple[Finding, ...]:
    """A finding for all that a source names and that is not there: the part of the checks that needs the data."""
    found = Findings()
    for source in project.sources:
        for missing in kind_of(source).missing(source):
            span = Span(missing.location.line, missing.location.column, max(1, len(missing.table)))
            found.add(_file(missing.location), span, missing.code, f"{missing.what}; {missing.hint}")
    return tuple(replace(one, is_warning=one.code == UNREACHABLE) for one in found.sorted())


def tables_of(sources: Iterable[Source]) -> dict[str, tuple[str, ...]]:
    """The tables of each attached source that are known from its declaration; none where it has others."""
    return {one.name: kind_of(one).tables(one) for one in sources if not isinstance(one, WarehouseSource)}


def _file(location: Location) -> TextFile:
    path = Path(location.file)
    try:
        text = read_regular(path, MAX_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        text = ""  # the files were moved since; the place is still right
    return TextFile(location.file, path, text)


# -- which sources a segment reads -------------------------------------------------------------------------------------


class Identities:
    """What the sources of a project are recognised by, worked out once for all the segments that read them.

    Paths count relative to `folder`, so that the same files mean the same on every machine.
    """

    def __init__(self, sources: Iterable[Source], folder: Path) -> None:
        self.sources = tuple(sources)
        self._place = folder.absolute()
        self._known: dict[tuple[str, frozenset[str] | None], bytes] = {}

    def of(self, source: Source, tables: frozenset[str] | None = None) -> bytes:
        """What a source is recognised by, or what some of its tables are."""
        if (source.name, tables) not in self._known:
            kind = kind_of(source)
            only = source if tables is None else kind.only(source, tables)
            identity = repr(kind.identity(only, self._place)).encode("utf-8", "surrogatepass")
            self._known[source.name, tables] = identity
        return self._known[source.name, tables]


def with_sources(segment: Segment, identities: Identities) -> Segment:
    """The segment, recognised by where the sources named in its SQL point, and by meaning: where the tables do."""
    read = read_by(segment, identities.sources)
    if not read:
        return segment
    parts = tokens(segment.sql.text)
    digest = hashlib.sha256(segment.fingerprint.encode())
    meaning = hashlib.sha256((segment.meaning if _is_read_alike(read) else segment.fingerprint).encode())
    for source in sorted(read, key=lambda source: source.name):
        digest.update(identities.of(source))
        named = None if segment.source else tables_named(parts, source.name, kind_of(source).tables(source))
        if named != frozenset():  # a comment may speak of a source
            meaning.update(identities.of(source, named))
    return replace(segment, fingerprint=digest.hexdigest(), meaning=meaning.hexdigest())


def _is_read_alike(sources: Iterable[Source]) -> bool:
    """Whether comments and texts in the SQL begin and end where sql_meaning takes them to: not in every dialect."""
    warehouses = (source for source in sources if isinstance(source, WarehouseSource))
    return all(WAREHOUSE_KINDS[source.type].driver.dialect == "postgres" for source in warehouses)


def files_of(declared: Evaluated, sources: Iterable[Source]) -> frozenset[str]:
    """The files that an activation or a suppression is declared by: its own, its segment's and SQL's, sources', and an
    activation's destination's."""
    segment = declared.segment
    read = (source.location.file for source in read_by(segment, sources))
    to = (declared.destination.location.file,) if isinstance(declared, Activation) else ()
    own = (declared.location.file, segment.location.file, segment.sql.file, *to)
    return frozenset((*own, *read, *(segment.conditions.files if segment.conditions else ())))


def read_by(segment: Segment, sources: Iterable[Source]) -> list[Source]:
    """The warehouse that runs the segment, or the sources whose tables its SQL names."""
    if segment.source:
        return [source for source in sources if source.name == segment.source]
    return [source for source in sources if _names(segment.sql.text, source.name)]


def _names(sql: str, source: str) -> bool:
    return re.search(rf'(?<!\w)"?{re.escape(source)}"?\s*\.', sql, re.IGNORECASE) is not None
