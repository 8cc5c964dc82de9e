"""What single fields of documents come to, read quickly and without judging them: an id, a name, a list of tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runner.config.families import FOR_EACH, entries_of
from runner.config.templates.render import Scope, Templates, evaluate, is_template
from runner.config.templates.template_types import TemplateErrors
from runner.config.yaml.nodes import MapNode, plain
from runner.core.project import ANY_DAY
from runner.quick_dataclass import dataclass, field


@dataclass(frozen=True, slots=True)
class Shared:
    """What the Project document gives to others: variables and lists, as far as they are of the right shape."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    lists: Mapping[str, Any] = field(default_factory=dict)
    templates: Templates = field(default_factory=Templates, compare=False)

    @classmethod
    def of(cls, documents: Iterable[MapNode]) -> Shared:
        """What the first Project document among the documents gives."""
        project = next((one for one in documents if one.text("kind") == "Project"), None)
        if project is None:
            return cls()
        variables, lists = project.map("vars"), project.map("lists")
        found = plain(lists) if lists is not None else {}
        return cls(
            plain(variables) if variables is not None else {},
            {name: values for name, values in found.items() if isinstance(values, list)},
        )


def words(document: MapNode, key: str, shared: Shared) -> Iterator[str]:
    """Every text that a field comes to, each of its items where it is a list; for a family, those of all entries.

    What cannot be filled in is left out.
    """
    node = document.get(key)
    if node is None:
        return
    written = plain(node)
    for each in _entries(document, shared):
        for text in written if isinstance(written, list) else [written]:
            found = _filled(text, each, shared)
            yield from map(str, found if isinstance(found, list) else () if found is None else [found])


def _entries(document: MapNode, shared: Shared) -> Iterable[Mapping[str, Any] | None]:
    """What `each` is for each document; None for the only one of a document that is no family."""
    node = document.get(FOR_EACH)
    if node is None:
        return (None,)
    written = plain(node)
    if isinstance(written, dict) and len(written) == 1:
        ((name, values),) = written.items()
        written = {name: _filled(values, None, shared)}
    elif isinstance(written, str):
        written = _filled(written, None, shared)
    shaped = isinstance(written, str | list) or (
        isinstance(written, dict) and all(isinstance(values, str | list) for values in written.values())
    )
    entries = entries_of(written, shared.lists) if shaped else ()
    return () if isinstance(entries, str) else entries


def _filled(value: Any, each: Mapping[str, Any] | None, shared: Shared) -> Any:
    if not isinstance(value, str) or not is_template(value):
        return value
    scope = Scope("this document", ANY_DAY, shared.variables, each=each, templates=shared.templates)
    try:
        return evaluate(value, scope)
    except TemplateErrors:
        return None
