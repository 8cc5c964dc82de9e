"""What a driver's errors become: kinds of fault that hold no value of the data.

Of an error nothing is read but its SQLSTATE, its status and the place in the SQL. Where a driver gives a text alone, as
while rows are read, it is looked through for words of the server's own that come before any value, and thrown away.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from runner.quick_dataclass import dataclass, replace

if TYPE_CHECKING:
    import adbc_driver_manager

LOST = "08000"
"""The class of a connection that is not there any more."""
CANCELLED = "57014"
UNKNOWN = ""
_NOT_IMPLEMENTED = 2
"""ADBC's status of a call that a driver does not have."""
_LINE = re.compile(r"error line (\d{1,6}) at position (\d{1,6})\b")
"""How Snowflake says where in the SQL something is wrong."""
_POSITION = b"PG_DIAG_STATEMENT_POSITION"

_WORDS = (
    ("canceling statement due to conflict", "40001"),
    ("canceling statement", CANCELLED),
    ("terminating connection", LOST),
    ("server closed the connection", LOST),
    ("no connection to the server", LOST),
    ("connection not open", LOST),
    ("could not receive data", LOST),
    ("SSL SYSCALL", LOST),
    ("SSL connection has been closed", LOST),
    ("the database system is", "57P03"),
    ("cannot execute", "25006"),
    ("transaction read-write mode must be set", "25006"),
    ("permission denied", "42501"),
    ("division by zero", "22012"),
    ("invalid input syntax for type date", "22007"),
    ("invalid input syntax for type time", "22007"),
    ("invalid input syntax", "22P02"),
    ("date/time field value out of range", "22008"),
    ("out of range", "22003"),
    ("value too long", "22001"),
    ("duplicate key value", "23505"),
    ("more than one row returned by a subquery", "21000"),
    ("requested length too large", "54000"),
    ("invalid memory alloc request size", "54000"),
    ("out of memory", "53200"),
    ("context canceled", CANCELLED),
    ("connection error", LOST),
    ("transport is closing", LOST),
    ("attribute ObjectName", "42703"),
    ("Table not found", "42P01"),
    ("unknown function", "42883"),
    ("invalid argument: found", "42601"),
    ("Scalar subquery returned more than one row", "21000"),
    ("Can't cast value", "22003"),
    ("No space left on device", "53100"),
)
"""How servers begin what they say, and the SQLSTATE of that."""

_LOGIN_WORDS = (
    ("password authentication failed", "the user or the password is wrong"),
    ("no password supplied", "it asks for a password; write `auth`"),
    ("incorrect username or password", "the user or the password is wrong"),
    ("jwt token is invalid", "the private key is not one of this user's"),
    ("pem block", "the private key is none that can be read: it is a PKCS #8 key, as PEM or base64"),
    ("not allowed to access snowflake", "its network policy does not let this machine log in"),
    ("unauthenticated", "what `auth` names is wrong, or not accepted"),
    ("invalid token", "what `auth` names is wrong, or not accepted"),
    ("permissiondenied", "it does not let this user log in"),
    ("no pg_hba.conf entry", "it does not let this user log in from this machine"),
    ("could not translate host name", "there is no host of that name"),
    ("produced zero addresses", "there is no host of that name"),
    ("no such host", "there is no host of that name"),
    ("connection refused", "nothing answers there"),
    ("timeout expired", "it did not answer in time"),
    ("timed out", "it did not answer in time"),
    ("i/o timeout", "it did not answer in time"),
    ("no route to host", "there is no way to it from this network"),
    ("network is unreachable", "there is no way to it from this network"),
    ("no such file or directory", "there is no such socket"),
    ("role", "there is no such user"),
    ("database", "there is no such database"),
    ("certificate", "its certificate is not one that this machine trusts"),
    ("server does not support ssl", "it does not encrypt connections, which is asked for"),
    ("first record does not look like a tls handshake", "it does not encrypt connections, which is asked for"),
    ("too many clients", "it takes no more connections at the moment"),
    ("remaining connection slots", "it takes no more connections at the moment"),
)
"""Words in which a login fails, and what is said of it; role and database only where there are none."""

