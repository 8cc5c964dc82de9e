"""Schema errors in the words of the people who write the files: what is wrong where, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from runner.config.document import Document
from runner.config.schema.json_schemas import schema
from runner.config.yaml.nodes import MapNode, Node, ScalarNode, Span, Steps, at
from runner.core.suggest import nearest, quoted_word, suggest

SchemaError = Any
"""A jsonschema.ValidationError, whose own types say little."""

_NOUNS = {"mapping": "identifier type", "guardrails": "guardrail"}
"""What the keys of some mappings are called; elsewhere they are fields."""

_TYPES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
}


def explain(error: SchemaError, document: Document) -> None:
    """Record the findings for one schema error."""
    path: Steps = tuple(error.absolute_path)
    rule = str(error.validator)
    if rule == "additionalProperties":
        _unknown_fields(error, path, document)
    elif rule == "required":
        _missing_field(error, path, document)
    elif path and path[-1] in ("kind", "type") and rule in ("enum", "const"):
        _unknown_type(error, path, document)
    else:
        span, node = _blamed(error, path, document)
        document.refuse(span, _code(rule), _sentence(error, path, node, document.kind), _hint(path, error))


def _blamed(error: SchemaError, path: Steps, document: Document) -> tuple[Span, Node]:
    """The value that the error is about, and the place to report it at."""
    key, node = at(document.root, path)
    if error.validator == "not" and isinstance(node, MapNode):
        refused = [name for name in error.validator_value["required"] if name in node.entries]
        return node.entries[refused[-1]].key, node
    if isinstance(node, MapNode):
        if error.validator in ("pattern", "maxLength") and error.instance in node.entries:
            return node.entries[str(error.instance)].key, node  # a key that breaks the rule for keys
        return (key if path else _first_key(node)), node
    return node.span, node


def _first_key(node: MapNode) -> Span:
    return next((entry.key for entry in node.entries.values()), node.span)


def _code(rule: str) -> str:
    if rule == "not":
        return "contradictory-fields"
    return "missing-field" if rule == "anyOf" else "invalid-value"


def _sentence(error: SchemaError, path: Steps, node: Node, kind: str) -> str:
    advice = _advice(error)
    if isinstance(node, MapNode) and error.validator in ("pattern", "maxLength"):
        return f"{quoted_word(str(error.instance))} {advice}"
    label = label_of(path) or f"this {kind}"
    if error.validator in ("not", "anyOf"):
        return f"{label} {advice}"
    return f"{label} {advice}{_instead_of(error, path, node)}"


def _advice(error: SchemaError) -> str:
    part: Any = error.schema
    if isinstance(part, dict) and "errorMessage" in part:
        return str(part["errorMessage"])
    wanted = error.validator_value
    if error.validator == "type":
        names = [wanted] if isinstance(wanted, str) else wanted
        return "must be " + " or ".join(_TYPES.get(name, name) for name in names if name != "null")
    return f"must not be empty (at least {wanted})"


def _instead_of(error: SchemaError, path: Steps, node: Node) -> str:
    """What is there instead, if it may be shown: never within credentials, never what a template made."""
    if {"credentials", "auth", "uri", "url"}.intersection(path):
        return ""
    if isinstance(node, ScalarNode):
        if node.templated:
            return ", and its template gives something else"
        if isinstance(node.value, str):
            return f", not {quoted_word(node.value)}{_meant(error)}" if node.value else ", not empty"
        return f", not {node.text[:60]}"
    if error.validator in ("minProperties", "minItems"):
        return ", not empty"
    if error.validator == "uniqueItems":
        return ", each of them once"
    if error.validator == "maxProperties" and isinstance(node, MapNode):
        return f", not {len(node.entries)} keys"
    return ", not a mapping" if isinstance(node, MapNode) else ", not a list"


def _meant(error: SchemaError) -> str:
    """The word of a list that a text is most like."""
    words = error.validator_value if error.validator == "enum" else ()
    near = nearest(error.instance, (word for word in words if isinstance(word, str)))
    return f'; did you mean "{near}"?' if near else ""


def _hint(path: Steps, error: SchemaError) -> str:
    if path and path[-1] in ("advertiser_id", "account_id", "retailer_id") and isinstance(error.instance, float):
        return "write the number in quotes"
    if path and path[-1] in ("max_removed", "max_added") and isinstance(error.instance, float):
        return f"for a share, write {error.instance * 100:g}%" if error.instance <= 1 else ""
    return ""


def label_of(path: Steps) -> str:
    """A path as text: `guardrails.max_removed`, `tables.orders[2]` (counted from 1)."""
    label = ""
    for step in path:
        if isinstance(step, int):
            label += f"[{step + 1}]"
        else:
            label += f".{step}" if label else step
    return label


# -- fields that are not known -------------------------------------------------------------------------------------


def unknown_fields(node: Node, known: Iterable[str]) -> Iterator[tuple[str, Span]]:
    """The keys of a mapping that are not known, with their places."""
    if isinstance(node, MapNode):
        words = set(known)
        yield from ((key, entry.key) for key, entry in node.entries.items() if key not in words)


def _unknown_fields(error: SchemaError, path: Steps, document: Document) -> None:
    known = error.schema["properties"]
    node = at(document.root, path)[1]
    noun = _NOUNS.get(str(path[-1]) if path else "", "field")
    for key, span in unknown_fields(node, known):
        here = sorted(set(known) - set(node.entries)) if isinstance(node, MapNode) else known
        where = f" in {label_of(path)}" if path else ""
        typo = nearest(key, here) is not None
        advice = _elsewhere(key, document.kind, path, exactly=typo) or suggest(key, here)
        document.refuse(span, "unknown-field", f"unknown {noun} {quoted_word(key)}{where}{advice}")


def _elsewhere(key: str, kind: str, path: Steps, *, exactly: bool) -> str:
    """Where in this kind of document the key, or, unless `exactly`, one much like it, would be known."""
    homes = {name: home for home, name in _nested(schema(kind), ()) if home != path}
    near = key if key in homes else None if exactly else nearest(key, homes, likeness=0.8)
    if near is None:
        return ""
    home = label_of(homes[near])
    return f"; it belongs under `{home}:`" if near == key else f'; did you mean "{near}" under `{home}:`?'


def _nested(part: dict[str, Any], path: Steps) -> Iterator[tuple[Steps, str]]:
    """Every field below the top level with its path, the deepest first, so that a shallow one wins."""
    for name, child in part.get("properties", {}).items():
        if isinstance(child, dict) and "properties" in child:
            yield from _nested(child, (*path, name))
            yield from (((*path, name), field) for field in child["properties"])


# -- fields that are missing -----------------------------------------------------------------------------------------


def missing_field(error: SchemaError) -> str:
    """Which field a `required` error is about; jsonschema reports each on its own and names it in its message only."""
    return next(str(name) for name in error.validator_value if error.message.startswith(f"{name!r} "))


def _missing_field(error: SchemaError, path: Steps, document: Document) -> None:
    key, node = at(document.root, path)
    missing = missing_field(error)
    if not isinstance(node, MapNode):
        return
    known = error.schema.get("properties", {}) or schema(document.kind)["properties"]
    for unknown, _ in unknown_fields(node, known):
        if nearest(unknown, set(known) - set(node.entries)) == missing:
            return  # a typo, and reported as one
    example = known.get(missing, {}).get("examples", [""])[0]
    owner = label_of(path) or f"this {document.kind}"
    written = f"; write `{missing}: {_yaml(example)}`" if isinstance(example, str) and example else ""
    if document.kind == "Source" and not path and missing not in schema("Source")["required"]:
        written = f"; a source of type {error.instance['type']} is made of it"
    span = key if path else _first_key(node)
    document.refuse(span, "missing-field", f"{owner} needs `{missing}`{written}")


def _yaml(text: str) -> str:
    return f'"{text}"' if text.startswith("{") or text.isdigit() else text


def _unknown_type(error: SchemaError, path: Steps, document: Document) -> None:
    span = at(document.root, path)[1].span
    word = str(error.instance)
    what = f"{document.kind.lower()} {path[-1]}"
    document.refuse(span, "unknown-type", f"unknown {what} {quoted_word(word)}{suggest(word, error.validator_value)}")
