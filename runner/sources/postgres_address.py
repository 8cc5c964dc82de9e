"""Where a Postgres database is: the fields of a source or its `uri`, and the address that libpq is given.

Every part of that address is spelled out. What is left open libpq would take from the environment and from files of the
machine's, a password among them, and send it to the host that a file under review names.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from runner.quick_dataclass import dataclass
from runner.sources.interface import Declaration
from runner.sources.warehouse import WarehouseSource

FIELDS = ("uri", "host", "port", "database", "user")

_PARAMETERS = frozenset(
    {"host", "port", "dbname", "user", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslnegotiation"}
    | {"channel_binding", "connect_timeout", "gssencmode", "krbsrvname", "target_session_attrs", "load_balance_hosts"}
)
"""What a `uri` may say after its `?`: nothing that is a secret, names a file with some, or sets the session."""

_CONNECT_SECONDS = "10"
_NO_FILE = "/dev/null/none"
"""A file that cannot be there: libpq would look for a password in one of the machine's."""
_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class _Address:
    """The parts of an address; several hosts stand with commas between them."""

    host: str
    port: str
    database: str
    user: str
    parameters: Mapping[str, str]

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(self.host.split(","))

    @property
    def is_local(self) -> bool:
        """Whether nothing leaves this machine: a socket, or an address of its own."""
        return all(one in _LOCAL or one.startswith(("/", "@")) for one in self.hosts)


def judge(written: Declaration) -> None:
    """Refuse what is wrong with the fields that say where the database is."""
    uri = written.value("uri")
    others = [name for name in FIELDS[1:] if written.value(name) is not None]
    if uri is None and "host" not in others:
        message = "the source needs a `uri`, or a `host`, to say where the database is"
        written.refuse("missing-field", message, "type")
    elif uri is not None and others:
        message = f"the source has both `uri` and `{others[0]}`; keep one of them: a uri says it all"
        written.refuse("contradictory-fields", message, others[0], at_key=True)
    elif uri is not None:
        _judge_uri(str(uri), written)


def _judge_uri(uri: str, written: Declaration) -> None:
    split = _split(uri)
    if split is None:
        example = "postgresql://headcount@db.example.com:5432/shop?sslmode=verify-full"
        written.refuse("invalid-value", f"uri is no address of a Postgres database, such as {example}", "uri")
        return
    query = parse_qsl(split.query, keep_blank_values=True)
    if split.password or any(name in ("password", "sslpassword") for name, _ in query):
        message = "uri holds a password, which would be in git; write it under `auth`"
        written.refuse("literal-secret", message, "uri")
    elif any(name not in _PARAMETERS for name, _ in query):
        message = f"uri sets something that a source may not set; it takes: {', '.join(sorted(_PARAMETERS))}"
        written.refuse("invalid-value", message, "uri")


def _split(uri: str) -> SplitResult | None:
    try:
        split = urlsplit(uri)
    except ValueError:
        return None
    return split if split.scheme in ("postgresql", "postgres") else None


def hosts(source: WarehouseSource) -> tuple[str, ...]:
    """The hosts that the source's secrets go to; none for a socket of this machine."""
    return tuple(one for one in _address(source.settings).hosts if one and not one.startswith(("/", "@")))


def conninfo(source: WarehouseSource, scheme: str = "postgresql") -> str:
    """The address that libpq is given, with the password in it."""
    at = _address(source.settings)
    parameters = {
        "sslmode": "prefer" if at.is_local else "require",
        "connect_timeout": _CONNECT_SECONDS,
        "gssencmode": "disable",
        **at.parameters,
        "host": at.host,
        "port": at.port,
        "dbname": at.database,
        "user": at.user,
        "password": source.secret("password"),
        "passfile": _NO_FILE,
        "client_encoding": "UTF8",
        "application_name": "headcount",
    }
    # An empty password keeps libpq from looking into the environment, and then it looks into a file.
    given = {name: value for name, value in parameters.items() if value or name == "password"}
    return f"{scheme}://?{urlencode(given, quote_via=quote)}"


def _address(settings: Mapping[str, str]) -> _Address:
    if "uri" not in settings:
        host, port, database, user = (settings.get(name, "") for name in FIELDS[1:])
        return _Address(host, port, database or user, user, {})
    split = _split(settings["uri"])
    assert split is not None
    query = dict(parse_qsl(split.query))
    places = split.netloc.rpartition("@")[2]
    named = [_host_and_port(one) for one in places.split(",")] if places else []
    host = query.pop("host", ",".join(host for host, _ in named))
    port = query.pop("port", ",".join(port for _, port in named).strip(","))
    user = query.pop("user", unquote(split.username or ""))
    database = query.pop("dbname", unquote(split.path.lstrip("/")))
    return _Address(host, port, database, user, query)


def _host_and_port(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, port.lstrip(":")
    host, _, port = text.partition(":")
    return unquote(host), port