_SPARK_CLASSES = {
    "DIVIDE_BY_ZERO": "22012",
    "CAST_INVALID_INPUT": "22P02",
    "CAST_OVERFLOW": "22003",
    "ARITHMETIC_OVERFLOW": "22003",
    "NUMERIC_VALUE_OUT_OF_RANGE": "22003",
    "CANNOT_PARSE_TIMESTAMP": "22007",
    "MALFORMED_RECORD_IN_PARSING": "22023",
    "SCALAR_SUBQUERY_TOO_MANY_ROWS": "21000",
    "USER_RAISED_EXCEPTION": "P0001",
    "TABLE_OR_VIEW_NOT_FOUND": "42P01",
    "SCHEMA_NOT_FOUND": "3F000",
    "UNRESOLVED_COLUMN": "42703",
    "UNRESOLVED_ROUTINE": "42883",
    "AMBIGUOUS_REFERENCE": "42702",
    "MISSING_AGGREGATION": "42803",
    "DATATYPE_MISMATCH": "42804",
    "PARSE_SYNTAX_ERROR": "42601",
    "INSUFFICIENT_PERMISSIONS": "42501",
    "OPERATION_CANCELED": CANCELLED,
}
"""What Spark calls its errors, and their SQLSTATE."""


_SNOWFLAKE_CODES = {
    904: "42703",
    1003: "42601",
    2003: "42P01",
    2043: "42703",
    2140: "42883",
    2141: "42883",
    3001: "42501",
    604: CANCELLED,
    630: CANCELLED,
    100035: "22007",
    100038: "22P02",
    100040: "22007",
    100051: "22012",
    100069: "22P02",
    390111: LOST,
    390114: LOST,
}
"""Snowflake's numbers of errors, and their SQLSTATE elsewhere: its own are less exact."""


@dataclass(frozen=True, slots=True)
class WarehouseFault:
    """What a warehouse refused: its SQLSTATE (empty where it has none), and the character of the SQL, from 0; or its
    line, from 1, and the character there, from 0.

    `has_no_such_call`: it was the driver that refused, since it cannot do this at all.
    """

    state: str = UNKNOWN
    position: int | None = None
    line: tuple[int, int] | None = None
    has_no_such_call: bool = False

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone, so that nothing else can be asked through it."""
        return self.state.startswith("08") or self.state in ("57P01", "57P02", "57P03")


class WarehouseError(Exception):
    """A statement failed. Nothing of the driver's text is kept."""

    def __init__(self, fault: WarehouseFault) -> None:
        super().__init__(fault.state)
        self.fault = fault


class CannotLogIn(Exception):
    """The warehouse is out of reach, or refused the login: `why` says how, in our own words."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def fault_of(error: adbc_driver_manager.Error) -> WarehouseFault:
    """The fault of a statement."""
    state = error.sqlstate or ""
    if error.vendor_code in _SNOWFLAKE_CODES and "[Snowflake]" in str(error):
        found = _LINE.search(str(error))
        line = (int(found[1]), int(found[2])) if found else None
        return WarehouseFault(_SNOWFLAKE_CODES[error.vendor_code], line=line)
    if not re.fullmatch("[0-9A-Z]{5}", state):
        return replace(fault_in(str(error)), has_no_such_call=error.status_code == _NOT_IMPLEMENTED)
    details: dict[Any, Any] = dict(error.details)  # the keys are bytes, though declared to be text
    place = (details.get(_POSITION) or b"").decode("ascii", "replace")
    return WarehouseFault(state, int(place) - 1 if place.isdigit() else None)


def fault_in(text: str) -> WarehouseFault:
    """The fault that a text speaks of, as far as the words are known."""
    head = text.partition('"')[0]
    for name in re.findall(r"\[([A-Z][A-Z_]+)(?:\.[A-Z_]+)?\]", head):
        if name in _SPARK_CLASSES:
            return WarehouseFault(_SPARK_CLASSES[name])
    return WarehouseFault(next((state for words, state in _WORDS if words in head), UNKNOWN))


def login_failure(error: adbc_driver_manager.Error) -> CannotLogIn:
    """Why a login failed."""
    text = str(error).lower()
    for words, why in _LOGIN_WORDS:
        absent = rf'{words} "[^"]*" does not exist'
        if words in text and (words not in ("role", "database") or re.search(absent, text)):
            return CannotLogIn(why)
    return CannotLogIn("the login failed")
