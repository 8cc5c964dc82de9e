"""A segment whose source files change while they are read: read again once, its data faults reported at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from runner.core.errors import SegmentError
from runner.core.project import SqlText
from runner.engine.duckdb.file_identity import SourceReplaced
from runner.engine.duckdb.instance_pool import Instance
from runner.engine.segments.conversion_faults import compared_text, wrong_literal
from runner.engine.segments.data_file_errors import behind_running
from runner.engine.segments.segment_errors import changing
from runner.object_stores.interface import StoreFault, Why
from runner.sources.data_faults import faulty

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")


def unless_replaced(sql: SqlText, read: Callable[[], T]) -> T:
    """What `read` gives, or gives the second time, where a source file was replaced the first time.

    Raises SegmentError where that happens once more: rows of two files are nobody's segment.
    """
    try:
        return _once(read)
    except SourceReplaced:
        try:
            return _once(read)
        except SourceReplaced as replaced:
            raise changing(sql, replaced.file) from None


def _once(read: Callable[[], T]) -> T:
    """Raises SourceReplaced for an object that changed, too."""
    try:
        return read()
    except StoreFault as fault:
        if fault.why is not Why.CHANGED:
            raise
        raise SourceReplaced(fault.url) from None


@contextmanager
def blaming_data(
    instance: Instance, connection: Callable[[], duckdb.DuckDBPyConnection], sql: SqlText, before: int
) -> Iterator[None]:
    """Around the statement that reads the sources: raises SourceReplaced where their files are others at its end.

    What failed for the fault of a data file is a SegmentError of that file, and what failed for what the SQL asks of
    its values one of the SQL, before which `before` bytes were put. `connection` gives one that runs no SQL of a
    segment.
    """
    from runner.engine.duckdb.compiled import duckdb

    try:
        yield
    except duckdb.Error as error:
        instance.require_unreplaced()
        wrong = wrong_literal(error, sql, before)
        fault = None if wrong else behind_running(error, instance.reachable, connection(), sql.text)
        wrong = wrong or compared_text(error, sql, before, fault)
        if wrong is not None:
            raise SegmentError(wrong.message, wrong.hint, wrong) from None
        if fault is None:
            raise
        raise faulty(fault) from None
    instance.require_unreplaced()
