"""Rows of a segment with several mapped columns, whose texts are looked up by their fingerprints, as SQL over its view.

Such a row is kept as one, since only all of its identifiers together say whether it is a person. What comes of one
mapped column alone needs no rows, and is grouped: see fingerprinted_rows.py.
"""
# ruff: noqa: S608 (all parts are the engine's own; salts are letters and digits)

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runner.core.fingerprints import Fingerprinting, Salt
from runner.core.identifiers import IdentifierType
from runner.core.project import Evaluated
from runner.engine.fingerprint_sql import FIRST, SECOND, halves, is_checked
from runner.engine.interface import AS_GIVEN, HASHED, MappedColumn, mapped_columns
from runner.engine.segments.fingerprinted_rows import MEMBER, named, texts_of
from runner.engine.segments.holdout_choice import LEFT_OUT
from runner.engine.segments.normalize import wire_select

Members = Mapping[IdentifierType, str]
"""Queries of members as `unknown_texts` takes them, of the types whose texts are looked up."""

_Columns = tuple[MappedColumn, ...]


def looked_up_rows(activation: Evaluated, members: Members, by: Fingerprinting) -> str:
    """The kind of each mapped column of a segment's rows, and the wire forms of texts that stand for no member.

    Beside each column of the types in `members` are its member's number (`<column>_member`), and the fingerprint of a
    valid text that was not found. A text that was found has no wire form, unless it is of the part that is checked.
    """
    columns = tuple(mapped_columns(activation.mapping))
    sought = tuple(one for one in columns if one.type in members)
    joined = _with_members(_with_fingerprints(activation, columns, sought, by.salt), columns, sought, members, by)
    beside = [name for one in sought for name in (member_of(one), _done(one), *named(one))]
    judged = wire_select({one: _value(one) for one in columns}, f"({joined})", LEFT_OUT, beside)
    outcomes = []
    for one in sought:
        kind = f"{one.name}_kind"
        is_new = f"{member_of(one)} is null and {kind} in ({HASHED}, {AS_GIVEN})"
        outcomes.append(f"case when {_done(one)} then {HASHED}::utinyint else {kind} end as {kind}")
        outcomes += (f"case when {is_new} then {name} end as {name}" for name in named(one))
    return f"select * exclude ({_list(map(_done, sought))}) replace ({_list(outcomes)}) from ({judged})"


def member_of(one: MappedColumn) -> str:
    """The column with the number of the member for whom a mapped column's text stands."""
    return f"{one.name}_{MEMBER}"


def _with_fingerprints(activation: Evaluated, columns: _Columns, sought: _Columns, salt: Salt) -> str:
    """The texts of a segment's rows, none of those that are left out, and the fingerprints of those that are sought."""
    plain = texts_of(activation, {one: _value(one) for one in columns})
    made = (
        f"{half} as {name}" for one in sought for half, name in zip(halves(_value(one), salt), named(one), strict=True)
    )
    return f"select *, {_list(made)} from ({plain})"


def _with_members(rows: str, columns: _Columns, sought: _Columns, members: Members, by: Fingerprinting) -> str:
    """The same with the members for whom texts stand, and without the texts that need not be looked at any more."""
    done = {
        one: f"({_there(one)}.{MEMBER} is not null and not {is_checked(f'n.{named(one)[0]}', by.checked)})"
        for one in sought
    }
    selected = [f"n.{LEFT_OUT}"]
    for one in columns:
        if one in done:
            selected.append(f"case when {done[one]} then null else n.{_value(one)} end as {_value(one)}")
            selected.append(f"{_there(one)}.{MEMBER} as {member_of(one)}, {done[one]} as {_done(one)}")
            selected += (f"n.{name}" for name in named(one))
        else:
            selected.append(f"n.{_value(one)}")
    joins = (
        f"left join ({members[one.type]}) {_there(one)} "
        f"on n.{named(one)[0]} = {_there(one)}.{FIRST} and n.{named(one)[1]} = {_there(one)}.{SECOND}"
        for one in sought
    )
    return f"select {_list(selected)} from ({rows}) n {' '.join(joins)}"


def _value(one: MappedColumn) -> str:
    return f"{one.name}_value"


def _done(one: MappedColumn) -> str:
    return f"{one.name}_done"


def _there(one: MappedColumn) -> str:
    return f"{one.name}_there"


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts)
