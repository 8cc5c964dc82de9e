"""Where a Flight SQL server is, and the options that its driver is given.

https://arrow.apache.org/adbc/current/driver/flight_sql.html names the options.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from runner.sources.interface import Declaration
from runner.sources.warehouse import WarehouseSource

FIELDS = ("uri", "host", "port", "user")

_SCHEMES = frozenset({"grpc", "grpc+tcp", "grpc+tls"})
_PORT = "31337"


def judge(written: Declaration) -> None:
    """Refuse what is wrong with the fields that say where the server is."""
    uri = written.value("uri")
    both = [name for name in ("host", "port") if written.value(name) is not None]
    if uri is None and written.value("host") is None:
        written.refuse("missing-field", "the source needs a `uri`, or a `host`, to say where the server is", "type")
    elif uri is not None and both:
        message = f"the source has both `uri` and `{both[0]}`; keep one of them"
        written.refuse("contradictory-fields", message, both[0], at_key=True)
    elif uri is not None and not _is_plain(str(uri)):
        message = "uri is no address of a Flight SQL server alone, such as grpc+tls://flight.example.com:31337"
        written.refuse("invalid-value", message, "uri")


def _is_plain(uri: str) -> bool:
    try:
        split = urlsplit(uri)
        port = split.port
    except ValueError:
        return False
    whole = f"{split.scheme}://{split.netloc}" == uri.rstrip("/") and "@" not in split.netloc
    return split.scheme in _SCHEMES and bool(split.hostname) and port is not None and whole


def _uri(source: WarehouseSource) -> str:
    settings = source.settings
    return settings.get("uri", f"grpc+tls://{settings.get('host', '')}:{settings.get('port', _PORT)}")


def hosts(source: WarehouseSource) -> tuple[str, ...]:
    """The host that the source's secrets go to."""
    return (urlsplit(_uri(source)).hostname or "",)


def options(source: WarehouseSource) -> dict[str, str]:
    """The options of a connection, which hold the secret."""
    given = {"uri": _uri(source), "adbc.flight.sql.rpc.timeout_seconds.connect": "10"}
    if source.method == "token":
        given["adbc.flight.sql.authorization_header"] = f"Bearer {source.secret('token')}"
    elif source.method == "password":
        given |= {"username": source.settings.get("user", ""), "password": source.secret("password")}
    return given
