"""Texts of a segment and their fingerprints, as SQL over its view.

The salts are in the engine's own statement around the view: the segment's SQL is bound before, and cannot see it.
"""
# ruff: noqa: S608 (all parts are the engine's own; salts are letters and digits)

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.core.fingerprints import Fingerprinting, Salt
from runner.core.project import Evaluated
from runner.engine.fingerprint_sql import FIRST, MEMBER, PAYS, SECOND, halves, is_checked, named
from runner.engine.interface import AS_GIVEN, HASHED, MappedColumn, mapped_columns
from runner.engine.segments.holdout_choice import LEFT_OUT, chosen_rows
from runner.engine.segments.normalize import text_select, wire_select
from runner.engine.segments.segment_query import VIEW, column

OCCURRENCES = "occurrences"
"""In what `unknown_texts` yields: how many rows of the segment a row stands for."""

_TEXT, _FOUND, _LOST = 0, 1, 2
"""What a row of a segment's texts and the members is: a text that is judged, one whose member was found, or a member
of whom there is no text."""


def fingerprinted_select(
    columns: Mapping[MappedColumn, str], fingerprinted: Sequence[MappedColumn], relation: str, left_out: str, salt: Salt
) -> str:
    """The wire forms of `wire_select`, and beside some of them the fingerprint of the text that each was made of.

    A text that has no wire form has no fingerprint either: it is judged in each run.
    """
    both = {one: halves(f"cast({columns[one]} as varchar)", salt) for one in fingerprinted}
    names = [name for one in fingerprinted for name in named(one)]
    made = ", ".join(
        f"{half} as {name}" for one in fingerprinted for half, name in zip(both[one], named(one), strict=True)
    )
    wire_forms = wire_select(columns, f"(select *, {made} from {relation})", left_out, names)
    valid = (
        f"case when {one.name}_kind in ({HASHED}, {AS_GIVEN}) then {name} end as {name}"
        for one in fingerprinted
        for name in named(one)
    )
    return f"select * replace ({', '.join(valid)}) from ({wire_forms})"


def counting_select(activation: Evaluated, salt: Salt, *, hashed: bool) -> str:
    """The kind of each mapped column of a segment's rows, and the fingerprint of the text that its wire form would be
    made of: enough to count everything, and no wire form is made.

    Where some values of a type may be hashes of others, which `hashed` says, it is that of the hash.
    """
    columns = {one: column(one) for one in mapped_columns(activation.mapping)}
    texts = text_select(columns, *judged_rows(activation))
    clear = [one.name for one in columns if hashed and one.type in PAYS]
    if clear:
        hashes = (f"case {name}_kind when {HASHED} then sha256({name}) else {name} end as {name}" for name in clear)
        texts = f"select * replace ({', '.join(hashes)}) from ({texts})"
    halves_of_valid = (
        f"case when {one.name}_kind in ({HASHED}, {AS_GIVEN}) then {half} end as {name}"
        for one in columns
        for half, name in zip(halves(one.name, salt), named(one), strict=True)
    )
    kinds = (f"{one.name}_kind" for one in columns)
    return f"select {', '.join((*kinds, *halves_of_valid))} from ({texts})"


def judged_rows(activation: Evaluated) -> tuple[str, str]:
    """The rows of the segment's view, and their column that says why one is left out; empty where there is no holdout,
    which decides before anything else is looked at."""
    return (VIEW, "") if activation.holdout is None else (chosen_rows(activation.holdout), LEFT_OUT)


def texts_of(activation: Evaluated, names: Mapping[MappedColumn, str]) -> str:
    """The text of each mapped column of the segment's rows, under its name, null where the row is left out; and why it
    is, in LEFT_OUT, null where it is not.

    A column may say that it is compared without regard to case or accents; its texts are different ones all the same.
    """
    rows, left_out = judged_rows(activation)
    texts = {one: f"cast({column(one)} as varchar)" for one in names}
    if left_out:
        texts = {one: f"case when {left_out} is null then {text} end" for one, text in texts.items()}
    values = (f'({text}) collate "C" as {names[one]}' for one, text in texts.items())
    return f"select {', '.join(values)}, {left_out or 'null::utinyint'} as {LEFT_OUT} from {rows}"


def unknown_texts(activation: Evaluated, members: str, by: Fingerprinting) -> str:
    """What is left of a segment with one mapped column when each text that a member's fingerprint stands for is found.

    `members` yields each member's `member` (a number) and its fingerprint, null where it has none. The rows are

    - with a kind and no member: a text that was not found, judged, with its wire form and its fingerprint; or, in one
      row without either, all that were found;
    - with a kind and a member: a found text of the part that is checked, with the wire form that it has by the rules;
    - with a member and no kind: a member of whom no text was found.
    """
    [mapped] = mapped_columns(activation.mapping)
    first, second = halves("text", by.salt)
    segment = f"select text, {LEFT_OUT}, {first} as first, {second} as second, true as here"
    segment += f" from ({texts_of(activation, {mapped: 'text'})})"
    done = f"n.here and b.{MEMBER} is not null and not {is_checked('n.first', by.checked)}"
    what = f"case when n.here is null then {_LOST} when {done} then {_FOUND} else {_TEXT} end::utinyint"
    joined = f"""select n.text, n.{LEFT_OUT}, b.{MEMBER}, {what} as what
        from ({segment}) n full join ({members}) b on n.first = b.{FIRST} and n.second = b.{SECOND}"""
    # Nearly all rows are found: the fewer columns they are grouped by, the better. What is left is hashed again.
    grouped = f"""select case when what = {_TEXT} then text end as text, {LEFT_OUT},
            case when what <> {_FOUND} then {MEMBER} end as {MEMBER}, what, count(*) as {OCCURRENCES}
        from ({joined}) group by all"""
    rest = f"select *, {first} as {FIRST}, {second} as {SECOND} from ({grouped})"
    beside = (MEMBER, FIRST, SECOND, "what", OCCURRENCES)
    judged = wire_select({MappedColumn(mapped.type): "text"}, f"({rest})", LEFT_OUT, beside)
    kind = f"{mapped.type}_kind"
    kept = f"case when {MEMBER} is null and {kind} in ({HASHED}, {AS_GIVEN}) then {{0}} end as {{0}}"
    return f"""select {mapped.type} as identifier,
            case what when {_LOST} then null when {_FOUND} then {HASHED}::utinyint else {kind} end as {kind},
            {MEMBER}, {kept.format(FIRST)}, {kept.format(SECOND)}, {OCCURRENCES}
        from ({judged})"""
