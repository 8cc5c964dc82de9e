"""What the BigQuery driver is given: the project that runs and pays for queries, and how to log in.

https://arrow.apache.org/adbc/current/driver/bigquery.html names the options.
"""

from __future__ import annotations

from runner.sources.interface import Declaration
from runner.sources.key_files import google_key
from runner.sources.warehouse import WarehouseSource

FIELDS = ("project", "dataset", "location")

_SQL = "adbc.bigquery.sql"


def judge(written: Declaration) -> None:
    """Refuse a source without a project."""
    if written.value("project") is None:
        written.refuse("missing-field", "the source needs a `project`, which runs and pays for its queries", "type")


def hosts(_: WarehouseSource) -> tuple[str, ...]:
    """The hosts that the source's secrets go to."""
    return ("bigquery.googleapis.com",)


def options(source: WarehouseSource) -> dict[str, str]:
    """The options of a connection, which hold the secret. Without `auth`, the machine's own credentials are used.

    Raises UnusableSecret.
    """
    given = {
        f"{_SQL}.project_id": source.settings["project"],
        f"{_SQL}.dataset_id": source.settings.get("dataset", ""),
        f"{_SQL}.location": source.settings.get("location", ""),
        f"{_SQL}.auth_type": f"{_SQL}.auth_type.auth_bigquery",
    }
    if source.method == "service-account":
        given[f"{_SQL}.auth_type"] = f"{_SQL}.auth_type.json_credential_string"
        given[f"{_SQL}.auth_credentials"] = google_key(source)
    return {name: value for name, value in given.items() if value}
