"""The error envelope, out of any bytes, without an identifier in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.destinations.criteo.error_envelope import Envelope, read_envelope, scrubbed

TRACE = "56ed4096-f96a-4944-8881-05468efe0ec9"


@pytest.mark.parametrize(
    "body", [b"", b" ", b"<html>", b"null", b"[1]", b'"x"', b"{", b"\xff\x00", b"1" * 5000, b"[" * 99999]
)
def test_what_is_no_json_object_is_no_envelope(body: bytes) -> None:
    assert read_envelope(body) is None


@pytest.mark.parametrize("errors", [None, [], {}, "x", 7, [None]])
def test_absent_null_and_misshapen_arrays_are_no_problems(errors: Any) -> None:
    envelope = read_envelope(json.dumps({"errors": errors, "warnings": errors}).encode())
    assert envelope == Envelope()


@pytest.mark.parametrize("entry", [{}, {"code": None, "title": 7}, "text", 7, []])
def test_a_problem_without_words_is_still_a_problem(entry: Any) -> None:
    envelope = read_envelope(json.dumps({"errors": [entry]}).encode())
    assert envelope is not None
    assert len(envelope.errors) == 1


def test_the_trace_id_is_read_by_both_its_names() -> None:
    for name in ("traceId", "traceIdentifier"):
        envelope = read_envelope(json.dumps({"warnings": [{name: TRACE}]}).encode())
        assert envelope is not None
        assert envelope.trace_id == TRACE


def test_underscored_types_of_older_endpoints_read_like_the_others() -> None:
    envelope = read_envelope(b'{"errors": [{"type": "access_control"}]}')
    assert envelope is not None
    assert envelope.errors[0].type == "access-control"


def test_a_trace_id_that_looks_like_a_hash_or_an_address_is_dropped() -> None:
    for value in ("ab" * 32, "jane@example.com", "two words", "", 7, None):
        envelope = read_envelope(json.dumps({"errors": [{"traceId": value}]}).encode())
        assert envelope is not None
        assert envelope.trace_id == ""


@pytest.mark.parametrize(
    "identifier",
    [
        "jane.doe@example.com",
        "jane@gmail",
        "e13743a7f1db7f4246badd6fd6ff54ff",
        "abcdefabcdefabcdefabcdefabcdefab",
        "375320DD9AE7ED408002F3768E16CB5F28C861062FD50DFF9A3BFF62E9DCE4EF",
        "cd9bd9a1-3a5c-4b8e-9a6f-0d7f3c1e2b4a",
        "CD9BD9A1-3A5C-4B8E-9A6F-0D7F3C1E2B4A",
        "+33 6 12 34 56 78",
        "XY1005wXyWPB1SgpMUKIpzA0I3UaLEz0aeoZK5l0cRK5C7nuE",
    ],
)
@pytest.mark.parametrize("around", ["{}", "Identifier '{}' is not valid", "x={}, y", "<{}>"])
def test_whatever_looks_like_an_identifier_is_masked(identifier: str, around: str) -> None:
    shown = scrubbed(around.format(identifier))
    assert "***" in shown
    assert identifier not in shown


@pytest.mark.parametrize(
    "words", ["name-must-be-unique", "Audience is not found, please choose a valid audience", "270157"]
)
def test_criteos_words_pass(words: str) -> None:
    assert scrubbed(words) == words


def test_long_words_are_cut_without_showing_half_an_identifier() -> None:
    for length in range(590, 610):
        shown = scrubbed("a@b " * 10 + "x" * (length - 60) + " jane.doe@example.com jane.doe@example.com")
        assert "jane" not in shown
        assert len(shown) <= 300


def test_line_breaks_and_control_characters_do_not_get_through() -> None:
    assert scrubbed("one\r\ntwo\x1b[31m\x00three") == "one two [31m three"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_reading_never_fails(body: bytes) -> None:
    read_envelope(body)


@given(json_values, json_values, json_values)
def test_reading_any_shape_never_fails(errors: Any, warnings: Any, data: Any) -> None:
    body = json.dumps({"errors": [errors], "warnings": warnings, "data": data}).encode()
    envelope = read_envelope(body)
    assert envelope is not None
    assert len(envelope.errors) == (errors is not None)
