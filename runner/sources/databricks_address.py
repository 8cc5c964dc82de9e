"""Where a Databricks cluster is: it speaks Spark Connect, and a header says which cluster is meant.

https://docs.databricks.com/dev-tools/databricks-connect/python/advanced.html has the form of the address, and
https://docs.databricks.com/dev-tools/auth/oauth-m2m.html how a service principal gets a token from the same host.
"""

from __future__ import annotations

import re

from runner.sources import oauth_client
from runner.sources.interface import Declaration
from runner.sources.warehouse import WarehouseSource

FIELDS = ("host", "cluster")

_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_CLUSTER = re.compile(r"[A-Za-z0-9-]+")


def judge(written: Declaration) -> None:
    """Refuse what is wrong with the fields that say which cluster is meant."""
    for field, form, example in (
        ("host", _HOST, "dbc-a1b2c3d4-e5f6.cloud.databricks.com"),
        ("cluster", _CLUSTER, "0123-456789-abcdefgh"),
    ):
        value = written.value(field)
        if value is None:
            written.refuse("missing-field", f"the source needs a `{field}`, such as {example}", "type")
        elif not form.fullmatch(str(value)):
            written.refuse("invalid-value", f"{field} must be its name alone, such as {example}", field)


def hosts(source: WarehouseSource) -> tuple[str, ...]:
    """The host that the source's secrets go to."""
    return (source.settings["host"],)


def options(source: WarehouseSource) -> dict[str, str]:
    """The driver's options, which hold the token. It is always encrypted. Raises UnusableSecret."""
    host = source.settings["host"]
    given = source.secret("token")
    if source.method == oauth_client.METHOD:
        given = oauth_client.token(source, f"https://{host}/oidc/v1/token", "all-apis")
    return {
        "uri": f"sc://{host}:443",
        "adbc.spark.tls.enabled": "true",
        "adbc.spark.user_agent": "headcount",
        "adbc.spark.headers.x-databricks-cluster-id": source.settings["cluster"],
        "adbc.spark.token": given,
    }
