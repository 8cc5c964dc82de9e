"""Segments that name dbt's models, from the manifest to the audience; and a change of models before it is merged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.shop import Shop, sha
from tests.postgres import PASSWORD, ROLE, Postgres
from tests.sandbox_client import Sandbox

SOURCE = """\
kind: Source
name: warehouse
type: postgres
uri: {uri}
auth: {{method: password, password: "{{{{ env('PGPASSWORD') }}}}"}}
dbt: {{manifest: ../dbt/target/manifest.json}}
---
"""

PEOPLE = f"""
    drop schema if exists marts cascade;
    create schema marts;
    create table marts.dim_customers (email text, kind text);
    insert into marts.dim_customers select 'person-' || i || '@shop.example', 'even' from generate_series(1, 3) as i;
    create table marts.customers_v2 as select * from marts.dim_customers where email like 'person-1%';
    grant usage on schema marts to {ROLE};
    grant select on all tables in schema marts to {ROLE};
"""


def node(name: str, relation: str | None, *columns: str, package: str = "crm", **fields: Any) -> dict[str, Any]:
    key = f"model.{package}.{name}" + (f".v{fields['version']}" if "version" in fields else "")
    written = {column: {"name": column} for column in columns}
    return {
        key: {"resource_type": "model", "name": name, "package_name": package, "relation_name": relation}
        | {"columns": written, "depends_on": {"nodes": ["source.crm.raw"]}}
        | fields
    }


CUSTOMERS = node("customers", '"postgres"."marts"."dim_customers"', "email", "kind")
OTHERS = (
    node("parts", None)
    | node("members", '"postgres"."marts"."customers_v1"', version=1, latest_version=2)
    | node("members", '"postgres"."marts"."customers_v2"', version=2, latest_version=2)
    | node("customers", '"postgres"."other"."customers"', package="other")
    | {"test.crm.unique_email": {"resource_type": "test", "name": "unique_email"}}
)


def write_manifest(shop: Shop, nodes: dict[str, Any], file: str = "dbt/target/manifest.json", **said: str) -> None:
    metadata = {"adapter_type": "postgres", "project_name": "crm"} | said
    shop.write(file, json.dumps({"metadata": metadata, "nodes": nodes, "macros": {"x": {"macro_sql": "{{ env() }}"}}}))


@pytest.fixture
def crm(shop: Shop, postgres: Postgres) -> Shop:
    """The shop, with its people in models of dbt's in Postgres."""
    postgres.run(PEOPLE)
    text = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    shop.write("activations/shop.yaml", SOURCE.format(uri=postgres.uri) + text.partition("---\n")[2])
    shop.environment["PGPASSWORD"] = PASSWORD
    write_manifest(shop, CUSTOMERS | OTHERS)
    return shop


def mails(*numbers: int) -> set[str]:
    return {sha(f"person-{number}@shop.example") for number in numbers}


def members(sandbox: Sandbox) -> set[str]:
    return sandbox.members(sandbox.segment("Loyal").id, "email")


@pytest.mark.parametrize(
    ("ref", "people"),
    [
        ("ref('customers')", (1, 2, 3)),
        ("ref('crm', 'customers')", (1, 2, 3)),
        ("ref('members')", (1,)),
        ("ref('members', v=2)", (1,)),
        ("ref('crm', 'members', version='2')", (1,)),
    ],
)
def test_a_model_is_read_where_dbt_has_put_it(crm: Shop, sandbox: Sandbox, ref: str, people: tuple[int, ...]) -> None:
    crm.activation(sql="select email from {{ %s }}" % ref)  # noqa: UP031 - braces
    crm.run("validate")
    crm.apply()
    assert members(sandbox) == mails(*people)


def test_conditions_speak_of_a_model(crm: Shop, sandbox: Sandbox) -> None:
    entity = "kind: Entity\nname: customer\nfrom: \"{{ ref('customers') }}\"\nkey: email\n"
    crm.write("activations/entity.yaml", entity)
    crm.activation(segment={"name": "Loyal", "where": [{"email": {"known": True}}]})
    crm.apply()
    assert members(sandbox) == mails(1, 2, 3)
    assert crm.run("show", "loyal", "--format", "json").json["segment"]["models"][0]["name"] == "customers"
    crm.write("activations/entity.yaml", entity.replace("customers", "custmers"))
    [found] = crm.run("validate", "--no-sources", "--format", "json", code=3).json["findings"]
    assert (found["code"], found["location"]["file"], found["location"]["line"]) == (
        "unknown-model",
        "activations/entity.yaml",
        3,
    )


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("ref('custmers')", 'dbt has no model "custmers"; did you mean "customers"?'),
        ("ref('parts')", 'model "parts" is ephemeral: dbt makes no table or view of it'),
        ("ref('members', v=3)", 'model "members" has no version "3"; it has "1", "2"'),
        ("ref('shop', 'customers')", 'model "customers" is not of package "shop", but of "crm", "other"'),
        ("ref('unique_email')", 'dbt has no model "unique_email"; known here: "customers", "members", "parts"'),
    ],
)
def test_what_dbt_does_not_have_is_a_finding_with_what_comes_next_to_it(crm: Shop, ref: str, message: str) -> None:
    crm.activation(sql="select email\nfrom {{ %s }}" % ref)  # noqa: UP031 - braces
    [found] = crm.run("validate", "--no-sources", "--format", "json", code=3).json["findings"]
    assert (found["code"], found["message"]) == ("unknown-model", message)
    assert found["location"]["file"] == "activations/loyal.yaml"


