"""What the Project document sets for all: defaults of every destination's activations, and lists for families."""

from __future__ import annotations

from collections.abc import Sequence

from runner.config.document import Document, ParsedDocument
from runner.config.families import Lists
from runner.config.resolve.defaults import Layer, resolve_settings
from runner.config.resolve.schedules import declared_timezone
from runner.config.schema.json_schemas import Judged
from runner.config.schema.validate_documents import checked
from runner.config.templates.render import Scope
from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import plain
from runner.quick_dataclass import replace

DEFAULTS = "defaults"


def without_defaults(parsed: ParsedDocument) -> ParsedDocument:
    """The Project document as it is read first: its defaults may use the variables that the rest of it declares."""
    entries = {key: entry for key, entry in parsed.root.entries.items() if key != DEFAULTS}
    return replace(parsed, root=replace(parsed.root, entries=entries))


def project_defaults(
    projects: Sequence[ParsedDocument], scope: Scope, found: Findings, judged: Judged
) -> tuple[Layer, ...] | None:
    """The layers of settings below those of destinations, the first Project document's; None after findings."""
    before = len(found)
    layers = tuple(layer for one in projects[:1] if (layer := _layer(one, scope, found, judged)) is not None)
    return layers if len(found) == before else None


def project_lists(projects: Sequence[Document]) -> Lists | None:
    """The Project's lists by name; None where they have findings."""
    fields = {
        key: value for one in projects[:1] if (named := one.root.map("lists")) for key, value in plain(named).items()
    }
    return fields if all(one.sound("lists") for one in projects[:1]) else None


def project_timezone(projects: Sequence[Document]) -> str:
    """The zone whose midnight begins a day."""
    return declared_timezone(projects[0]) if projects else "UTC"


def _layer(parsed: ParsedDocument, scope: Scope, found: Findings, judged: Judged) -> Layer | None:
    entries = {key: entry for key, entry in parsed.root.entries.items() if key in ("kind", DEFAULTS)}
    if DEFAULTS not in entries:
        return None
    document = checked(replace(parsed, root=replace(parsed.root, entries=entries)), scope, found, judged)
    fields = document.root.map(DEFAULTS) if document.sound(DEFAULTS) else None
    layer = Layer(fields, document) if fields is not None else None
    return layer if layer is not None and resolve_settings((layer,)) is not None else None
