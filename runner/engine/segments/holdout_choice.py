"""Who is held out, as SQL over a segment's view: a person's key decides, before any identifier is made of the row.

The key counts as text without the blanks around it, a UUID in lower case: so it is the same one whether an engine
yields it as text, as a whole number or as a UUID.
"""
# ruff: noqa: S608 (the column is the engine's own name, texts are quoted)

from __future__ import annotations

from runner.core.holdout import DIGITS, Holdout
from runner.core.sql_quoting import literal
from runner.engine.interface import HELD_OUT, KEYLESS
from runner.engine.segments.normalize import UUID, without_blanks
from runner.engine.segments.segment_query import KEY, VIEW

LEFT_OUT = "left_out"
"""The column that says why a row is left out; null for one that is kept."""

_GIVEN, _TRIMMED, _TEXT = "key_given", "key_trimmed", "key_text"


def chosen_rows(holdout: Holdout) -> str:
    """The rows of the view, each with its key as text and with why it is left out, if it is."""
    text = f"case when regexp_full_match({_TRIMMED}, '{UUID}') then lower({_TRIMMED}) else {_TRIMMED} end"
    number = f"substr(sha256({literal(holdout.name + ':')} || {_TEXT}), 1, {DIGITS})"
    why = f"""case when coalesce({_TEXT}, '') = '' then {KEYLESS}
        when {number} < '{holdout.bound}' then {HELD_OUT} end"""
    given = f"select *, cast({KEY} as varchar) as {_GIVEN} from {VIEW}"
    trimmed = f"select *, {without_blanks(_GIVEN)} as {_TRIMMED} from ({given})"
    keyed = f"select *, {text} as {_TEXT} from ({trimmed})"
    return f"(select *, cast({why} as utinyint) as {LEFT_OUT} from ({keyed}))"


def keys(holdout: Holdout) -> str:
    """Each key of the segment once, whether it is held out, and the rows without a key as one that has none."""
    key = f"case when {LEFT_OUT} = {KEYLESS} then null else {_TEXT} end"
    return f"""select {key} as key, {LEFT_OUT} is not null as held_out, count(*) as occurrences
        from {chosen_rows(holdout)} group by all"""
