"""Checks answers against Criteo's own OpenAPI documents, where a copy of them lies beside the repository."""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, FormatChecker

DOCUMENTS = Path(__file__).parents[4] / "shared" / "criteo"
MARKETING_SOLUTIONS = "criteo-marketing-solutions-2026-07.json"
RETAIL_MEDIA = "criteo-retail-media-2026-07.json"
DOCUMENTED_VERSION = "2026-07"

_AMENDMENT_PROBLEMS = {
    "properties": {"errors": {"type": "array", "items": {"$ref": "#/components/schemas/AudienceError"}}}
}
"""What is wrong with a call whose success has no body is told as the other calls on a contact list tell it."""

formats = FormatChecker(())


@formats.checks("int32", raises=ValueError)
def _int32(value: object) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


@formats.checks("date-time", raises=ValueError)
def _date_time(value: object) -> bool:
    if isinstance(value, str):
        # Criteo writes seven decimals, Python reads six.
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value))
        return moment.tzinfo is not None
    return True


def available() -> bool:
    return all((DOCUMENTS / name).exists() for name in (MARKETING_SOLUTIONS, RETAIL_MEDIA))


def complaints(method: str, path: str, status: int, answer: Any) -> list[str]:
    """What Criteo's document, which only knows success, finds wrong with an answer; of others only `errors` counts."""
    document = _document_of(path)
    schema = _answer_schema(document, method, path)
    if schema is None:
        if status == 200:
            return ["only 204, without a body, is documented"]
        schema = _AMENDMENT_PROBLEMS
    if status != 200:
        schema = {"type": "object", "properties": {"errors": schema["properties"]["errors"]}, "required": ["errors"]}
    validator = Draft7Validator(schema | {"components": _components(document)}, format_checker=formats)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer)]


def operations(part: str) -> set[tuple[str, str]]:
    """Method and path of every documented operation whose path contains `part`."""
    verbs = {"get", "post", "put", "patch", "delete"}
    known = _document(MARKETING_SOLUTIONS)["paths"] | _document(RETAIL_MEDIA)["paths"]
    paths = {path: verbs & set(methods) for path, methods in known.items() if part in path}
    return {(method, path) for path, methods in paths.items() for method in methods}


def _document_of(path: str) -> str:
    return RETAIL_MEDIA if "/retail-media/" in path else MARKETING_SOLUTIONS


@cache
def _document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DOCUMENTS / name).read_text())
    return document


@cache
def _components(name: str) -> dict[str, Any]:
    components: dict[str, Any] = _as_json_schema(_document(name)["components"])
    return components


def _answer_schema(document: str, method: str, path: str) -> dict[str, Any] | None:
    """The schema of a success; None where that has no body."""
    path = re.sub(r"^/\d{4}-\d{2}/", f"/{DOCUMENTED_VERSION}/", path)
    for template, methods in _document(document)["paths"].items():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in methods:
            answers = methods[method.lower()]["responses"]
            if "200" not in answers:
                return None
            reference = answers["200"]["content"]["application/json"]["schema"]["$ref"]
            schema: dict[str, Any] = _components(document)["schemas"][reference.rpartition("/")[2]]
            return schema
    raise LookupError(f"{method} {path} is not documented")


def _as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where JSON Schema says `null`; and what is not documented is not allowed."""
    if isinstance(node, list):
        return [_as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _as_json_schema(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict) and node.get("type") == "object":
        node.setdefault("additionalProperties", False)
    if node.pop("nullable", False) is True and isinstance(node.get("type"), str):
        node["type"] = [node["type"], "null"]
        if "enum" in node:
            node["enum"] = [*node["enum"], None]
    return node
