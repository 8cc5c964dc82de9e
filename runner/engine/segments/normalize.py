"""Wire forms: how a value of each identifier type is cleaned, judged and encoded, as SQL text.

This module only builds strings. Everything the result depends on is spelled out (the characters that are trimmed, those
that may not occur inside a value) so that another engine can be held to the same conformance file.

A value passes through named stages, each a column of one nested select, so that nothing is computed twice:

    raw      the mapped column as text
    plain    not 0 when one test shows what it is, as of most values: valid, without blanks but for spaces at its ends
    trimmed  without the blanks of `TRIMMED` at both ends
    text     what is hashed or encoded
    kind     BLANK, HASHED, AS_GIVEN, or the number of a reason for rejecting it

and ends as two columns: the wire form as bytes (null unless valid), and its kind. What each part costs, and what else
was tried, is in docs/adr/0043.
"""
# ruff: noqa: S608 (all parts of the SQL are constants of this module and names made by the caller)

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from runner.core.identifiers import IdentifierType
from runner.engine.interface import AS_GIVEN, BLANK, HASHED, LONGEST_EMAIL, LONGEST_OPAQUE, REJECTED, MappedColumn
from runner.quick_dataclass import dataclass

TRIMMED = (
    *(0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20, 0xA0, 0x1680),
    *range(0x2000, 0x200C),
    *(0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF),
)
"""Code points stripped from both ends of every value."""

_TRIMMED_SQL = "||".join(f"chr({point})" for point in TRIMMED)
_TRIMMED_CLASS = "".join(rf"\x{{{point:x}}}" for point in TRIMMED)
_UNSEEN = r"\x{00}-\x{20}\x{7f}-\x{a0}\x{ad}\x{1680}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{206f}\x{3000}\x{feff}"
"""Blanks, controls and invisible marks, as the inside of a character class: none may occur in an e-mail address."""

_TOP_LABEL = rf"(?:[^\x{{00}}-\x{{60}}\x{{7b}}-\x{{7f}}{_UNSEEN}]{{2,}}|xn--[a-z0-9-]+)"
_EMAIL = rf"[^@{_UNSEEN}]+@(?:[^@.{_UNSEEN}]+\.)+{_TOP_LABEL}"
_PLAIN_EMAIL = r"[0-9A-Za-z._+-]+@(?:[0-9A-Za-z-]+\.)+[A-Za-z]{2,}"
_LOWER_EMAIL = r"[0-9a-z._+-]+@(?:[0-9a-z-]+\.)+[a-z]{2,}"
_CAPITAL, _LOWER, _HASH = 1, 2, 3
"""What a plain value under `email` is: an address with capitals, perhaps; one without; a hash."""
_E164 = "[1-9][0-9]{6,14}"
_NATIONAL = "0[0-9]{6,14}"
_HEX_64 = "[0-9a-f]{64}"
_CONTROL = r"[\x{00}-\x{1f}\x{7f}-\x{9f}]"
UUID = "-".join(f"[0-9A-Fa-f]{{{length}}}" for length in (8, 4, 4, 4, 12))
_NO_TRACKING = "00000000-0000-0000-0000-000000000000"

_REASON, _OTHER_REASON = REJECTED, REJECTED + 1
"""The reasons of `runner.engine.interface.reasons`, in their order."""


def wire_select(
    columns: Mapping[MappedColumn, str], relation: str, left_out: str = "", beside: Sequence[str] = ()
) -> str:
    """A select of the wire form and kind of each mapped column from SQL expressions over `relation`.

    They are called by the column's name, and `<name>_kind` (UTINYINT). `left_out` is a column of the relation that has
    the kind of rows of which nothing is to be sent: no value of theirs is looked at; null for the others. `beside` are
    further columns of the relation, which come through as they are.
    """
    return _select(columns, relation, left_out, beside, lambda _, rules: rules.wire)


