"""The warehouses there are, a row each: how one is declared, which driver reaches it, how a session of it begins.

This is the only place that knows one of them by name.
"""

from __future__ import annotations

from runner.core.sql_quoting import literal
from runner.sources import postgres_address, spark_address
from runner.sources.warehouse import Driver, WarehouseKind, WarehouseSource

_LONGEST_LABEL = 63
"""Bytes of a session's name that Postgres keeps."""


def _postgres_options(source: WarehouseSource) -> dict[str, str]:
    return {"uri": postgres_address.conninfo(source)}


def _postgres_begin(label: str, seconds: float) -> tuple[str, ...]:
    """All of it holds for one transaction, which is rolled back: nothing of a segment stays in the session."""
    return (
        "set transaction isolation level repeatable read, read only",
        "set local timezone = 'UTC'",
        "set local standard_conforming_strings = on",
        f"set local statement_timeout = {max(1, round(seconds * 1000))}",
        f"set local application_name = {literal(label[:_LONGEST_LABEL])}",
    )


_POSTGRES_PROBE = "select current_setting('transaction_read_only'), current_setting('is_superuser')"


def _nothing_to_begin(*_: object) -> tuple[str, ...]:
    """Each statement stands alone; a comment names it, and the time limit is kept from here."""
    return ()


WAREHOUSES: tuple[WarehouseKind, ...] = (
    WarehouseKind(
        type="postgres",
        title="a Postgres database",
        fields=postgres_address.FIELDS,
        methods={"password": {"password": "PGPASSWORD"}},
        judge=postgres_address.judge,
        hosts=postgres_address.hosts,
        driver=Driver(
            "adbc_driver_postgresql", "postgres", "postgres", _postgres_options, _postgres_begin, _POSTGRES_PROBE
        ),
    ),
    WarehouseKind(
        type="spark",
        title="a Spark Connect server",
        fields=spark_address.FIELDS,
        methods={"token": {"token": "SPARK_TOKEN"}},
        judge=spark_address.judge,
        hosts=spark_address.hosts,
        driver=Driver(
            package="adbc_driver_spark",
            extra="spark",
            dialect="spark",
            options=spark_address.options,
            begin=_nothing_to_begin,
            first="select 1",
            settings=("set time zone 'UTC'",),
            zone="select current_timezone()",
            quote="`",
            comment=True,
            transactions=False,
            describes=False,
        ),
    ),
)
