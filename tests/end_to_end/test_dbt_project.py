"""A real dbt project: dbt builds its models in a Postgres, a segment reads them, and a change of them is looked at."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.end_to_end.shop import Shop, sha
from tests.postgres import PASSWORD, ROLE, Postgres
from tests.sandbox_client import Sandbox

pytestmark = pytest.mark.dbt

PROJECT = f"""\
name: crm
version: "1.0"
profile: crm
models: {{crm: {{+materialized: table, +grants: {{select: [{ROLE}]}}}}}}
"""
PROFILE = """\
crm:
  target: test
  outputs:
    test: {{type: postgres, host: '{host}', port: 5432, user: postgres, password: '', dbname: postgres, schema: {in_}}}
"""
CUSTOMERS = "select 'person-' || i || '@shop.example' as email, i as baskets from generate_series(1, 6) as i"
LOYAL = "select email from {{ ref('customers') }} where baskets >= 3"
COLUMNS = """\
models:
  - name: customers
    columns: [{name: email}, {name: baskets}]
  - name: loyal
    latest_version: 2
    columns: [{name: email}]
    versions: [{v: 1}, {v: 2}]
"""
SOURCE = """\
kind: Source
name: warehouse
type: postgres
uri: {uri}
auth: {{method: password, password: "{{{{ env('PGPASSWORD') }}}}"}}
dbt: {{manifest: ../dbt/target/manifest.json}}
---
"""


@pytest.fixture
def crm(shop: Shop, postgres: Postgres) -> Shop:
    """The shop beside a dbt project, whose models are built."""
    [host] = parse_qs(urlsplit(postgres.server.get_uri()).query)["host"]
    postgres.run(
        f"drop schema if exists dbt_crm cascade; create schema dbt_crm; grant usage on schema dbt_crm to {ROLE}"
    )
    shop.write("dbt/dbt_project.yml", PROJECT)
    shop.write("dbt/profiles.yml", PROFILE.format(host=host, in_="dbt_crm"))
    shop.write("dbt/models/customers.sql", CUSTOMERS)
    shop.write("dbt/models/loyal_v1.sql", LOYAL)
    shop.write("dbt/models/loyal_v2.sql", f"{LOYAL} and baskets < 6")
    shop.write("dbt/models/models.yml", COLUMNS)
    dbt(shop, "run")
    text = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    shop.write("activations/shop.yaml", SOURCE.format(uri=postgres.uri) + text.partition("---\n")[2])
    shop.environment["PGPASSWORD"] = PASSWORD
    return shop


def dbt(shop: Shop, command: str, target: str = "target") -> Path:
    """Run dbt in the project beside the shop; the manifest that it writes."""
    program = os.environ.get("HEADCOUNT_DBT")
    if not program:
        pytest.skip("HEADCOUNT_DBT names no dbt; `make test-dbt` installs one")
    folder = shop.folder / "dbt"
    done = subprocess.run(
        [program, "--no-send-anonymous-usage-stats", command, "--target-path", target, "--profiles-dir", str(folder)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert done.returncode == 0, done.stdout
    return folder / target / "manifest.json"


def test_people_of_models_that_dbt_built_are_sent_and_a_change_that_breaks_them_is_seen(
    crm: Shop, sandbox: Sandbox
) -> None:
    crm.activation(sql="select email from {{ ref('customers') }} where baskets >= 5")
    crm.activation("versioned", name="Versioned", sql="select email from {{ ref('loyal') }}")
    crm.activation("first", name="First", sql="select email from {{ ref('loyal', v=1) }}")
    assert "warning" not in crm.run("validate").err
    crm.apply()
    people = {one.name: sandbox.members(one.id, "email") for one in sandbox.segments()}
    assert people == {
        "Loyal": {sha(f"person-{number}@shop.example") for number in (5, 6)},
        "Versioned": {sha(f"person-{number}@shop.example") for number in (3, 4, 5)},
        "First": {sha(f"person-{number}@shop.example") for number in (3, 4, 5, 6)},
    }
    assert crm.run("dbt", "check", "--manifest", str(dbt(crm, "parse", "same"))).code == 0
    crm.write("dbt/models/customers.sql", "{{ config(schema='core') }}" + CUSTOMERS)
    crm.write(
        "dbt/models/models.yml", COLUMNS.replace(", {v: 2}", "").replace("latest_version: 2", "latest_version: 1")
    )
    (crm.folder / "dbt/models/loyal_v2.sql").unlink()
    said = crm.run("dbt", "check", "--manifest", str(dbt(crm, "parse", "changed")), code=1).err
    assert 'activation loyal reads model "customers", which moves from "postgres"."dbt_crm"."customers" to' in said
    assert 'activation versioned reads model "loyal", which moves' in said
    assert "activation first" not in said
