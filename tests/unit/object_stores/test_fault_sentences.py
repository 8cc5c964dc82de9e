"""Each reason has a sentence of its own and says what to do."""

from __future__ import annotations

import pytest

from runner.object_stores.fault_sentences import said
from runner.object_stores.interface import StoreFault, Why
from runner.object_stores.store_answers import code_of, is_final, lacked_credentials


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
@pytest.mark.parametrize("why", list(Why))
def test_every_reason_is_said_for_every_store(why: Why, scheme: str) -> None:
    what, hint = said(StoreFault(why, f"{scheme}://lake/x.csv", "503 Service Unavailable"))

    assert f"{scheme}://" in what
    assert hint or why is Why.NOT_DECLARED


def test_of_an_answer_only_its_status_and_code_are_kept() -> None:
    error = Exception("GET https://key:secret@host/x - status code: 403 Forbidden: <Code>AccessDenied</Code> AKIA123")

    assert code_of(error) == "403 Forbidden, AccessDenied"
    assert is_final(code_of(error))
    assert not is_final("429 Too Many Requests")
    assert not is_final("503 Service Unavailable")


def test_credentials_that_a_machine_was_asked_for_in_vain() -> None:
    assert lacked_credentials(Exception("Error performing PUT http://169.254.169.254/latest/api/token"))
    assert not lacked_credentials(Exception("Error performing GET https://lake.s3.amazonaws.com/x"))
