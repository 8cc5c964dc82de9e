"""What drivers are given, held against what their documentation calls their options.

Of these warehouses none can be run by the tests. The names are those of the pages that each module links to, and of the
enumerations in the drivers' Python packages.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from runner.core.destination import Secret
from runner.core.findings import Location
from runner.sources.key_files import pem
from runner.sources.registry import WAREHOUSE_KINDS
from runner.sources.warehouse import UnusableSecret, WarehouseSource
from tests.unit.sources.test_kinds import Written

HERE = Location("sources.yaml", 2, 7)

DOCUMENTED = {
    "snowflake": {
        "username",
        "password",
        "adbc.snowflake.sql.account",
        "adbc.snowflake.sql.auth_type",
        "adbc.snowflake.sql.db",
        "adbc.snowflake.sql.role",
        "adbc.snowflake.sql.schema",
        "adbc.snowflake.sql.warehouse",
        "adbc.snowflake.sql.client_option.app_name",
        "adbc.snowflake.sql.client_option.auth_token",
        "adbc.snowflake.sql.client_option.cache_mfa_token",
        "adbc.snowflake.sql.client_option.disable_telemetry",
        "adbc.snowflake.sql.client_option.identity_provider",
        "adbc.snowflake.sql.client_option.jwt_private_key_pkcs8_password",
        "adbc.snowflake.sql.client_option.jwt_private_key_pkcs8_value",
        "adbc.snowflake.sql.client_option.login_timeout",
        "adbc.snowflake.sql.client_option.store_temp_creds",
        "adbc.rpc.result_queue_size",
        "adbc.snowflake.rpc.prefetch_concurrency",
    },
    "bigquery": {
        "adbc.bigquery.sql.auth_credentials",
        "adbc.bigquery.sql.auth_type",
        "adbc.bigquery.sql.dataset_id",
        "adbc.bigquery.sql.location",
        "adbc.bigquery.sql.project_id",
    },
    "databricks": {
        "uri",
        "adbc.spark.headers.x-databricks-cluster-id",
        "adbc.spark.tls.enabled",
        "adbc.spark.token",
        "adbc.spark.user_agent",
    },
    "flightsql": {
        "uri",
        "username",
        "password",
        "adbc.flight.sql.authorization_header",
        "adbc.flight.sql.rpc.timeout_seconds.connect",
    },
    "redshift": {"uri"},
}

SETTINGS = {
    "snowflake": {
        "account": "acme-eu1",
        "user": "HEADCOUNT",
        "database": "A",
        "warehouse": "W",
        "role": "R",
    },
    "bigquery": {"project": "acme", "dataset": "crm", "location": "EU"},
    "databricks": {"host": "dbc-1.cloud.databricks.com", "cluster": "0123-456789-abc"},
    "flightsql": {"uri": "grpc+tls://flight.example.com:31337", "user": "me"},
    "redshift": {"host": "acme.eu-west-1.redshift.amazonaws.com", "port": "5439", "database": "dev", "user": "me"},
}


GOOGLE = {
    "type": "service_account",
    "project_id": "acme",
    "private_key": "c2VjcmV0",
    "client_email": "headcount@acme.iam.gserviceaccount.com",
    "token_uri": "https://oauth2.googleapis.com/token",
}
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nbGV0IHVz\n-----END PRIVATE KEY-----"


def source(type: str, method: str = "none", **secrets: str) -> WarehouseSource:
    held = {name: Secret(value) for name, value in secrets.items()}
    more = {"token_url": "https://login.example.com/t"} if method == "oauth-client" else {}
    return WarehouseSource("warehouse", type, HERE, {**SETTINGS[type], **more}, {}, method, held)


def options(type: str, method: str = "none", **secrets: str) -> dict[str, Any]:
    return dict(WAREHOUSE_KINDS[type].driver.options(source(type, method, **secrets)))


@pytest.mark.parametrize(
    ("type", "method", "name"),
    [
        (kind.type, method, None)
        for kind in WAREHOUSE_KINDS.values()
        if kind.type in DOCUMENTED
        for method in kind.methods
    ],
)
def test_every_option_is_one_that_the_driver_documents(
    type: str, method: str, name: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.sources.oauth_client.token", lambda source, *_: source.secret("client_secret"))
    kind = WAREHOUSE_KINDS[type]
    secrets = {name: "c2VjcmV0" for name in kind.methods[method] if not name.endswith("_file")}
    if "credentials" in secrets:
        secrets["credentials"] = json.dumps(GOOGLE)
    given = options(type, method, **secrets)
    assert given.keys() | kind.driver.statement.keys() <= DOCUMENTED[type]
    assert all(given.values())
    assert any("c2VjcmV0" in value for value in given.values())


@pytest.mark.parametrize(
    ("method", "secrets", "auth_type", "option", "value"),
    [
        ("password", {"password": "pw"}, "auth_snowflake", "password", "pw"),
        ("access-token", {"token": "t"}, "auth_pat", "adbc.snowflake.sql.client_option.auth_token", "t"),
        ("oauth", {"token": "t"}, "auth_oauth", "adbc.snowflake.sql.client_option.auth_token", "t"),
        ("workload-identity", {"token": "t"}, "auth_wif", "adbc.snowflake.sql.client_option.identity_provider", "OIDC"),
        (
            "key-pair",
            {"private_key": "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----"},
            "auth_jwt",
            "adbc.snowflake.sql.client_option.jwt_private_key_pkcs8_value",
            "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----",
        ),
    ],
)
def test_snowflake_is_logged_in_to_as_the_method_says(
    method: str, secrets: dict[str, str], auth_type: str, option: str, value: str
) -> None:
    given = options("snowflake", method, **secrets)
    assert given["adbc.snowflake.sql.auth_type"] == auth_type
    assert given[option] == value


def test_a_private_key_is_pem_however_the_environment_holds_it() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nbGV0IHVz\n-----END PRIVATE KEY-----"
    assert pem(key, encrypted=False) == key
    assert pem(key.replace("\n", "\\n"), encrypted=False) == key
    assert pem(base64.b64encode(key.encode()).decode(), encrypted=False) == key
    assert pem("bGV0IHVz", encrypted=False) == key
    assert pem("bGV0IHVz", encrypted=True) == key.replace("PRIVATE", "ENCRYPTED PRIVATE")
    assert pem("no key at all", encrypted=False) == "no key at all"


def test_bigquery_uses_the_machines_credentials_without_auth() -> None:
    assert options("bigquery")["adbc.bigquery.sql.auth_type"] == "adbc.bigquery.sql.auth_type.auth_bigquery"
    given = options("bigquery", "service-account", credentials=json.dumps(GOOGLE))
    assert given["adbc.bigquery.sql.auth_type"] == "adbc.bigquery.sql.auth_type.json_credential_string"


def test_secrets_leave_for_one_host_and_encrypted() -> None:
    hosts = {name: WAREHOUSE_KINDS[name].hosts(source(name)) for name in SETTINGS}
    assert hosts == {
        "snowflake": ("acme-eu1.snowflakecomputing.com",),
        "bigquery": ("bigquery.googleapis.com",),
        "databricks": ("dbc-1.cloud.databricks.com",),
        "flightsql": ("flight.example.com",),
        "redshift": ("acme.eu-west-1.redshift.amazonaws.com",),
    }
    assert options("databricks", "token", token="t")["adbc.spark.tls.enabled"] == "true"
    assert "sslmode=require" in options("redshift", "password", password="p")["uri"]


@pytest.mark.parametrize(
    ("type", "fields", "codes"),
    [
        ("snowflake", {"account": "acme-eu1", "user": "me"}, []),
        ("snowflake", {"user": "me"}, ["missing-field"]),
        ("snowflake", {"account": "evil.example/x", "user": "me"}, ["invalid-value"]),
        ("bigquery", {"project": "acme"}, []),
        ("bigquery", {}, ["missing-field"]),
        ("databricks", {"host": "dbc-1.cloud.databricks.com", "cluster": "0123-456"}, []),
        ("databricks", {"host": "dbc-1.cloud.databricks.com:443/;token=x", "cluster": "0"}, ["invalid-value"]),
        ("databricks", {"host": "dbc-1.cloud.databricks.com"}, ["missing-field"]),
        ("spark", {"url": "sc://spark.example.com"}, []),
        ("spark", {"url": "sc://spark.example.com:15002/;use_ssl=true;user_id=me"}, []),
        ("spark", {"url": "sc://spark.example.com/;token=hunter2"}, ["literal-secret"]),
        ("spark", {"url": "sc://spark.example.com/;x-forward=1"}, ["invalid-value"]),
        ("spark", {"url": "http://spark.example.com"}, ["invalid-value"]),
        ("spark", {"url": "sc://me:pw@spark.example.com"}, ["invalid-value"]),
        ("spark", {}, ["missing-field"]),
        ("flightsql", {"uri": "grpc+tls://f.example.com:1"}, []),
        ("flightsql", {"host": "f.example.com"}, []),
        ("flightsql", {"uri": "grpc+tls://me:pw@f.example.com:1"}, ["invalid-value"]),
        ("flightsql", {"uri": "grpc+unix:///tmp/x"}, ["invalid-value"]),
        ("flightsql", {"uri": "grpc://f.example.com:1", "host": "x"}, ["contradictory-fields"]),
        ("flightsql", {}, ["missing-field"]),
    ],
)
def test_fields_say_where_and_nothing_else(type: str, fields: dict[str, Any], codes: list[str]) -> None:
    written = Written(fields)
    WAREHOUSE_KINDS[type].judge(written)
    assert [code for code, _ in written.refused] == codes


@pytest.mark.parametrize("kind", WAREHOUSE_KINDS.values(), ids=lambda kind: kind.type)
def test_what_names_a_session_cannot_end_the_statement(kind: Any) -> None:
    for statement in kind.driver.begin("headcount/it's/1", 2.5):
        assert ";" not in statement
        assert "it's" not in statement


def test_snowflakes_sessions_are_named_bounded_and_in_utc() -> None:
    [statement] = WAREHOUSE_KINDS["snowflake"].driver.begin("headcount/loyal/1", 600)
    assert "timezone = 'UTC', query_tag = 'headcount/loyal/1', multi_statement_count = 1" in statement
    assert statement.endswith("statement_timeout_in_seconds = 600")


# -- keys in files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [PRIVATE_KEY, PRIVATE_KEY.replace("\n", "\\n"), "bGV0IHVz\n"])
def test_a_private_key_is_read_from_the_file_that_the_job_names(tmp_path: Path, written: str) -> None:
    path = tmp_path / "key.p8"
    path.write_text(written)
    given = options("snowflake", "key-pair", private_key_file=str(path))
    assert given["adbc.snowflake.sql.client_option.jwt_private_key_pkcs8_value"] == PRIVATE_KEY


def test_what_is_no_private_key_is_refused_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "passwd"
    path.write_text("root:x:0:0:s3cr3t")
    given: list[dict[str, str]] = [
        {"private_key_file": str(path)},
        {"private_key_file": "key.p8"},
        {"private_key_file": str(tmp_path)},
        {"private_key_file": str(tmp_path / "s3cr3t")},
        {"private_key": "root:x:0:0:s3cr3t"},
        {"private_key": "-----BEGIN CERTIFICATE-----\ns3cr3t\n-----END CERTIFICATE-----"},
    ]
    for secrets in given:
        with pytest.raises(UnusableSecret) as refused:
            options("snowflake", "key-pair", **secrets)
        assert "s3cr3t" not in refused.value.why
        assert str(tmp_path) not in refused.value.why


def test_a_key_of_google_s_is_handed_on_without_what_could_lead_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps({**GOOGLE, "auth_uri": "https://evil.example", "quota_project_id": "other"}))
    given = options("bigquery", "service-account", credentials_file=str(path))
    assert json.loads(given["adbc.bigquery.sql.auth_credentials"]) == GOOGLE


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "external_account", "credential_source": {"file": "/etc/passwd"}},
        {"type": "authorized_user"},
        {"type": "impersonated_service_account"},
        {"token_uri": "https://evil.example/token"},
        {"universe_domain": "evil.example"},
    ],
)
def test_credentials_that_could_lead_elsewhere_are_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(UnusableSecret) as refused:
        options("bigquery", "service-account", credentials=json.dumps(GOOGLE | odd))
    assert "evil" not in refused.value.why


@pytest.mark.parametrize("text", ["[]", "no json", "[" * 100_000])
def test_credentials_that_are_no_json_of_a_key_are_refused(text: str) -> None:
    with pytest.raises(UnusableSecret):
        options("bigquery", "service-account", credentials=text)
