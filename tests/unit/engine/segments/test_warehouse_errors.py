"""What drivers' errors become, for warehouses that the tests cannot run."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.project import SqlText
from runner.engine.segments.warehouse.driver_errors import fault_of, login_failure
from runner.engine.segments.warehouse.warehouse_sentences import failed, refused

SQL = SqlText("select é,\n  emial\nfrom people", "segments/loyal.sql", 1)
BEFORE = len("select * from (\n")
CANARY = "canary.bird@leak-detector.example"


class DriverError(Exception):
    """An error as the driver manager raises it."""

    def __init__(self, text: str, *, sqlstate: str | None = None, vendor_code: int = 0, status_code: int = 9) -> None:
        super().__init__(text)
        self.sqlstate, self.vendor_code, self.status_code = sqlstate, vendor_code, status_code
        self.details: list[Any] = []


def snowflake(number: int, text: str) -> Any:
    return DriverError(f"INTERNAL: [Snowflake] {number:06} (42000): {text}", sqlstate="42000", vendor_code=number)


def test_snowflake_says_the_line_and_the_place_in_it() -> None:
    text = "SQL compilation error: error line 3 at position 2\ninvalid identifier 'EMIAL'"
    found = refused(fault_of(snowflake(904, text)), SQL, BEFORE)
    assert (found.code, found.message) == ("sql-unknown-column", 'there is no column "emial"')
    assert (found.location.line, found.location.column, found.length) == (2, 3, 5)


@pytest.mark.parametrize("line", [0, 1, 9, 999999])
def test_a_line_that_is_not_the_segments_is_not_shown(line: int) -> None:
    found = refused(fault_of(snowflake(904, f"error line {line} at position 7")), SQL, BEFORE)
    assert (found.location.line, found.location.column) == (1, 1)
    assert found.message == "there is no column of a name that the SQL writes"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (snowflake(100038, f"Numeric value '{CANARY}' is not recognized"), "a value cannot be converted"),
        (snowflake(100051, "Division by zero"), "a number is divided by zero"),
        (snowflake(3001, f"Insufficient privileges to operate on {CANARY}"), "the role may not read something"),
        (DriverError(f"INTERNAL: [Spark] [CAST_INVALID_INPUT] The value '{CANARY}'"), "a value cannot be converted"),
        (DriverError(f"INTERNAL: [Spark] [DIVIDE_BY_ZERO] {CANARY}"), "a number is divided by zero"),
        (DriverError(f"INTERNAL: [Spark] [USER_RAISED_EXCEPTION] {CANARY}"), "the SQL of a function"),
        (DriverError(f"googleapi: Error 400: Bad double value: {CANARY}"), "the query failed while it ran"),
        (DriverError(f"[FlightSQL] {CANARY} (Internal; ExecuteQuery)"), "the query failed while it ran"),
    ],
)
def test_a_class_of_error_is_said_and_no_value(error: Any, message: str) -> None:
    error_of_ours = failed(fault_of(error), SQL)
    assert error_of_ours.message.startswith(message)
    assert CANARY not in f"{error_of_ours.message} {error_of_ours.hint} {error_of_ours.finding}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "[Snowflake] 390100 (08004): Incorrect username or password was specified.",
            "the user or the password is wrong",
        ),
        ("[Snowflake] 390144 (08004): JWT token is invalid.", "the private key is not one of this user's"),
        (
            "[Snowflake] Failed to parse PEM block containing the private key",
            "the private key is none that can be read",
        ),
        ("[Spark] rpc error: code = Unauthenticated desc = hunter2", "what `auth` names is wrong, or not accepted"),
        ("[FlightSQL] dial tcp: lookup f.example.com: no such host", "there is no host of that name"),
        ("googleapi: hunter2", "the login failed"),
    ],
)
def test_a_login_fails_for_a_reason_of_ours(text: str, why: str) -> None:
    error: Any = DriverError(text)
    assert login_failure(error).why.startswith(why)
    assert "hunter2" not in login_failure(error).why
