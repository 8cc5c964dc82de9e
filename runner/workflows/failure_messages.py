"""One activation's failure stops no other: whatever it raises becomes a sentence of its own."""

from __future__ import annotations

from pathlib import Path

from runner.core.errors import HeadcountError, SegmentError
from runner.core.records import with_advice


def as_failure(error: Exception) -> HeadcountError:
    """The error as it can be shown. Of one that nobody foresaw only kind and place: its text may hold data."""
    if isinstance(error, SegmentError) and error.finding is not None:
        finding = error.finding
        return HeadcountError(f"{finding.location}: {finding.message}", error.hint or finding.hint)
    if isinstance(error, HeadcountError):
        return error
    return HeadcountError(
        f"Headcount met something it did not expect ({type(error).__name__}{_place(error)})",
        "this is a bug; HEADCOUNT_DEBUG=1 shows the traceback, which may hold personal data",
    )


def as_detail(error: Exception) -> str:
    """What went wrong and what to do about it, as a run is remembered."""
    failure = as_failure(error)
    return with_advice(failure.message, failure.hint)


def as_sentence(error: Exception) -> str:
    """What went wrong and what to do about it on one line."""
    failure = as_failure(error)
    return f"{failure.message}; {failure.hint}" if failure.hint else failure.message


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
