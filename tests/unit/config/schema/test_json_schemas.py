"""The published schemas, and the codes of what breaks them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from runner.config import schema_folder
from runner.config.schema.json_schemas import field_validator
from tests.conformance.condition_cases import CASES

ROOT = Path(__file__).resolve().parents[4]
KINDS = ("project", "source", "destination", "entity", "segment", "activation", "test")


def schema(kind: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((schema_folder() / f"{kind}.schema.json").read_text(encoding="utf-8"))
    return document


def properties(part: Any) -> list[tuple[str, dict[str, Any]]]:
    """Every property anywhere in a schema."""
    found: list[tuple[str, dict[str, Any]]] = []
    if isinstance(part, dict):
        if "description" in part and isinstance(part.get("properties"), dict):
            found += part["properties"].items()
        for child in part.values():
            found += properties(child)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_property_of_a_schema_is_described_and_shown_by_example(kind: str) -> None:
    Draft7Validator.check_schema(schema(kind))
    shared = re.compile(
        r"(?:activation\.schema\.json)?#/definitions/"
        r"(segment|for_each|mapping|schedule|freshness|(?:own_)?guardrails|protect|tags|owner)$"
    )
    for name, part in properties(schema(kind)):
        if shared.match(part.get("$ref", "")):
            part = schema("activation")["definitions"][name]
        assert part.get("description"), name
        assert part.get("examples"), name


@pytest.mark.parametrize("kind", KINDS)
def test_no_schema_lets_unknown_fields_in(kind: str) -> None:
    assert schema(kind)["additionalProperties"] is False


def test_every_code_is_documented() -> None:
    documented = set(
        re.findall(r"^\| `([a-z0-9-]+)` \|", (ROOT / "docs/reference/findings.md").read_text(), re.MULTILINE)
    )
    used: set[str] = set()
    for case in (ROOT / "tests/cases").glob("*/expected.txt"):
        used.update(re.findall(r" error\[([a-z0-9-]+)\]: ", case.read_text(encoding="utf-8")))
    for module in (ROOT / "runner").rglob("*.py"):
        if module.is_relative_to(ROOT / "runner" / "sandbox"):
            continue  # it has error codes of Criteo's
        text = module.read_text(encoding="utf-8")
        used.update(
            re.findall(
                r"\"((?:sql|source|mapping|yaml|template|missing|unknown|duplicate|invalid)(?:-[a-z0-9]+)+)\"", text
            )
        )
    assert used - documented == {"invalid-project"}  # what is wrong with a service, not a finding


@pytest.mark.parametrize("field", ["mapping", "tags", "guardrails", "schedule", "protect", "freshness", "for_each"])
def test_an_editor_lets_a_single_template_stand_for_any_setting(field: str) -> None:
    check = field_validator("Activation", field)
    assert check.is_valid({field: "{{ each.value }}"})
    assert field == "for_each" or not check.is_valid({field: "no template"})


@pytest.fixture(scope="module")
def editors() -> Callable[[str], Draft7Validator]:
    """What an editor judges by: a schema as it is published, with those that it refers to."""
    texts = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in schema_folder().glob("*.json")}
    registry: Registry[Any] = Registry().with_resources(
        [(name, Resource.from_contents(text)) for name, text in texts.items()]
    )
    return lambda reference: Draft7Validator({"$ref": reference}, registry=registry)


def test_editors_know_every_document_of_the_example(editors: Callable[[str], Draft7Validator]) -> None:
    check = editors("headcount.schema.json")
    documents = [one for path in (ROOT / "activations").glob("*.yaml") for one in yaml.safe_load_all(path.read_text())]
    assert [error.message for one in documents for error in check.iter_errors(one)] == []
    assert len(documents) > 10


def test_editors_know_what_conditions_are_made_of(editors: Callable[[str], Draft7Validator]) -> None:
    check = editors("conditions.schema.json#/definitions/every")
    written = [case.written["where"] for case in CASES if "where" in case.written]
    assert [error.message for where in written for error in check.iter_errors(where)] == []
    wrong: tuple[dict[str, Any], ...] = (
        {"ltv": {"atleast": 3}},
        {"did": 3},
        {"ltv": {"within": "3 weeks"}},
        {"any": {"a": 1}},
        {"did": "x", "then_not": {"did": "y", "within": "2d"}},
    )
    assert [check.is_valid([one]) for one in wrong] == [False] * len(wrong)
