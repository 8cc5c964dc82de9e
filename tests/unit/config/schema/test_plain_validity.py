"""What is found valid without jsonschema is what jsonschema finds valid."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from runner.config.schema.json_schemas import KINDS, schema
from runner.config.schema.plain_validity import UnknownKeyword, is_valid
from tests.conformance.condition_cases import CASES

ROOT = Path(__file__).resolve().parents[4]
VALIDATORS = {kind: Draft7Validator(schema(kind)) for kind in KINDS}


def documents() -> Iterator[dict[str, Any]]:
    """Those of the example project, and of the cases of conditions."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "activations").rglob("*.y*ml"))]
    for text in texts:
        yield from (one for one in yaml.safe_load_all(text) if isinstance(one, dict) and one.get("kind") in KINDS)


DOCUMENTS = list(documents())
SCALARS: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    1.0,
    1.5,
    10**12,
    "",
    " ",
    "a",
    "1d",
    "0 6 * * *",
    "{{ x }}",
    "A b",
    "x" * 300,
]
values = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "is", "every", "email", "until", "A"]), inner, max_size=3),
    ),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield (*path, key)
            yield from places(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield (*path, index)
            yield from places(part, (*path, index))


@st.composite
def changed(draw: st.DrawFn) -> dict[str, Any]:
    """A document with some of it taken away, replaced or added."""
    document = copy.deepcopy(draw(st.sampled_from(DOCUMENTS)))
    for _ in range(draw(st.integers(0, 3))):
        *way, last = draw(st.sampled_from(list(places(document))))
        holder: Any = document
        for step in way:
            holder = holder[step]
        what = draw(st.sampled_from(["remove", "replace", "add"]))
        if what == "remove" and len(document) > 2 and isinstance(holder, dict):
            del holder[last]
        elif what == "add" and isinstance(holder, dict):
            holder[draw(st.sampled_from([*schema("Activation")["properties"], "type", "auth", "path", "nobody"]))] = (
                draw(values)
            )
        else:
            holder[last] = draw(values)
    return document


@settings(max_examples=100)
@given(changed(), st.sampled_from(KINDS))
def test_a_document_is_valid_where_jsonschema_says_so(document: dict[str, Any], kind: str) -> None:
    of = document.get("kind") if document.get("kind") in KINDS else kind
    assert is_valid(schema(str(of)), document) == VALIDATORS[str(of)].is_valid(document)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_conditions_are_judged_alike(case: Any) -> None:
    part = schema("Activation")["properties"]["segment"]
    written = json.loads(json.dumps({"name": "A", **case.written}))
    assert is_valid(part, written) == Draft7Validator(part).is_valid(written)


KEYWORDS: list[dict[str, Any]] = [
    {"enum": [1, "a", [True], {"a": 0}]},
    {"const": 1},
    {"const": [False, {"a": 1.0}]},
    {"type": ["integer", "null"]},
    {"type": "number", "minimum": 0, "maximum": 2},
    {"minLength": 1, "maxLength": 2, "pattern": "^[a-z]"},
    {"uniqueItems": True},
    {"minItems": 1, "maxItems": 2, "items": {"type": "string"}},
    {"propertyNames": {"pattern": "^[a-z]+$"}, "minProperties": 1, "maxProperties": 2},
    {"properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "integer"}, "required": ["a"]},
    {"dependencies": {"a": ["is"], "is": {"required": ["email"]}}},
    {"if": {"required": ["a"]}, "then": {"required": ["is"]}, "else": {"maxProperties": 1}},
    {"anyOf": [{"type": "string"}, {"not": {"type": "object"}}], "allOf": [True, {"not": {"const": "a"}}]},
]


@pytest.mark.parametrize("part", KEYWORDS, ids=lambda part: " ".join(part))
@given(value=values)
def test_each_keyword_is_judged_as_jsonschema_judges_it(part: dict[str, Any], value: Any) -> None:
    assert is_valid(part, value) == Draft7Validator(part).is_valid(value)


@pytest.mark.parametrize("part", [{"format": "date"}, {"items": [True]}, {"not": {"contains": {"const": 1}}}])
def test_what_only_jsonschema_judges_is_left_to_it(part: dict[str, Any]) -> None:
    with pytest.raises(UnknownKeyword):
        is_valid(part, [])


def test_the_schemas_of_documents_have_no_keyword_that_only_jsonschema_judges() -> None:
    for kind in KINDS:
        for document in DOCUMENTS:
            is_valid(schema(kind), document)
