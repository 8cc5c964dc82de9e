"""Where a Spark Connect server is: the `url` of a source, and the options that its driver is given."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from runner.quick_dataclass import dataclass
from runner.sources.interface import Declaration
from runner.sources.warehouse import WarehouseSource

FIELDS = ("url",)

_PARAMETERS = frozenset({"use_ssl", "user_id"})
"""What a `url` may say after its `;`: nothing that is a secret. What a driver does not know it sends as a header."""

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_PORT = 15002


@dataclass(frozen=True, slots=True)
class _Address:
    host: str
    port: int
    parameters: dict[str, str]


def judge(written: Declaration) -> None:
    """Refuse what is wrong with the url."""
    url = written.value("url")
    if url is None:
        written.refuse("missing-field", "the source needs a `url`, such as sc://spark.example.com:15002", "type")
        return
    address = _address(str(url))
    if address is None:
        written.refuse("invalid-value", "url is no address of a Spark Connect server, such as sc://host:15002", "url")
    elif "token" in address.parameters:
        written.refuse("literal-secret", "url holds a token, which would be in git; write it under `auth`", "url")
    elif not _PARAMETERS.issuperset(address.parameters):
        message = f"url sets something that a source may not set; it takes: {', '.join(sorted(_PARAMETERS))}"
        written.refuse("invalid-value", message, "url")


def hosts(source: WarehouseSource) -> tuple[str, ...]:
    """The host that the source's secrets go to."""
    return (_of(source).host,)


def options(source: WarehouseSource) -> dict[str, str]:
    """The driver's options: what leaves this machine is encrypted unless the url says otherwise, a token always."""
    at = _of(source)
    encrypted = at.parameters.get("use_ssl", "false" if at.host in _LOCAL else "true") == "true"
    given = {
        "uri": f"sc://{f'[{at.host}]' if ':' in at.host else at.host}:{at.port}",
        "adbc.spark.tls.enabled": "true" if encrypted or source.secret("token") else "false",
        "adbc.spark.user_agent": "headcount",
        "adbc.spark.user_id": at.parameters.get("user_id", "headcount"),
    }
    if source.secret("token"):
        given["adbc.spark.token"] = source.secret("token")
    return given


def _of(source: WarehouseSource) -> _Address:
    address = _address(source.settings["url"])
    assert address is not None
    return address


def _address(url: str) -> _Address | None:
    try:
        split = urlsplit(url)
        host, port = split.hostname or "", split.port or _PORT
    except ValueError:
        return None
    if split.scheme != "sc" or not host or split.username or split.query or split.fragment:
        return None
    parts = [part.partition("=") for part in split.path.lstrip("/").lstrip(";").split(";") if part]
    return _Address(host, port, {name: unquote(value) for name, _, value in parts})
