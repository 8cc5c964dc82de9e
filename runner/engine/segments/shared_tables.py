"""Which tables several of a run's segments read, as far as their text says: a name that occurs may be a column's.

To be wrong costs time and nothing else: a table that one segment reads is parsed once more, or one that several read
is parsed by each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from runner.core.project import Evaluated, Source, TableName
from runner.core.sql_quoting import folded
from runner.sources.registry import kind_of


def shared_tables(segments: Iterable[Evaluated], sources: Iterable[Source]) -> Mapping[TableName, int]:
    """How many of the segments hold the names of a source's declared table, in lower case, where two or more do."""
    known = [(folded(one.name), folded(table)) for one in sources for table in kind_of(one).tables(one)]
    found = Counter(name for text in map(_text, segments) for name in known if name[0] in text and name[1] in text)
    return {name: times for name, times in found.items() if times > 1}


def _text(one: Evaluated) -> str:
    """The SQL of a segment that the embedded engine runs, in lower case; that of conditions names their tables, too."""
    return "" if one.segment.source else folded(one.segment.sql.text)
