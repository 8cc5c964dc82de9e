"""Portions: whatever the identifiers are, each is in one of them, and hashes are spread evenly."""

from __future__ import annotations

import hashlib

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.identifiers import IdentifierType
from runner.core.sql_quoting import literal
from runner.engine.memberships import set_algebra


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def _in_portion(
    connection: duckdb.DuckDBPyConnection, found: set[bytes], kind: IdentifierType, number: int, portions: int
) -> set[bytes]:
    values = ", ".join(f"(from_hex({literal(one.hex())}))" for one in found)
    rows = f"select identifier from (values {values}) t(identifier)"
    return {one for (one,) in connection.execute(set_algebra.portion(rows, kind, number, portions)).fetchall()}


@given(
    found=st.sets(st.binary(max_size=4) | st.binary(min_size=32, max_size=32), min_size=1, max_size=20),
    kind=st.sampled_from(IdentifierType),
    power=st.integers(0, 4),
)
def test_each_identifier_is_in_one_portion(
    connection: duckdb.DuckDBPyConnection, found: set[bytes], kind: IdentifierType, power: int
) -> None:
    parts = [_in_portion(connection, found, kind, number, 1 << power) for number in range(1 << power)]
    assert sum(map(len, parts)) == len(found)
    assert set().union(*parts) == found


@pytest.mark.parametrize("kind", IdentifierType)
def test_portions_are_about_as_great_as_each_other(connection: duckdb.DuckDBPyConnection, kind: IdentifierType) -> None:
    found = {hashlib.sha256(bytes([number, more])).digest() for number in range(32) for more in range(32)}
    sizes = [len(_in_portion(connection, found, kind, number, 4)) for number in range(4)]
    assert all(200 < size < 312 for size in sizes)


def test_there_may_be_as_many_portions_as_two_bytes_tell_apart(connection: duckdb.DuckDBPyConnection) -> None:
    found = {b"\x00" * 32, b"\xff" * 32}
    assert _in_portion(connection, found, IdentifierType.EMAIL, 0, 65_536) == {b"\x00" * 32}
    assert _in_portion(connection, found, IdentifierType.EMAIL, 65_535, 65_536) == {b"\xff" * 32}
