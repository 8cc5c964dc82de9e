"""One sync of condor-retl, run by its own Python: `condor_sync.py DATABASE URL`.

The audience goes through its Meta connector, the one with a membership diff and batches; Meta's address is replaced by
the sink's. All else is as its own guide shows it.
"""
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import sys

import retl
import retl_meta.common
from retl.backends.duckdb import DuckDBSqlBackend
from retl.declarations import SecretLiteral


def main(database: str, url: str) -> None:
    retl_meta.common.META_DEFAULT_BASE_URL = url
    backend = DuckDBSqlBackend(database=database, source_schema="main", runtime_schema="retl")
    audience = retl.state(
        name="everyone",
        source=retl.source(
            name="people",
            mode="snapshot",
            backend=backend.source_backend(),
            query="select customer_id, email from people",
        ),
        key={"customer_id": "customer_id"},
        identifiers=[{"type": "email", "value": "email"}],
        target=retl.target("everyone"),
    )
    meta = retl.destinations.load(
        "retl/meta",
        binding_name="meta",
        credentials={"access_token": SecretLiteral("none")},
        config={"ad_account_id": "act_1"},
    )
    sync = retl.sync(name="everyone", declaration=audience, destination=meta, surface="custom_audiences")
    result = retl.runner(name="everyone", runtime_store=backend.runtime_store()).run(sync, dry_run=False)
    print(result.to_text())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
