"""How a definition is written: field names that states of earlier versions have, and room for other destinations."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from runner.core.records import Definition
from runner.state.db.codec import from_definition, to_definition

PLAIN = Definition("Loyal", "", {"email": "mail"}, "fingerprint")


def test_the_gum_caller_id_keeps_the_field_it_has_always_had() -> None:
    written = json.loads(from_definition(replace(PLAIN, options={"gum_caller_id": 5})))
    assert written["gum_caller_id"] == 5
    assert json.loads(from_definition(PLAIN))["gum_caller_id"] is None
    assert "options" not in written


@pytest.mark.parametrize("options", [{}, {"gum_caller_id": 5}, {"edition_id": "1"}, {"gum_caller_id": 5, "x": 1}])
def test_what_is_written_is_read_again(options: dict[str, str | int]) -> None:
    definition = replace(PLAIN, options=options)
    assert to_definition(from_definition(definition)) == definition
