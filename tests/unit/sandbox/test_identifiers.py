from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from runner.sandbox.world.identifier_validation import READERS, read, wire_form

HEX = st.text("019abfABF", min_size=64, max_size=64)
TEXT = st.text("aZ\u01300.-+ \n\N{NO-BREAK SPACE}@", max_size=20)
LOCAL, DOMAIN = st.text("aB.+\u0130", min_size=1, max_size=9), st.text("cD-", min_size=1, max_size=9)
EMAIL = st.builds("{}@{}.example".format, LOCAL, DOMAIN)
UUID = st.uuids().map(str)


@given(st.lists(HEX | TEXT | st.text("0a \n", min_size=64, max_size=64), max_size=4))
def test_hashes_are_read_alike_together_and_one_by_one(identifiers: list[str]) -> None:
    together = read("email", identifiers)
    alone = [read("email", [identifier]) for identifier in identifiers]
    assert together.members == tuple(member for reading in alone for member in reading.members)
    assert (together.valid, together.invalid) == (sum(r.valid for r in alone), sum(r.invalid for r in alone))


@given(st.sampled_from(sorted(READERS)), st.lists(HEX | TEXT | EMAIL | UUID, max_size=4))
def test_a_wire_form_read_again_is_the_same_member(identifier_type: str, identifiers: list[str]) -> None:
    reading = read(identifier_type, identifiers)
    assert reading.valid + reading.invalid == len(identifiers)
    forms = [wire_form(identifier_type, member) for member in reading.members]
    assert read(identifier_type, forms).members == reading.members


@given(st.lists(HEX, min_size=1, max_size=4))
def test_hashes_come_back_in_lower_case(identifiers: list[str]) -> None:
    forms = [wire_form("email", member) for member in read("email", identifiers).members]
    assert forms == [identifier.lower() for identifier in identifiers]
    assert all(re.fullmatch("[0-9a-f]{64}", form) for form in forms)


def test_a_text_of_32_characters_is_not_taken_for_a_hash_of_32_bytes() -> None:
    text = "a" * 20 + "@example.com"
    assert read("email", [text]).members == (text,)
    assert wire_form("email", text) == text


def test_no_identifiers_are_no_members() -> None:
    assert read("email", []).members == ()
