"""Rows of a segment whose texts are looked up by their fingerprints, as SQL over its view.

A row with several mapped columns is kept as one, since only all of its identifiers together say whether it is a person;
so is one of a segment that a suppression is for, which takes whole rows out. What comes of one mapped column alone
needs no rows, and is grouped: see fingerprinted_rows.py.
"""
# ruff: noqa: S608 (all parts are the engine's own; salts are letters and digits)

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runner.core.fingerprints import Fingerprinting, Salt
from runner.core.identifiers import IdentifierType
from runner.core.project import Evaluated
from runner.engine.fingerprint_sql import FIRST, MEMBER, SECOND, halves, is_checked, member_of, named, remembered_of
from runner.engine.interface import AS_GIVEN, HASHED, MappedColumn, mapped_columns
from runner.engine.segments.fingerprinted_rows import texts_of
from runner.engine.segments.holdout_choice import LEFT_OUT
from runner.engine.segments.normalize import wire_select, without_blanks

Members = Mapping[IdentifierType, str]
"""Queries of members as `unknown_texts` takes them, of the types whose texts are looked up."""

_Columns = tuple[MappedColumn, ...]

NOBODY_REMEMBERED: Members = {}


def looked_up_rows(
    activation: Evaluated, members: Members, by: Fingerprinting, remembered: Members = NOBODY_REMEMBERED
) -> str:
    """The kind of each mapped column of a segment's rows, and the wire forms of texts that stand for nobody known.

    Beside each column of the types in `members` are the number of its member (`<column>_member`), and the fingerprint
    of a valid text that was not found; of the types in `remembered`, queries of people whom suppressions named, each
    text's once, also the number of the one its text stands for (`<column>_remembered`). A text that was found has no
    wire form, unless it is of the part that is checked.
    """
    columns = tuple(mapped_columns(activation.mapping))
    sought = tuple(one for one in columns if one.type in members)
    known = {one: _known(one, members, remembered) for one in sought}
    joined = _with_numbers(_with_fingerprints(activation, columns, sought, by.salt), columns, known, by)
    beside = [name for one in sought for name in (*known[one], _done(one), *named(one))]
    judged = wire_select({one: _value(one) for one in columns}, f"({joined})", LEFT_OUT, beside)
    outcomes = []
    for one in sought:
        kind, nobody = f"{one.name}_kind", " and ".join(f"{number} is null" for number in known[one])
        is_new = f"{nobody} and {kind} in ({HASHED}, {AS_GIVEN})"
        outcomes.append(f"coalesce({_done(one)}, {kind}) as {kind}")
        outcomes += (f"case when {is_new} then {name} end as {name}" for name in named(one))
    return f"select * exclude ({_list(map(_done, sought))}) replace ({_list(outcomes)}) from ({judged})"


def _known(one: MappedColumn, members: Members, remembered: Members) -> Mapping[str, str]:
    """The columns with numbers of whom a mapped column's text may stand for, and the queries of those."""
    also = {remembered_of(one): remembered[one.type]} if one.type in remembered else {}
    return {member_of(one): members[one.type], **also}


def _with_fingerprints(activation: Evaluated, columns: _Columns, sought: _Columns, salt: Salt) -> str:
    """The texts of a segment's rows, none of those that are left out, and the fingerprints of those that are sought."""
    plain = texts_of(activation, {one: _value(one) for one in columns})
    made = (
        f"{half} as {name}" for one in sought for half, name in zip(halves(_value(one), salt), named(one), strict=True)
    )
    return f"select *, {_list(made)} from ({plain})"


def _with_numbers(
    rows: str, columns: _Columns, known: Mapping[MappedColumn, Mapping[str, str]], by: Fingerprinting
) -> str:
    """The same with the numbers of those for whom texts stand, and without the texts that need not be looked at any
    more; what kind of text each of these is."""
    selected, joins = [f"n.{LEFT_OUT}"], []
    for one in columns:
        text = f"n.{_value(one)}"
        if one not in known:
            selected.append(text)
            continue
        first, second = named(one)
        found = " or ".join(f"{number}_there.{MEMBER} is not null" for number in known[one])
        done = f"(({found}) and not {is_checked(f'n.{first}', by.checked)})"
        selected.append(f"case when {done} then null else {text} end as {_value(one)}")
        selected.append(f"case when {done} then {_kind_of_found(one, text)} end::utinyint as {_done(one)}")
        for number, query in known[one].items():
            there = f"{number}_there"
            selected.append(f"{there}.{MEMBER} as {number}")
            joins.append(
                f"left join ({query}) {there} on n.{first} = {there}.{FIRST} and n.{second} = {there}.{SECOND}"
            )
        selected += (f"n.{name}" for name in named(one))
    return f"select {_list(selected)} from ({rows}) n {' '.join(joins)}"


def _kind_of_found(one: MappedColumn, text: str) -> str:
    """The kind of a text that was found, which is valid: AS_GIVEN for an MD5, which is to be told from an address.

    A hash has no @, and an MD5 has half the digits of a SHA-256.
    """
    if one.type is not IdentifierType.EMAIL:
        return str(HASHED)
    is_md5 = f"not contains({text}, '@') and length({without_blanks(text)}) = 32"
    return f"case when {is_md5} then {AS_GIVEN} else {HASHED} end"


def _value(one: MappedColumn) -> str:
    return f"{one.name}_value"


def _done(one: MappedColumn) -> str:
    return f"{one.name}_done"


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts)