def test_ref_means_nothing_without_a_manifest_in_a_name_or_over_files(crm: Shop) -> None:
    crm.activation(name="{{ ref('customers') }}", sql="select email from {{ ref('customers') }}")
    said = crm.run("validate", "--no-sources", code=3).err
    assert "`ref` is for the SQL of a segment that a warehouse runs" in said
    text = (crm.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    crm.write("activations/shop.yaml", text.replace("dbt: {manifest: ../dbt/target/manifest.json}\n", ""))
    crm.activation(sql="select email from {{ ref('customers') }}")
    said = crm.run("validate", "--no-sources", code=3).err
    assert 'source "warehouse" has no `dbt: {manifest: ...}`' in said
    crm.write("activations/shop.yaml", "{kind: Source, name: shop, type: files, tables: {people: ../data/people.csv}}")
    said = crm.run("validate", "--no-sources", code=3).err
    assert "this one reads <source>.<table>" in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file dbt/target/manifest.json; `dbt compile` writes it"),
        ("{", "dbt/target/manifest.json is no JSON"),
        ("[]", "dbt/target/manifest.json is no manifest of dbt's"),
        ('{"metadata": {}, "nodes": {"a": {}}}', "dbt/target/manifest.json is no manifest of dbt's"),
        (
            '{"metadata": {"adapter_type": "snowflake"}, "nodes": {}}',
            'the manifest was compiled for "snowflake", and this source is of type postgres',
        ),
    ],
)
def test_a_manifest_that_is_none_is_one_finding(crm: Shop, content: str | None, message: str) -> None:
    crm.activation(sql="select email from {{ ref('customers') }}")
    path = crm.folder / "dbt/target/manifest.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
    [found] = crm.run("validate", "--no-sources", "--format", "json", code=3).json["findings"]
    assert (found["code"], found["location"]["file"]) == ("no-manifest", "activations/shop.yaml")
    assert message in found["message"]


def test_a_column_that_dbt_does_not_know_is_a_warning(crm: Shop) -> None:
    crm.activation(sql="select kind as email from {{ ref('customers') }}")
    assert "warning" not in crm.run("validate", "--no-sources").err
    write_manifest(crm, node("customers", '"postgres"."marts"."dim_customers"', "e_mail", "kind"))
    crm.activation(sql="select email from {{ ref('customers') }}")
    said = crm.run("validate", "--no-sources").err
    assert 'warning[dbt-unknown-column]: dbt knows no column "email" of "customers"; did you mean "e_mail"?' in said


class TestCheck:
    NEW = "other-dbt/manifest.json"

    def check(self, shop: Shop, nodes: dict[str, Any], *options: str, code: int) -> Any:
        write_manifest(shop, nodes, self.NEW)
        return shop.run("dbt", "check", "--manifest", self.NEW, *options, code=code)

    def test_what_stays_is_as_it_should_be(self, crm: Shop) -> None:
        crm.activation(sql="select email from {{ ref('customers') }}")
        out = self.check(crm, CUSTOMERS | node("new", '"a"."b"."c"'), code=0).out
        assert "The models that 1 of 1 activations read are as they need them." in out

    @pytest.mark.parametrize(
        ("nodes", "code", "what"),
        [
            ({}, "dbt-model-gone", 'reads model "customers", which dbt no longer makes'),
            (
                node("customers", '"postgres"."core"."customers"', "email", "kind"),
                "dbt-model-moved",
                'which moves from "postgres"."marts"."dim_customers" to "postgres"."core"."customers"',
            ),
            (
                node("customers", '"postgres"."marts"."dim_customers"', "kind"),
                "dbt-column-lost",
                'which no longer has a column "email"',
            ),
        ],
    )
    @pytest.mark.parametrize("has_old", [True, False])
    def test_what_breaks_an_activation_is_listed(
        self, crm: Shop, nodes: dict[str, Any], code: str, what: str, has_old: bool
    ) -> None:
        crm.activation(sql="select email from {{ ref('customers') }} where kind = 'even'")
        crm.activation("other", sql="select email from marts.dim_customers")
        if not has_old:
            Path(crm.folder / "dbt/target/manifest.json").unlink()
        if not has_old and code == "dbt-model-moved":
            self.check(crm, nodes, code=0)
            return
        document = self.check(crm, nodes, "--format", "json", code=1).json
        [found] = document["findings"]
        assert (found["code"], found["location"]["file"]) == (code, "activations/loyal.yaml")
        assert f'activation loyal reads model "customers", {what}' in found["message"] or what in found["message"]
        assert what in self.check(crm, nodes, code=1).err

    def test_a_column_that_no_activation_reads_may_go(self, crm: Shop) -> None:
        crm.activation(sql="select email from {{ ref('customers') }}")
        self.check(crm, node("customers", '"postgres"."marts"."dim_customers"', "email"), code=0)

    def test_a_manifest_that_is_not_there_is_wrong_usage(self, crm: Shop) -> None:
        crm.activation(sql="select email from {{ ref('customers') }}")
        assert "there is no file nowhere.json" in crm.run("dbt", "check", "--manifest", "nowhere.json", code=64).err
