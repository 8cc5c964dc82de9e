"""Documents made ready for use: templates filled in, values checked against the schema of the kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from runner.config.document import Document, ParsedDocument
from runner.config.schema.json_schemas import Judged, field_validator, is_valid_field, plainly_valid, validator
from runner.config.schema.schema_messages import SchemaError, explain, label_of, missing_field
from runner.config.templates.render import Scope, evaluate, is_template, render
from runner.config.templates.template_types import TemplateErrors
from runner.config.templates.values import texts_in
from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import Entry, ListNode, MapNode, Node, ScalarNode, Steps, at, plain, scalars
from runner.config.yaml.source_map import Origin, origin_of
from runner.config.yaml.strict_yaml import core_value
from runner.quick_dataclass import replace

T = TypeVar("T")
_Change = Callable[[Node, Steps], Node]

_LATER: frozenset[Steps] = frozenset({("sql",), ("segment", "sql")})
"""SQL is filled in where it is read, since its fingerprint needs the template."""

_DEFAULTED = ("mapping", "schedule", "guardrails", "protect", "description", "tags", "owner")


def checked(
    parsed: ParsedDocument, scope: Scope, found: Findings, judged: Judged, *, later: Collection[Steps] = ()
) -> Document:
    """The document with its templates filled in and its faulty fields known; findings go to `found`.

    Templates under the paths `later`, of SQL, and of credentials are left as they are.
    """
    document = _document(parsed, scope, found)
    rendering = _Rendering(document, frozenset(later) | _LATER)
    root = rendering.root()
    empty = set(_empty(root, ()))
    for path in empty:
        _explain_empty(document, root, path)
    document = replace(document, root=root)
    errors, document = _schema_errors(document, judged)
    skipped = empty | rendering.failed
    errors = [error for error in errors if tuple(error.absolute_path) not in skipped]
    for error in errors:
        explain(error, document)
    faulty = {_field(error) for error in errors} | {str(path[0]) for path in skipped if path}
    return replace(document, faulty=frozenset(faulty))


def checked_field(parsed: ParsedDocument, field: str, scope: Scope, found: Findings) -> Document:
    """The document with nothing but one of its fields, filled in and checked by itself; findings go to `found`."""
    root = replace(parsed.root, entries={field: parsed.root.entries[field]})
    document = _document(replace(parsed, root=root), scope, found)
    rendering = _Rendering(document, _LATER)
    document = replace(document, root=rendering.root())
    empty = set(_empty(document.root, ()))
    for path in empty:
        _explain_empty(document, document.root, path)
    if empty or rendering.failed:
        return replace(document, faulty=frozenset([field]))
    data = plain(document.root)
    if is_valid_field(parsed.kind, field, data):
        return document
    errors = list(field_validator(parsed.kind, field).iter_errors(data))
    for error in errors:
        explain(error, document)
    return replace(document, faulty=frozenset([field] if errors else ()))


def _document(parsed: ParsedDocument, scope: Scope, found: Findings) -> Document:
    """The document, whose templates know the entry of its family, and whose findings name it."""
    each = parsed.each
    if each is not None:
        scope, found = replace(scope, each=each.values), found.for_entry(each.label)
    return Document(parsed.file, parsed.kind, parsed.root, scope, found, each=each)


def _field(error: SchemaError) -> str:
    """The top-level field that an error makes useless: the missing one, where it is a missing one."""
    if error.absolute_path:
        return str(error.absolute_path[0])
    if error.validator == "required":
        return missing_field(error)
    return "sql" if error.validator in ("anyOf", "not") else ""


def _schema_errors(document: Document, judged: Judged) -> tuple[list[SchemaError], Document]:
    data = plain(document.root)
    if plainly_valid(document.kind, data, judged):
        return [], document
    check = validator(document.kind)
    errors = list(check.iter_errors(data))
    if errors:
        typed = _typed(document.root, {tuple(error.absolute_path) for error in errors}, ())
        if typed is not document.root and isinstance(typed, MapNode):
            document = replace(document, root=typed)
            errors = list(check.iter_errors(plain(document.root)))
    return list(errors), document


def _typed(node: Node, wrong: set[Steps], path: Steps) -> Node:
    """The node with what templates gave taken for numbers and booleans where text is wrong, and the other way round."""
    if isinstance(node, ScalarNode):
        if node.templated and path in wrong and node.value is not None:
            return replace(node, value=core_value(node.value.strip()) if isinstance(node.value, str) else node.text)
        return node
    return _rebuilt(node, path, lambda child, below: _typed(child, wrong, below))


def _rebuilt(node: MapNode | ListNode, path: Steps, change: _Change) -> MapNode | ListNode:
    """The node with every child changed; the node itself when none was."""
    if isinstance(node, ListNode):
        items = tuple(change(item, (*path, index)) for index, item in enumerate(node.items))
        same = all(new is old for new, old in zip(items, node.items, strict=True))
        return node if same else replace(node, items=items)
    entries = {key: Entry(entry.key, change(entry.value, (*path, key))) for key, entry in node.entries.items()}
    same = all(entries[key].value is entry.value for key, entry in node.entries.items())
    return node if same else replace(node, entries=entries)


def _empty(node: Node, path: Steps) -> Iterator[Steps]:
    """Where a key stands without any value: YAML takes that for null, and people do not mean it."""
    if isinstance(node, MapNode):
        for key, entry in node.entries.items():
            yield from _empty(entry.value, (*path, key))
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from _empty(item, (*path, index))
    elif node.text == "" and not node.style:
        yield path


def _explain_empty(document: Document, root: MapNode, path: Steps) -> None:
    span, _ = at(root, path)
    hint = "write `null` to switch a default off" if document.kind == "Activation" and path[0] in _DEFAULTED else ""
    document.refuse(span, "empty-value", f"{label_of(path)} has no value; write one, or leave the field out", hint)


class _Rendering:
    """One walk over a document that fills in its templates."""

    def __init__(self, document: Document, later: frozenset[Steps]) -> None:
        self._document = document
        self._later = later
        self.failed: set[Steps] = set()

    def root(self) -> MapNode:
        if not any(is_template(node.text) for node in scalars(self._document.root)):
            return self._document.root
        root = self._render(self._document.root, ())
        assert isinstance(root, MapNode)
        return root

    def _render(self, node: Node, path: Steps) -> Node:
        if not isinstance(node, ScalarNode):
            return _rebuilt(node, path, self._render)
        if not isinstance(node.value, str) or not is_template(node.value) or self._is_later(path):
            return node
        try:
            return filled_in(node, self._document, self._document.scope)
        except _Refused:
            self.failed.add(path)
            return node

    def _is_later(self, path: Steps) -> bool:
        names_table = path[-1] == "from" and self._document.kind == "Entity"  # there a model of dbt's may be meant
        is_condition = path[-1] == "sql" and "where" in path
        is_webhook = path[-1] == "url" and "notify" in path[:-2] and self._document.kind == "Project"
        waits = names_table or is_condition or is_webhook
        return path in self._later or path[0] in ("credentials", "auth", "kind") or waits


class _Refused(Exception):
    """A template cannot be filled in, and there is a finding that says why."""


def filled_in(node: ScalarNode, document: Document, scope: Scope) -> Node:
    """The value with its templates filled in: a list or a mapping where a single `{{ }}` gives one."""
    value = _filled(node, document, evaluate, scope)
    return _node_of(value, node)


def rendered(node: ScalarNode, document: Document, scope: Scope) -> str | None:
    """The text of a value with its templates filled in; None after findings about them."""
    try:
        return _filled(node, document, render, scope)
    except _Refused:
        return None


def _filled(node: ScalarNode, document: Document, fill: Callable[[str, Scope], T], scope: Scope) -> T:
    try:
        value = fill(node.text, scope)
    except TemplateErrors as error:
        report_template(error, origin_of(node, document.file), document)
        raise _Refused from None
    if any(is_template(text) for text in texts_in(value)):
        message = "the value still holds a template once it is filled in; templates are filled in once"
        document.refuse(node.span, "template-in-value", message)
        raise _Refused
    return value


def _node_of(value: Any, written: ScalarNode) -> Node:
    """What a template gave, in the place of the template."""
    if isinstance(value, list):
        return ListNode(tuple(_node_of(item, written) for item in value), written.span)
    if isinstance(value, dict):
        entries = {key: Entry(written.span, _node_of(part, written)) for key, part in value.items()}
        return MapNode(entries, written.span, written.end_line)
    if isinstance(value, str):
        return replace(written, value=value, templated=True)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return replace(written, value=value, text=text, templated=True)


def report_template(error: TemplateErrors, origin: Origin, document: Document) -> None:
    """Record what is wrong with a template, each at its place in the file that it was written in."""
    for problem in error.problems:
        span = origin.span(problem.line, problem.word, problem.column)
        document.found.add(origin.file, span, problem.code, problem.message, problem.hint)
