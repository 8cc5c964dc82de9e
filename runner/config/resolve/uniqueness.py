"""What only shows when documents are seen together: names and ids that are there twice."""

from __future__ import annotations

from collections.abc import Iterable

from runner.config.document import Document
from runner.config.yaml.nodes import ScalarNode, Span, TextFile
from runner.core.findings import Location
from runner.core.project import Activation
from runner.core.records import AccountRef
from runner.core.suggest import quoted_word


def check_one_project(documents: tuple[Document, ...]) -> None:
    """A second Project document would make it a matter of file names which variables win."""
    for document in documents[1:]:
        message = f"there is a Project document already, in {_line_of(documents[0], 'kind')}; make them one"
        document.refuse(document.value_span("kind"), "duplicate-project", message)


def check_names(documents: Iterable[Document]) -> None:
    """Two documents of one kind and name; SQL does not tell the case of a source's name."""
    first: dict[str, Document] = {}
    for document in documents:
        name = document.root.text("name") if document.sound("name") else None
        if name is None:
            continue
        name = name.strip()
        earlier = first.setdefault(name.lower() if document.kind == "Source" else name, document)
        if _one_family(earlier, document):
            _refuse_alike(earlier, document, "name", name)
        elif earlier is not document:
            place = _line_of(earlier, "name")
            message = f"there is a {document.kind} {quoted_word(name)} already, in {place}; rename one of them"
            document.refuse(document.value_span("name"), "duplicate-name", message)


def check_ids(documents: Iterable[Document]) -> None:
    """Two activations of one id, in any case: it is a folder's name in the state, and not every disk knows case."""
    first: dict[str, Document] = {}
    for document in documents:
        activation = document.root.text("id") if document.sound("id") else None
        if activation is None:
            continue
        earlier = first.setdefault(activation.casefold(), document)
        if _one_family(earlier, document):
            _refuse_alike(earlier, document, "id", activation)
        elif earlier is not document:
            same = earlier.root.text("id") == activation
            what = "" if same else " except for its case"
            message = f"there is an activation {quoted_word(activation)} already{what}, in {_line_of(earlier, 'id')}"
            document.refuse(document.value_span("id"), "duplicate-id", f"{message}; give each its own id")


def check_audience_names(activations: Iterable[tuple[Document, Activation | None]]) -> None:
    """Two activations whose audiences would have one name in one account, which a destination refuses."""
    first: dict[tuple[AccountRef, str], Activation] = {}
    for document, activation in activations:
        if activation is None:
            continue
        earlier = first.setdefault((activation.account, activation.name), activation)
        if earlier is activation or earlier.id.casefold() == activation.id.casefold():
            continue
        place, name = _name_place(activation), quoted_word(activation.name)
        advice = f"write another `name` in {quoted_word(activation.id)}"
        if activation.entry and earlier.location == activation.location:
            advice = "write a `name` with `each` in it"
        message = (
            f"the audience of {quoted_word(earlier.id)} ({_name_place(earlier)}) is called {name} too,"
            f" in the same account; {advice}"
        )
        span = Span(place.line, place.column, _length(place, document.file))
        document.refuse(span, "duplicate-audience-name", message)


def _one_family(earlier: Document, later: Document) -> bool:
    """Whether two documents are made for entries of one `for_each`."""
    if earlier.each is None or later.each is None or earlier is later:
        return False
    return earlier.file.name == later.file.name and earlier.each.span == later.each.span


def _refuse_alike(earlier: Document, later: Document, key: str, word: str) -> None:
    """Record that two entries give one id or name."""
    message = (
        f"entry {quoted_word(earlier.entry)} gives the {key} {quoted_word(word)} too; each entry needs its own,"
        f" so write one with `each` in it"
    )
    later.refuse(later.value_span(key), f"duplicate-{key}", message)


def _name_place(activation: Activation) -> Location:
    """Where the name was written in the activation; where the activation starts, when it is its segment's."""
    place = next((setting.location for setting in activation.settings if setting.key == "name"), None)
    return place if place is not None and place.file == activation.location.file else activation.location


def _length(place: Location, file: TextFile) -> int:
    """Characters from the place to the end of what is written in its line."""
    rest = file.line(place.line)[place.column - 1 :]
    return max(1, len(rest.split("#")[0].rstrip()))


def _line_of(document: Document, key: str) -> str:
    """File and line of a key's value."""
    node = document.root.get(key)
    span = node.span if isinstance(node, ScalarNode) else document.root.span
    return f"{document.file.name}:{span.line}"
