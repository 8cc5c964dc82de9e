"""The warehouses there are, a row each: how one is declared, which driver reaches it, how a session of it begins.

This is the only place that knows one of them by name.
"""

from __future__ import annotations

from runner.core.sql_quoting import literal
from runner.sources import (
    bigquery_options,
    databricks_address,
    flightsql_address,
    postgres_address,
    snowflake_options,
    spark_address,
)
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
        f"set local statement_timeout = {_milliseconds(seconds)}",
        f"set local application_name = {literal(label[:_LONGEST_LABEL])}",
    )


def _redshift_begin(label: str, seconds: float) -> tuple[str, ...]:
    """Redshift has no sessions that are read-only; a query group is what names a query in its logs."""
    return (
        "set timezone to 'UTC'",
        f"set statement_timeout to {_milliseconds(seconds)}",
        f"set query_group to {literal(label)}",
    )


def _snowflake_begin(label: str, seconds: float) -> tuple[str, ...]:
    """Snowflake has no sessions that are read-only either; names in quotes mean what they say, whatever the account's
    settings are, and one text is one statement.
    """
    return (
        f"alter session set timezone = 'UTC', query_tag = {literal(label)}, multi_statement_count = 1, "
        f"quoted_identifiers_ignore_case = false, statement_timeout_in_seconds = {max(1, round(seconds))}",
    )


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _nothing_to_begin(*_: object) -> tuple[str, ...]:
    """Each statement stands alone; a comment names it, and the time limit is kept from here."""
    return ()


_TABLES = """
    select table_schema || '.' || table_name from information_schema.tables
    where lower(table_schema) not in ('pg_catalog', 'information_schema', 'pg_internal') limit 10000
"""
_POSTGRES_PROBE = "select current_setting('transaction_read_only'), current_setting('is_superuser')"


def _spark_driver(dialect: str) -> Driver:
    """Spark Connect's, which logs in with the first query; a server may not let its sessions be put into UTC."""
    return Driver(
        package="adbc_driver_spark",
        extra="spark",
        dialect=dialect,
        options=spark_address.options if dialect == "spark" else databricks_address.options,
        begin=_nothing_to_begin,
        first="select 1",
        settings=("set time zone 'UTC'",),
        zone="select current_timezone()",
        quote="`",
        comment=True,
        transactions=False,
    )


WAREHOUSES: tuple[WarehouseKind, ...] = (
    WarehouseKind(
        type="postgres",
        title="a Postgres database",
        fields=postgres_address.FIELDS,
        methods={"password": {"password": "PGPASSWORD"}},
        judge=postgres_address.judge,
        hosts=postgres_address.hosts,
        driver=Driver(
            package="adbc_driver_postgresql",
            extra="postgres",
            dialect="postgres",
            options=_postgres_options,
            begin=_postgres_begin,
            probe=_POSTGRES_PROBE,
            catalogue=_TABLES,
        ),
    ),
    WarehouseKind(
        type="redshift",
        title="a Redshift cluster",
        fields=postgres_address.FIELDS,
        methods={"password": {"password": "REDSHIFT_PASSWORD"}},
        judge=postgres_address.judge,
        hosts=postgres_address.hosts,
        driver=Driver(
            package="adbc_driver_postgresql",
            extra="postgres",
            dialect="redshift",
            options=_postgres_options,
            begin=_redshift_begin,
            catalogue=_TABLES,
        ),
    ),
    WarehouseKind(
        type="snowflake",
        title="a Snowflake account",
        fields=snowflake_options.FIELDS,
        methods={
            "key-pair": {
                "private_key": "SNOWFLAKE_PRIVATE_KEY",
                "private_key_file": "SNOWFLAKE_PRIVATE_KEY_FILE",
                "passphrase": "SNOWFLAKE_PASSPHRASE",
            },
            "workload-identity": {"token": "SNOWFLAKE_TOKEN"},
            "access-token": {"token": "SNOWFLAKE_TOKEN"},
            "oauth": {"token": "SNOWFLAKE_TOKEN"},
            "oauth-client": {"client_id": "SNOWFLAKE_CLIENT_ID", "client_secret": "SNOWFLAKE_CLIENT_SECRET"},
            "password": {"password": "SNOWFLAKE_PASSWORD"},
        },
        judge=snowflake_options.judge,
        hosts=snowflake_options.hosts,
        driver=Driver(
            package="adbc_driver_snowflake",
            extra="snowflake",
            dialect="snowflake",
            options=snowflake_options.options,
            begin=_snowflake_begin,
            statement=snowflake_options.STATEMENT,
            catalogue=_TABLES,
            transactions=False,
        ),
    ),
    WarehouseKind(
        type="bigquery",
        title="a project of BigQuery",
        fields=bigquery_options.FIELDS,
        methods={
            "service-account": {"credentials": "BIGQUERY_CREDENTIALS", "credentials_file": "BIGQUERY_CREDENTIALS_FILE"}
        },
        judge=bigquery_options.judge,
        hosts=bigquery_options.hosts,
        driver=Driver(
            package="adbc_driver_bigquery",
            extra="bigquery",
            dialect="bigquery",
            options=bigquery_options.options,
            begin=_nothing_to_begin,
            quote="`",
            comment=True,
            transactions=False,
        ),
    ),
    WarehouseKind(
        type="databricks",
        title="a Databricks cluster",
        fields=databricks_address.FIELDS,
        methods={
            "token": {"token": "DATABRICKS_TOKEN"},
            "oauth-client": {"client_id": "DATABRICKS_CLIENT_ID", "client_secret": "DATABRICKS_CLIENT_SECRET"},
        },
        judge=databricks_address.judge,
        hosts=databricks_address.hosts,
        driver=_spark_driver("databricks"),
    ),
    WarehouseKind(
        type="spark",
        title="a Spark Connect server",
        fields=spark_address.FIELDS,
        methods={"token": {"token": "SPARK_TOKEN"}},
        judge=spark_address.judge,
        hosts=spark_address.hosts,
        driver=_spark_driver("spark"),
    ),
    WarehouseKind(
        type="flightsql",
        title="a Flight SQL server",
        fields=flightsql_address.FIELDS,
        methods={"password": {"password": "FLIGHTSQL_PASSWORD"}, "token": {"token": "FLIGHTSQL_TOKEN"}},
        judge=flightsql_address.judge,
        hosts=flightsql_address.hosts,
        driver=Driver(
            package="adbc_driver_flightsql",
            extra="flightsql",
            dialect="",
            options=flightsql_address.options,
            begin=_nothing_to_begin,
            comment=True,
            transactions=False,
        ),
    ),
)
