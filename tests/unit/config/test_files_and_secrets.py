"""What is read, what is refused, and what is never shown."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from runner.config import check_source_files, load, schema_folder
from runner.config.yaml.project_files import MAX_BYTES
from runner.core.errors import InvalidProject
from runner.core.findings import Finding
from runner.core.project import RESERVED_SOURCE_NAMES, MissingSecret, Secret
from runner.reports.findings_text import render_findings
from runner.sources.files import FilesSource
from tests.unit.config.projects import ACTIVATION, DEFAULTS, DESTINATION, TODAY, codes, findings, project

ROOT = Path(__file__).resolve().parents[3]
KINDS = ("project", "source", "destination", "segment", "activation")


def test_several_documents_share_a_file_and_a_segment_is_shared_by_its_name(tmp_path: Path) -> None:
    segment = "kind: Segment\nname: Loyal\ndescription: Ten baskets\nsql: select email from shop.customers\n"
    first = "kind: Activation\nid: b\nsegment: Loyal\n"
    second = "kind: Activation\nid: a\nsegment: Loyal\nname: '{{ segment.name }} ({{ var(\"country\") }})'\n"
    variables = "kind: Project\nvars: {country: FR}\n"
    found = project(tmp_path, all="\n---\n".join([variables, DEFAULTS, segment, first, second]))
    assert [(a.id, a.name, a.description) for a in found.activations] == [
        ("a", "Loyal (FR)", "Ten baskets"),
        ("b", "Loyal", "Ten baskets"),
    ]
    assert found.activations[0].segment == found.activations[1].segment == found.segments[0]


def test_words_that_yaml_1_1_would_take_for_something_else_stay_text(tmp_path: Path) -> None:
    text = ACTIVATION.replace("id: loyal", "id: no").replace("name: Loyal", "name: 2026-11-24")
    found = project(tmp_path, a=text + "description: 06:30\n", d=DEFAULTS.replace('"12345"', "0123")).activations[0]
    assert (found.id, found.name, found.description) == ("no", "2026-11-24", "06:30")
    assert found.destination.account_id == "0123"


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    folder = tmp_path / "activations"
    folder.mkdir()
    text = DEFAULTS + "---\n" + ACTIVATION
    (folder / "a.yaml").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load(folder, today=TODAY, environ={}).activations[0].id == "loyal"


def test_templates_give_numbers_and_booleans_where_those_are_wanted(tmp_path: Path) -> None:
    text = ACTIVATION + "protect: \"{{ var('on') }}\"\nguardrails: {min_members: \"{{ var('n') * 2 }}\"}\n"
    variables = "kind: Project\nvars: {on: true, n: 5}\n"
    found = project(tmp_path, a=text, d=DEFAULTS, p=variables).activations[0]
    assert (found.protect, found.guardrails.min_members) == (True, 10)
    found = project(tmp_path, a=text, d=DEFAULTS, p=variables, var={"on": "false", "n": "7"}).activations[0]
    assert (found.protect, found.guardrails.min_members) == (False, 14)


def test_a_variable_of_the_command_line_must_have_the_declared_type(tmp_path: Path) -> None:
    assert codes(tmp_path, p="kind: Project\nvars: {n: 5}\n", var={"n": "many"}) == ["invalid-variable"]


def test_credentials_come_from_the_environment_and_never_print(tmp_path: Path) -> None:
    environ = {"CRITEO_CLIENT_ID": "id-1", "CRITEO_CLIENT_SECRET": "s3cr3t"}
    credentials = project(tmp_path, d=DESTINATION, environ=environ).destinations[0].credentials
    assert isinstance(credentials.client_secret, Secret)
    assert credentials.client_secret.reveal() == "s3cr3t"
    assert "s3cr3t" not in repr(credentials)


@pytest.mark.parametrize("environ", [{}, {"CRITEO_CLIENT_ID": "", "CRITEO_CLIENT_SECRET": " "}])
def test_credentials_that_are_not_set_are_known_to_be_missing(tmp_path: Path, environ: dict[str, str]) -> None:
    credentials = project(tmp_path, d=DESTINATION, environ=environ).destinations[0].credentials
    assert [part.variable for part in credentials.missing] == ["CRITEO_CLIENT_ID", "CRITEO_CLIENT_SECRET"]
    assert isinstance(credentials.client_id, MissingSecret)
    assert (credentials.client_id.location.line, credentials.client_id.location.column) == (6, 14)


def test_what_an_environment_variable_holds_is_not_quoted(tmp_path: Path) -> None:
    text = DESTINATION.replace('"12345"', "\"{{ env('OOPS') }}\"")
    found = findings(tmp_path, d=text, environ={"OOPS": "s3cr3t"})
    assert [finding.code for finding in found] == ["invalid-value"]
    assert "s3cr3t" not in render_findings(found)


def test_a_link_cannot_show_a_file_from_outside(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("client: s3cr3t: x\n")
    (tmp_path / "repo/activations").mkdir(parents=True)
    (tmp_path / "repo/activations/a.yaml").symlink_to(tmp_path / "secret.yaml")
    found = findings(tmp_path / "repo")
    assert [finding.code for finding in found] == ["outside-project"]
    assert "s3cr3t" not in render_findings(found)


def test_folders_that_link_in_a_circle_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "activations/sub").mkdir(parents=True)
    (tmp_path / "activations/sub/again").symlink_to(tmp_path / "activations")
    assert len(project(tmp_path, **{"sub/a": ACTIVATION, "d": DEFAULTS}).activations) == 1


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    assert codes(tmp_path, a="#" * (MAX_BYTES + 1)) == ["file-too-large"]


def test_tables_without_files_are_found_apart_from_the_rest(tmp_path: Path) -> None:
    source = (
        "kind: Source\nname: shop\ntype: files\ntables:\n  orders: ../data/orders-*.csv\n  people: ../data/people.csv\n"
    )
    database = "---\nkind: Source\nname: db\ntype: duckdb\npath: ../data/shop.duckdb\n"
    (tmp_path / "data").mkdir()
    (tmp_path / "data/people.csv").write_text("email\n")
    found = project(tmp_path, s=source + database)
    shop = found.sources[1]
    assert isinstance(shop, FilesSource)
    assert shop.tables["orders"] == (str(tmp_path / "data/orders-*.csv"),)
    assert [(part.code, part.location.line) for part in check_source_files(found)] == [
        ("no-source-file", 5),
        ("no-source-file", 11),
    ]
    (tmp_path / "data/orders-1.csv").write_text("id\n")
    (tmp_path / "data/shop.duckdb").write_text("")
    assert check_source_files(found) == ()


TEXTS = st.text(max_size=80) | st.binary(max_size=80).map(lambda data: data.decode("utf-8", "replace"))
YAMLISH = st.lists(
    st.sampled_from(
        ["kind: Activation\n", "id: a\n", "segment: ", "{", "}", "[", "]", "&a ", "*a", "- ", "? ", ": ", "!x ", "|\n",
         "'", '"', "{{ var('x') }}", "{% if %}", "---\n", "  ", "\n", "\t", "null", "1", "name", "sql", "mapping:\n",
         "kind: Destination\n", "credentials", "kind: Source\n", "<<: ", "schedule: ", "%", "\ufeff"]
    )
    | st.text(max_size=3),
    max_size=30,
).map("".join)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=120) | (TEXTS | YAMLISH).map(lambda text: text.encode("utf-8", "replace")))
def test_no_bytes_make_it_crash(tmp_path: Path, data: bytes) -> None:
    folder = tmp_path / "activations"
    folder.mkdir(exist_ok=True)
    (folder / "a.yaml").write_bytes(data)
    found: tuple[Finding, ...] = ()
    try:
        load(folder, today=date(2026, 1, 1), environ={})
    except InvalidProject as error:
        found = error.findings
    assert list(found) == sorted(found)
    assert render_findings(found).endswith(("1 file.\n", "0 files.\n"))


def schema(kind: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((schema_folder() / f"{kind}.schema.json").read_text(encoding="utf-8"))
    return document


def properties(part: Any) -> list[tuple[str, dict[str, Any]]]:
    """Every property anywhere in a schema."""
    found: list[tuple[str, dict[str, Any]]] = []
    if isinstance(part, dict):
        if "description" in part and isinstance(part.get("properties"), dict):
            found += part["properties"].items()
        for child in part.values():
            found += properties(child)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_property_of_a_schema_is_described_and_shown_by_example(kind: str) -> None:
    Draft7Validator.check_schema(schema(kind))
    shared = re.compile(
        r"(?:activation\.schema\.json)?#/definitions/"
        r"(segment|mapping|schedule|freshness|guardrails|protect|tags|owner)$"
    )
    for name, part in properties(schema(kind)):
        if shared.match(part.get("$ref", "")):
            part = schema("activation")["definitions"][name]
        assert part.get("description"), name
        assert part.get("examples"), name


@pytest.mark.parametrize("kind", KINDS)
def test_no_schema_lets_unknown_fields_in(kind: str) -> None:
    assert schema(kind)["additionalProperties"] is False


def test_every_code_is_documented() -> None:
    documented = set(
        re.findall(r"^\| `([a-z0-9-]+)` \|", (ROOT / "docs/reference/findings.md").read_text(), re.MULTILINE)
    )
    used: set[str] = set()
    for case in (ROOT / "tests/cases").glob("*/expected.txt"):
        used.update(re.findall(r" error\[([a-z0-9-]+)\]: ", case.read_text(encoding="utf-8")))
    for module in (ROOT / "runner").rglob("*.py"):
        if module.is_relative_to(ROOT / "runner" / "sandbox"):
            continue  # it has error codes of Criteo's
        text = module.read_text(encoding="utf-8")
        used.update(
            re.findall(
                r"\"((?:sql|source|mapping|yaml|template|missing|unknown|duplicate|invalid)(?:-[a-z0-9]+)+)\"", text
            )
        )
    assert used - documented == {"invalid-project"}  # what is wrong with a service, not a finding


@pytest.mark.parametrize("name", [*sorted(RESERVED_SOURCE_NAMES), "Memory", "TEMP"])
def test_a_source_cannot_have_a_name_that_means_something_in_sql(tmp_path: Path, name: str) -> None:
    source = f"kind: Source\nname: {name}\ntype: files\ntables: {{customers: data.csv}}\n"
    assert codes(tmp_path, s=source, d=DEFAULTS, a=ACTIVATION) == ["reserved-name"]
