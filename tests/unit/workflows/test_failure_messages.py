"""What is shown of an error."""

from __future__ import annotations

from runner.core.errors import DestinationError, SegmentError
from runner.core.findings import Finding
from runner.workflows.failure_messages import as_failure, as_sentence
from tests.builders import HERE


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:  # noqa: BLE001 - to have a place
        return caught


def test_an_error_of_ours_is_shown_as_it_is() -> None:
    error = DestinationError("refused", "ask them")
    assert as_failure(error) is error
    assert as_sentence(error) == "refused; ask them"
    assert as_sentence(DestinationError("refused")) == "refused"


def test_a_segments_error_has_its_place_in_the_files() -> None:
    found = Finding(HERE, "sql-error", "there is no column x", hint="did you mean y?")
    failure = as_failure(SegmentError("it failed", finding=found))
    assert failure.message == f"{HERE}: there is no column x"
    assert failure.hint == "did you mean y?"


def test_of_an_error_that_nobody_foresaw_kind_and_place_are_shown_and_never_its_text() -> None:
    failure = as_failure(raised(KeyError("ann@example.com")))
    assert "KeyError at test_failure_messages.py:" in failure.message
    assert "ann" not in as_sentence(failure)
