"""What the Snowflake driver is given: where the account is, who logs in and how.

https://arrow.apache.org/adbc/current/driver/snowflake.html names the options.
"""

from __future__ import annotations

import re

from runner.sources import oauth_client
from runner.sources.interface import Declaration
from runner.sources.key_files import private_key
from runner.sources.warehouse import WarehouseSource

FIELDS = ("account", "user", "database", "schema", "warehouse", "role", *oauth_client.FIELDS)

_ACCOUNT = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_SQL = "adbc.snowflake.sql"
_CLIENT = f"{_SQL}.client_option"

_METHODS = {
    "password": "auth_snowflake",
    "key-pair": "auth_jwt",
    "access-token": "auth_pat",
    "oauth": "auth_oauth",
    oauth_client.METHOD: "auth_oauth",
    "workload-identity": "auth_wif",
}
"""Ways to log in, and what the driver calls them."""

STATEMENT: dict[str, str | int] = {"adbc.rpc.result_queue_size": 8, "adbc.snowflake.rpc.prefetch_concurrency": 2}
"""Batches that are fetched ahead: a driver that takes all it can get would hold the result in memory."""


def judge(written: Declaration) -> None:
    """Refuse an account that is none, or that would lead elsewhere."""
    account = written.value("account")
    for field in ("account", "user"):
        if written.value(field) is None:
            written.refuse("missing-field", f"the source needs `{field}`, to say where and as whom to log in", "type")
    if account is not None and not _ACCOUNT.fullmatch(str(account)):
        message = "account is the identifier alone, such as acme-eu1, without the rest of the host's name"
        written.refuse("invalid-value", message, "account")
    oauth_client.judge(written)


def hosts(source: WarehouseSource) -> tuple[str, ...]:
    """The hosts that the source's secrets go to."""
    own = f"{source.settings['account'].lower()}.snowflakecomputing.com"
    return (own, *([oauth_client.host(url)] if (url := source.settings.get("token_url")) else []))


def options(source: WarehouseSource) -> dict[str, str]:
    """The options of a connection, which hold the secret. Raises UnusableSecret."""
    given = {
        f"{_SQL}.account": source.settings["account"],
        "username": source.settings["user"],
        f"{_SQL}.db": source.settings.get("database", ""),
        f"{_SQL}.schema": source.settings.get("schema", ""),
        f"{_SQL}.warehouse": source.settings.get("warehouse", ""),
        f"{_SQL}.role": source.settings.get("role", ""),
        f"{_CLIENT}.app_name": "headcount",
        f"{_CLIENT}.login_timeout": "10s",
        f"{_CLIENT}.disable_telemetry": "true",
        f"{_CLIENT}.store_temp_creds": "false",
        f"{_CLIENT}.cache_mfa_token": "false",
        f"{_SQL}.auth_type": _METHODS.get(source.method, ""),
        **_secret(source),
    }
    return {name: value for name, value in given.items() if value}


def _secret(source: WarehouseSource) -> dict[str, str]:
    if source.method == "password":
        return {"password": source.secret("password")}
    if source.method == "key-pair":
        return {
            f"{_CLIENT}.jwt_private_key_pkcs8_value": private_key(source),
            f"{_CLIENT}.jwt_private_key_pkcs8_password": source.secret("passphrase"),
        }
    if source.method == "workload-identity":
        return {f"{_CLIENT}.identity_provider": "OIDC", f"{_CLIENT}.auth_token": source.secret("token")}
    if source.method == oauth_client.METHOD:
        at = source.settings
        return {f"{_CLIENT}.auth_token": oauth_client.token(source, at["token_url"], at.get("scope", ""))}
    return {f"{_CLIENT}.auth_token": source.secret("token")}
