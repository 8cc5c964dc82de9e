"""What the kinds say of themselves is what the files' schema and the documents say of them."""

from __future__ import annotations

import json

import pytest

from runner.config import schema_folder
from runner.config.schema.json_schemas import schema
from runner.core.destination import DestinationKind
from runner.destinations.registry import KINDS, any_platform, platform_of

PUBLISHED = json.loads((schema_folder() / "destination.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_published_schema_describes_every_field_of_a_kind(kind: DestinationKind) -> None:
    for field in kind.fields:
        published = PUBLISHED["properties"][field.name]
        assert field.schema is None
        assert str(published["examples"][0]) == field.example
        assert field.number_of in published["errorMessage"]


def test_the_published_schema_knows_the_same_types_and_whose_fields_are_whose() -> None:
    used = schema("Destination")
    assert PUBLISHED["properties"]["type"] == used["properties"]["type"]
    assert PUBLISHED["properties"].keys() == used["properties"].keys()
    assert PUBLISHED["allOf"] == used["allOf"]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_credentials_of_a_kind_are_those_of_the_files(kind: DestinationKind) -> None:
    assert list(kind.variables) == PUBLISHED["properties"]["credentials"]["required"]


def test_a_platform_is_called_by_its_name_and_one_that_is_not_known_by_its_type() -> None:
    assert [platform_of(one) for one in ("criteo", "criteo-retail-media", "moon")] == ["Criteo", "Criteo", "moon"]
    assert any_platform() == "Criteo"