def text_select(columns: Mapping[MappedColumn, str], relation: str, left_out: str = "") -> str:
    """The same, with the text that each wire form is made of in its place, which costs no hash.

    Of one type, two that are HASHED have the same text where they have the same wire form, and only there; so have two
    that are AS_GIVEN. One of either kind may stand for the same person with different texts. Others have any text.
    """
    return _select(columns, relation, left_out, (), lambda at, _: at.text)


def _select(
    columns: Mapping[MappedColumn, str],
    relation: str,
    left_out: str,
    beside: Sequence[str],
    outcome: Callable[[_Stages, _Rules], str],
) -> str:
    """A select of the outcome of the last stage, and the kind, of each mapped column."""
    types = tuple(_Stages.of(one.name) for one in columns)
    rules = tuple(_RULES.get(one.type, _opaque)(stages) for one, stages in zip(columns, types, strict=True))
    texts = (f"cast({column} as varchar)" for column in columns.values())
    if left_out:
        texts = (f"case when {left_out} is null then {text} end" for text in texts)
    raw = [f"{text} as {stages.raw}" for stages, text in zip(types, texts, strict=True)]
    query = f"select {_list([*raw, *beside, *([left_out] if left_out else [])])} from {relation}"
    for additions in (
        (f"cast({rule.plain} as utinyint) as {stages.plain}" for stages, rule in zip(types, rules, strict=True)),
        (f"{_trimmed(stages)} as {stages.trimmed}" for stages in types),
        (f"{rule.text} as {stages.text}" for stages, rule in zip(types, rules, strict=True)),
        (f"cast({rule.kind} as utinyint) as {stages.kind}" for stages, rule in zip(types, rules, strict=True)),
    ):
        query = f"select *, {_list(additions)} from ({query})"
    kind = f"coalesce({left_out}, {{0}}) as {{0}}" if left_out else "{0}"
    outcomes = (
        f"{outcome(stages, rule)} as {stages.name}, {kind.format(stages.kind)}"
        for stages, rule in zip(types, rules, strict=True)
    )
    return f"select {_list([*outcomes, *beside])} from ({query})"


def without_blanks(column: str) -> str:
    """The text of a column without the blanks of `TRIMMED` at both ends.

    Most have none, which takes a fifth of the time to see that taking them away does. DuckDB's `trim` takes four times
    longer still: it makes a set of the characters for each row.
    """
    ends = " or ".join(f"contains({_TRIMMED_SQL}, {column}[{position}])" for position in (1, -1))
    runs = rf"\A[{_TRIMMED_CLASS}]+|[{_TRIMMED_CLASS}]+\z"
    return f"case when {ends} then regexp_replace({column}, '{runs}', '', 'g') else {column} end"


class _Stages(NamedTuple):
    """The column names of one type's stages."""

    name: str
    raw: str
    plain: str
    trimmed: str
    text: str
    kind: str

    @classmethod
    def of(cls, name: str) -> _Stages:
        return cls(name, *(f"{name}_{stage}" for stage in cls._fields[1:]))


@dataclass(frozen=True, slots=True)
class _Rules:
    """What distinguishes one type from another, as SQL expressions over its stages."""

    plain: str
    text: str
    kind: str
    wire: str


def _email(at: _Stages) -> _Rules:
    return _Rules(
        # Most are in lower case, and one that is not shows it within a few characters.
        plain=f"""case when strlen({at.raw}) > {LONGEST_EMAIL} then 0
            when strlen({at.raw}) in (32, 64) and not contains({at.raw}, '@') then
                case when {_matches(at.raw, "[0-9A-Fa-f]+")} then {_HASH} else 0 end
            when {_matches(at.raw, _spaced(_LOWER_EMAIL))} then {_LOWER}
            when {_matches(at.raw, _spaced(_PLAIN_EMAIL))} then {_CAPITAL}
            else 0 end""",
        text=f"case when {at.plain} = {_LOWER} then {at.trimmed} else lower({at.trimmed}) end",
        kind=f"""case when {at.plain} = {_HASH} then {AS_GIVEN}
            when {at.plain} > 0 then {HASHED}
            when coalesce({at.trimmed}, '') = '' then {BLANK}
            when length({at.text}) in (32, 64) and {_matches(at.text, "[0-9a-f]+")} then {AS_GIVEN}
            when length({at.text}) > {LONGEST_EMAIL} then {_OTHER_REASON}
            when {_matches(at.text, _EMAIL)} then {HASHED}
            else {_REASON} end""",
        wire=_hashed(at),
    )


