"""A batch of identifiers as one text behaves as the list it stands for."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from runner.core.identifiers import WireForms
from runner.destinations.criteo.payloads import amendment_body

FORMS = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1))


def joined(values: list[str]) -> WireForms:
    return WireForms("\n".join(values), len(values))


@given(values=FORMS)
def test_it_is_the_same_sequence(values: list[str]) -> None:
    forms = joined(values)
    assert (len(forms), list(forms), bool(forms)) == (len(values), values, bool(values))
    assert list(forms[1:]) == values[1:]


@given(values=FORMS | st.lists(st.from_regex("[0-9a-f]{64}", fullmatch=True)))
def test_it_makes_the_same_body_as_the_list(values: list[str]) -> None:
    attributes = {"operation": "add", "identifierType": "email"}
    body = json.loads(amendment_body("ContactlistAmendment", attributes, joined(values)))
    assert body == {"data": {"type": "ContactlistAmendment", "attributes": {**attributes, "identifiers": values}}}
    assert amendment_body("x", attributes, values) == amendment_body("x", attributes, joined(values))
