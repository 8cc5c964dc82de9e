"""Which column names may be shown: DuckDB takes a CSV file's first row for names when it has no header line.

A surname looks like a name that a person chose. So of a CSV file, and of the keys of JSON, only names made of words
that headers are made of are shown, and those that the SQL holds anyway.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from runner.sources.interface import NamesFrom

HEADER = "does every CSV file have a header line, and every line as many fields as it?"

_DIGITS = 4
"""Digits that a column name may have and still be shown."""

_WORDS = frozenset(
    """
    account active ad address advertiser age amount birth brand category channel city clicks client code
    column consent contact count country created currency customer customers date device email emails external
    fax first gaid gender given group gum hash hashed id identifier idfa idfv ids key language last lead
    locale login lower ltv madid mail marketing md5 member middle mobile msisdn name newsletter number opt optin order
    orders phone postal product purchase purchased purchases region registered revenue score segment sha
    sha256 spend status store subscribed subscriber surname tel telephone tier time timestamp total type
    updated url user username users uuid value visits zip
    """.split()  # noqa: SIM905 (a list would be a page long)
)


def presentable(name: str) -> bool:
    """Whether a column name looks like one that a person chose."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,39}", name) is not None and sum(map(str.isdigit, name)) <= _DIGITS


def showable(names: Iterable[str], sql: str, names_from: NamesFrom) -> tuple[str, ...]:
    """Those of the names that can be shown, by where they may come from."""
    written = {word.lower() for word in re.findall(r"\w+", sql)}
    chosen = names_from is NamesFrom.SCHEMA
    return tuple(name for name in names if presentable(name) and (chosen or _chosen(name, written)))


def yielded(names: Iterable[str], columns: Collection[str], sql: str, names_from: NamesFrom) -> tuple[str, ...]:
    """Those of the names that a query yields that can be shown; `columns` are those of its sources.

    Any other name may be made of data, as UNNEST of a STRUCT and PIVOT do: it is judged as a key of JSON is.
    """
    from_data = max(names_from, NamesFrom.JSON)
    return tuple(name for name in names if showable((name,), sql, names_from if name in columns else from_data))


def _chosen(name: str, written: set[str]) -> bool:
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[a-z]", re.sub(r"(?i)sha256|md5", "hash", name))
    return name.lower() in written or all(part.lower() in _WORDS for part in parts)