def _phone_number(at: _Stages) -> _Rules:
    separators = rf"[-.()/{_TRIMMED_CLASS}]"
    digits = rf"regexp_replace(regexp_replace({at.trimmed}, '{separators}', '', 'g'), '^(?:[+]|00)', '')"
    return _Rules(
        plain=_matches(at.raw, _spaced(f"[+]?{_E164}")),
        text=f"""case when {at.plain} > 0 then replace({at.trimmed}, '+', '')
            when {_matches(f"lower({at.trimmed})", _HEX_64)} then lower({at.trimmed})
            else {digits} end""",
        kind=f"""case when {at.plain} > 0 then {HASHED}
            when coalesce({at.trimmed}, '') = '' then {BLANK}
            when length({at.trimmed}) = 64 and {_matches(at.text, _HEX_64)} then {AS_GIVEN}
            when {_matches(at.trimmed, "[+]?[0-9]+[.]0+")} then {_REASON}
            when {_matches(at.text, _NATIONAL)} then {_OTHER_REASON}
            when not {_matches(at.text, _E164)} then {_REASON}
            when regexp_matches({at.trimmed}, '[(][ ]*0[ ]*[)]') then {_OTHER_REASON}
            else {HASHED} end""",
        wire=_hashed(at),
    )


def _mobile_ad_id(at: _Stages) -> _Rules:
    return _Rules(
        plain=_matches(at.raw, _spaced(UUID)),
        text=f"lower({at.trimmed})",
        kind=f"""case when coalesce({at.trimmed}, '') = '' then {BLANK}
            when {at.text} = '{_NO_TRACKING}' then {_OTHER_REASON}
            when {at.plain} > 0 or {_matches(at.text, UUID)} then {HASHED}
            else {_REASON} end""",
        wire=f"case when {at.kind} = {HASHED} then unhex(replace({at.text}, '-', '')) end",
    )


def _opaque(at: _Stages) -> _Rules:
    return _Rules(
        plain=f"{_matches(at.raw, _spaced('[!-~]+'))} and length({at.raw}) <= {LONGEST_OPAQUE}",
        text=at.trimmed,
        kind=f"""case when {at.plain} > 0 then {HASHED}
            when coalesce({at.trimmed}, '') = '' then {BLANK}
            when length({at.text}) > {LONGEST_OPAQUE} then {_OTHER_REASON}
            when regexp_matches({at.text}, '{_CONTROL}') then {_REASON}
            else {HASHED} end""",
        wire=f"case when {at.kind} = {HASHED} then encode({at.text}) end",
    )


_RULES: Mapping[IdentifierType, Callable[[_Stages], _Rules]] = {
    IdentifierType.EMAIL: _email,
    IdentifierType.PHONE_NUMBER: _phone_number,
    IdentifierType.MOBILE_AD_ID: _mobile_ad_id,
}


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts)


def _matches(value: str, pattern: str) -> str:
    return f"regexp_full_match({value}, '{pattern}')"


def _spaced(pattern: str) -> str:
    """What the pattern matches, which no space is in, with any number of spaces at its ends."""
    return f" *(?:{pattern}) *"


def _trimmed(at: _Stages) -> str:
    spaced = f"case when contains({at.raw}, ' ') then replace({at.raw}, ' ', '') else {at.raw} end"
    return f"case when {at.plain} > 0 then {spaced} else {without_blanks(at.raw)} end"


def _hashed(at: _Stages) -> str:
    return f"unhex(case {at.kind} when {HASHED} then sha256({at.text}) when {AS_GIVEN} then {at.text} end)"
