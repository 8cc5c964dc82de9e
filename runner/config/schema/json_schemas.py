"""The JSON Schemas of the documents, as files and compiled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.config.schema.plain_validity import UnknownKeyword, is_valid
from runner.core.destination import DestinationKind
from runner.destinations.registry import KINDS as DESTINATION_KINDS

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_FIELD_BY_FIELD = {"$schema", "title", "description", "type", "required", "additionalProperties", "properties"}
"""The keywords of a schema that says nothing about fields taken together."""

_FOR_EDITORS = "x-for-editors"
"""Lists the keywords of a part that editors read and that are not judged here: what reads the value says more."""

KINDS = ("Project", "Source", "Destination", "Entity", "Segment", "Suppression", "Activation", "Test")


def schema_folder() -> Path:
    """Where the schemas are: inside the package when it was installed from a wheel, next to it in a checkout."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "schemas"
    return inside if inside.is_dir() else package.parent / "schemas"


@cache
def schema(kind: str) -> dict[str, Any]:
    """The schema of a kind, every reference replaced by what it refers to."""
    name = f"{kind.lower()}.schema.json"
    resolved: dict[str, Any] = _resolved(_document(name), name)
    return _with_destination_kinds(resolved) if kind == "Destination" else resolved


def _with_destination_kinds(published: dict[str, Any]) -> dict[str, Any]:
    """The schema of destinations with every kind that there is: whose fields are whose, and those not published."""
    types = {**published["properties"]["type"], "enum": list(DESTINATION_KINDS)}
    own = {field.name: field.schema for kind in DESTINATION_KINDS.values() for field in kind.fields if field.schema}
    rules = [_rule(kind) for kind in DESTINATION_KINDS.values()]
    return {**published, "properties": {**published["properties"], "type": types, **own}, "allOf": rules}


def _rule(kind: DestinationKind) -> dict[str, Any]:
    """What a document of this kind must have, and what it may not, since only other kinds use it."""
    own = {field.name for field in kind.fields}
    foreign = []
    for other in DESTINATION_KINDS.values():
        for field in (field for field in other.fields if field.name not in own):
            article = "an" if field.name[0] in "aeiou" else "a"
            instead = f"; write `{kind.account.name}`" if field is other.account else ""
            message = f"has {article} `{field.name}`, which only type {other.type} uses{instead}"
            foreign.append({"not": {"required": [field.name]}, "errorMessage": message})
    then = {"required": [field.name for field in kind.fields if field.required], "allOf": foreign}
    return {"if": {"required": ["type"], "properties": {"type": {"const": kind.type}}}, "then": then}


@cache
def validator(kind: str) -> Validator:
    """The compiled schema of a kind."""
    from jsonschema import Draft7Validator

    return Draft7Validator(schema(kind))


@cache
def field_validator(kind: str, field: str) -> Validator:
    """The schema of one field of a kind, for a document that has only that one."""
    from jsonschema import Draft7Validator

    return Draft7Validator({"properties": {field: schema(kind)["properties"][field]}})


def is_valid_field(kind: str, field: str, data: Mapping[str, Any]) -> bool:
    """Whether a document that has nothing but that field is valid; False means that jsonschema is to be asked."""
    return _surely_valid(schema(kind)["properties"][field], data[field])


Judged = dict[tuple[str, str, str], bool]
"""Kind, field and value: whether the value is valid there."""


def plainly_valid(kind: str, data: Mapping[str, Any], known: Judged) -> bool:
    """Whether a document is valid; False means that only jsonschema can tell. Where fields can be judged one by one,
    `known` remembers the values already judged: most activations share most of them.
    """
    whole = schema(kind)
    if not _FIELD_BY_FIELD.issuperset(whole) or not data.keys() <= whole["properties"].keys():
        return _surely_valid(whole, data)
    if not all(field in data for field in whole["required"]):
        return False
    for field, value in data.items():
        key = (kind, field, repr(value))
        if key not in known:
            known[key] = _surely_valid(whole["properties"][field], value)
        if not known[key]:
            return False
    return True


def _surely_valid(part: Mapping[str, Any], value: Any) -> bool:
    try:
        return is_valid(part, value)
    except UnknownKeyword:
        return False


@cache
def _document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((schema_folder() / name).read_text(encoding="utf-8"))
    return document


def _resolved(part: Any, name: str) -> Any:
    if isinstance(part, list):
        return [_resolved(item, name) for item in part]
    if not isinstance(part, dict):
        return part
    merged = {key: value for key, value in part.items() if key not in part.get(_FOR_EDITORS, ())}
    reference = merged.pop("$ref", None)
    if reference is not None:
        file, _, pointer = reference.partition("#")
        target: Any = _document(file or name)
        for step in pointer.strip("/").split("/"):
            target = target[step]
        merged = {**_resolved(target, file or name), **merged}
    return {key: _resolved(value, name) for key, value in merged.items() if key != "definitions"}
