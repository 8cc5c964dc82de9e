"""Fingerprints of texts as SQL, and what they were made with: shared by those who make them and those who compare.

DuckDB's `hash` is quick and is no keyed hash: `hash(text, salt)` is a function of `hash(text)`, so a salt goes before
the text, and blocks of eight bytes are mixed one by one, so the two salts differ in length modulo eight. Different
texts have different fingerprints but by chance, of 2^-128 for two of them; docs/adr/0042 has what was tried.
"""
# ruff: noqa: S608 (the parts are the engine's own; salts are letters and digits)

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.fingerprints import FIRST_LENGTH, PARTS, SECOND_LENGTH, FingerprintOrigin, Salt
from runner.core.identifiers import IdentifierType
from runner.core.sql_quoting import file_list, literal, one_file
from runner.engine.duckdb import cancellable
from runner.engine.interface import MappedColumn

if TYPE_CHECKING:
    import duckdb

RULES = 1
"""The version of the rules by which a text becomes a wire form. A change of what comes out of any text is a new number:
fingerprints of before are then not used. tests/conformance holds what comes out."""

PAYS = frozenset({IdentifierType.EMAIL, IdentifierType.PHONE_NUMBER})
"""The types whose wire forms cost much more than a fingerprint and a look at it."""

LEAST = 100_000
"""Members of a type from which on fingerprints are kept and used."""

FIRST, SECOND = "fingerprint_1", "fingerprint_2"
"""What the two halves are called in files of the state, and after a column's name in an evaluation's."""

MEMBER = "member"
"""The column with the number of a member, where members are looked up."""

NO_FINGERPRINT = f"null::ubigint as {FIRST}, null::ubigint as {SECOND}"
"""Both, of an identifier that has none."""

_PROBES = (
    *("", "a", "A", " ", "0", "ab", "abcdefg", "abcdefgh", "abcdefghi", "someone@example.com", "SOMEONE@example.com"),
    *("\u0130\u00df\u03a3", "x" * 12, "x" * 13, "0123456789abcdef" * 4, "y" * 1000),
)
"""Texts of every length that a hash may treat in a way of its own: what comes of them tells one hash from another."""


def passing_salt() -> Salt:
    """A salt that nobody can guess, for the fingerprints of one statement: it is kept nowhere."""
    first, second = (secrets.token_hex(length)[:length] for length in (FIRST_LENGTH, SECOND_LENGTH))
    return Salt("", first, second)


def halves(text: str, salt: Salt) -> tuple[str, str]:
    """The two halves of the fingerprint of an SQL expression's text; a null has those of the empty text, and both are
    no text that a wire form is made of.

    Of its bytes: of a text that is compared without regard to case or accents DuckDB hashes what it is compared by.
    """
    # `concat` takes a quarter less time than `||`, which asks each row for nulls (docs/adr/0053).
    first, second = (f"hash(encode(concat({literal(one)}, {text})))" for one in (salt.first, salt.second))
    return first, second


def named(one: MappedColumn) -> tuple[str, str]:
    """The columns with the two halves of what a mapped column holds."""
    return f"{one.name}_{FIRST}", f"{one.name}_{SECOND}"


def member_of(one: MappedColumn) -> str:
    """The column with the number of the member for whom a mapped column's text stands."""
    return f"{one.name}_{MEMBER}"


def remembered_of(one: MappedColumn) -> str:
    """The column with the number of the remembered person for whom a mapped column's text stands."""
    return f"{one.name}_remembered"


def looked_up_in(files: tuple[Path, ...]) -> str:
    """The rows of files in which known texts stand by number; a column that one of them lacks is null there."""
    if len(files) == 1:
        return f"read_parquet({one_file(files[0])})"
    return f"read_parquet({file_list(files)}, union_by_name = true)"


def is_checked(first: str, part: int | None) -> str:
    """A test of the first half: whether it belongs to the part that is looked at the long way."""
    return "false" if part is None else f"({first} & {PARTS - 1}) = {part % PARTS}"


def origin_of(connection: duckdb.DuckDBPyConnection, salt: Salt) -> FingerprintOrigin:
    """What fingerprints are made with here and now. The hash is known by its results: a version says nothing of it.

    Raises what DuckDB raises.
    """
    texts = ", ".join(f"({literal(text)})" for text in _PROBES)
    [(results,)] = cancellable.run(
        connection,
        f"select string_agg(hash(encode(text))::varchar, ' ' order by text) from (values {texts}) probes(text)",
    )
    return FingerprintOrigin(salt.id, RULES, hashlib.sha256(str(results).encode()).hexdigest()[:16])
