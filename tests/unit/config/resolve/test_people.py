"""Conditions as the files write them: whatever stands there is read, or is a finding; nothing else comes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.project import Activation
from tests.unit.config.projects import DEFAULTS, DESTINATION, activation, codes, findings, project

SOURCE = "kind: Source\nname: shop\ntype: duckdb\npath: ../shop.duckdb\n"
ENTITY = """\
kind: Entity
name: customer
from: shop.customers
key: id
mapping: {mobile_ad_id: idfa, email: mail}
events:
  order: {from: shop.orders, key: customer_id, at: ordered_at}
  visit: {from: shop.visits, key: customer_id, at: visited_at}
"""


def segment(where: Any, **more: Any) -> str:
    """An activation of these conditions, as JSON, which is YAML."""
    return json.dumps({"kind": "Activation", "id": "loyal", "segment": {"name": "Loyal", "where": where, **more}})


def loyal(tmp_path: Path, where: Any, entity: str = ENTITY, destination: str = DEFAULTS, **more: Any) -> Activation:
    return activation(tmp_path, segment(where), destination, s=SOURCE, e=entity, **more)


WORDS = st.sampled_from(
    [
        *("any", "all", "not", "sql", "in_segment", "not_in_segment", "did", "did_not", "with", "times", "sum", "min"),
        *("avg", "within", "older_than", "then", "then_not", "within_next", "is", "in", "between", "contains", "known"),
        *("at_least", "country", "amount"),
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 10**30)
    | st.floats()
    | st.sampled_from(["order", "visit", "90d", "2d", "0d", "a > b", "a) or (b", "{{ today }}", "", "other", "'", "FR"])
)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=12
)


@settings(max_examples=200)
@given(TREES)
def test_whatever_stands_under_where_is_read_or_a_finding(tmp_path_factory: pytest.TempPathFactory, where: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    found = findings(
        folder, a=segment(where), d=DEFAULTS, s=SOURCE, e=ENTITY, x="{kind: Segment, name: other, where: [a: 1]}"
    )
    assert all(one.location.file.endswith("a.yaml") for one in found)
    assert not any("Traceback" in one.message for one in found)


def test_values_out_of_templates_are_of_their_type(tmp_path: Path) -> None:
    where = [
        {"ltv": {"at_least": "{{ var('least') }}"}},
        {"country": "{{ var('countries') }}"},
        {"did": "order", "within": "{{ var('days') }}d"},
    ]
    declared = project(
        tmp_path,
        a=segment(where),
        d=DEFAULTS,
        s=SOURCE,
        e=ENTITY,
        p="kind: Project\nvars: {least: 450, countries: [FR, BE], days: 30}",
    ).activations[0]
    sql = declared.segment.sql.text
    assert '"ltv" >= 450' in sql
    assert "IN ('FR', 'BE')" in sql
    assert "CAST('2026-10-25' AS DATE)" in sql


def test_a_family_speaks_of_its_entry_in_conditions(tmp_path: Path) -> None:
    text = (
        "kind: Activation\nid: 'loyal-{{ each.country }}'\nfor_each: {country: [FR, DE]}\n"
        "segment:\n  name: 'Loyal {{ each.country }}'\n"
        "  where: [{country: '{{ each.country }}'}, {sql: \"a = {{ each.country | sql }}\"}]"
    )
    found = project(tmp_path, a=text, d=DEFAULTS, s=SOURCE, e=ENTITY).activations
    assert ["'DE'" in one.segment.sql.text for one in found] == [True, False]
    assert [one.segment.sql.text.count("'FR'") for one in found] == [0, 2]


def test_a_destination_of_one_type_takes_the_first_of_the_entity_that_it_can(tmp_path: Path) -> None:
    onsite = DESTINATION.replace("type: criteo", "type: criteo-retail-media").replace(
        'advertiser_id: "12345"',
        'account_id: "1"\nretailer_id: "2"\ndefaults: {mapping: {email: other, customer_id: id}}',
    )
    entity = ENTITY.replace(
        "{mobile_ad_id: idfa, email: mail}", "{mobile_ad_id: idfa, customer_id: number, email: mail}"
    )
    assert loyal(tmp_path, [{"country": "FR"}], entity, onsite).mapping == {"customer_id": ("number",)}


def test_an_activation_depends_on_the_files_of_all_that_it_speaks_of(tmp_path: Path) -> None:
    one = loyal(tmp_path, [{"in_segment": "x"}], x="{kind: Segment, name: x, where: [{not_in_segment: y}]}",
                y="{kind: Segment, name: y, sql: select id from shop.customers}")  # fmt: skip
    assert {Path(file).stem for file in one.files} == {"a", "d", "s", "e", "x", "y"}


def test_only_what_is_said_changes_what_a_segment_means(tmp_path: Path) -> None:
    before = loyal(tmp_path / "1", [{"country": "FR"}]).segment.meaning
    same = loyal(
        tmp_path / "2", {"country": {"is": "FR"}}, ENTITY.replace("events", "# events").split("# events")[0]
    ).segment
    other = loyal(tmp_path / "3", [{"country": "BE"}]).segment.meaning
    assert same.meaning == before
    assert other != before


def test_a_segment_runs_where_its_entity_is(tmp_path: Path) -> None:
    warehouse = "kind: Source\nname: wh\ntype: postgres\nuri: postgresql://db.example/crm\n"
    entity = "kind: Entity\nname: customer\nsource: wh\nfrom: crm.Customers\nkey: Id\n"
    found = project(tmp_path, a=segment([{"Country": "FR"}]), d=DEFAULTS, s=SOURCE, w=warehouse, e=entity).activations[
        0
    ]
    assert found.segment.source == "wh"
    assert 'FROM "crm"."customers" AS "customer"' in found.segment.sql.text
    assert '"customer"."country" = \'FR\'' in found.segment.sql.text


def test_segments_of_two_sources_do_not_go_together(tmp_path: Path) -> None:
    warehouse = "kind: Source\nname: wh\ntype: postgres\nuri: postgresql://db.example/crm\n"
    there = "{kind: Segment, name: there, source: wh, sql: select id from crm.customers}"
    assert codes(
        tmp_path, a=segment([{"in_segment": "there"}]), d=DEFAULTS, s=SOURCE, w=warehouse, e=ENTITY, x=there
    ) == ["invalid-condition"]


@pytest.mark.parametrize(
    "name",
    ['a"b', "a`b", "a\\b", "a\nb", "x" * 200, ""],
    ids=["quote", "backtick", "backslash", "break", "long", "none"],
)
def test_a_name_that_cannot_be_quoted_everywhere_is_a_finding(tmp_path: Path, name: str) -> None:
    assert codes(tmp_path, a=segment([{name: 3}]), d=DEFAULTS, s=SOURCE, e=ENTITY) == ["invalid-condition"]


def test_conditions_nested_too_deeply_are_a_finding(tmp_path: Path) -> None:
    where: Any = {"country": "FR"}
    for _ in range(25):
        where = {"not": where}
    assert codes(tmp_path, a=segment([where]), d=DEFAULTS, s=SOURCE, e=ENTITY) == ["invalid-condition"]


def test_segments_that_name_each_other_over_and_over_are_a_finding_and_no_endless_sql(tmp_path: Path) -> None:
    chain = "\n---\n".join(
        f"{{kind: Segment, name: s{number}, where: [in_segment: s{number - 1}, any: [in_segment: s{number - 1}]]}}"
        for number in range(1, 60)
    )
    first = "{kind: Segment, name: s0, where: [country: FR]}"
    found = findings(
        tmp_path, a=segment([{"in_segment": "s59"}]), d=DEFAULTS, s=SOURCE, e=ENTITY, x=f"{first}\n---\n{chain}"
    )
    assert {one.code for one in found} == {"invalid-condition"}
    assert "longer than 200,000 characters" in found[0].message


@pytest.mark.parametrize(("length", "is_backwards"), [(9, False), (9, True), (12, False), (12, True), (1_500, False)])
def test_segments_may_be_made_of_each_other_some_times_and_not_for_ever(
    tmp_path: Path, length: int, is_backwards: bool
) -> None:
    chain = [f"{{kind: Segment, name: s{number}, where: [in_segment: s{number + 1}]}}" for number in range(length)]
    chain.append(f"{{kind: Segment, name: s{length}, where: [country: FR]}}")
    text = "\n---\n".join(reversed(chain) if is_backwards else chain)
    found = findings(tmp_path, a=segment([{"country": "FR"}]), d=DEFAULTS, s=SOURCE, e=ENTITY, x=text)
    assert {one.code for one in found} == ({"invalid-condition"} if length > 9 else set())
    assert all("more than 10 segments are made of each other" in one.message for one in found)


def test_deep_conditions_in_deep_segments_are_a_finding(tmp_path: Path) -> None:
    chain = []
    for number in range(9):
        where: Any = {"in_segment": f"s{number + 1}"}
        for _ in range(18):
            where = {"not": where} if _ % 2 else {"any": [where, {"country": "FR"}]}
        chain.append(json.dumps({"kind": "Segment", "name": f"s{number}", "where": [where]}))
    last = "{kind: Segment, name: s9, where: [country: FR]}"
    text = "\n---\n".join((*chain, last))
    found = findings(tmp_path, a=segment([{"country": "FR"}]), d=DEFAULTS, s=SOURCE, e=ENTITY, x=text)
    assert {one.code for one in found} <= {"invalid-condition"}


@pytest.mark.parametrize("name", ["customer", "Customer", "ORDER"])
def test_an_event_is_called_as_nothing_else_is_in_any_case(tmp_path: Path, name: str) -> None:
    entity = ENTITY + f"  {name}: {{from: shop.others, key: customer_id, at: at}}\n"
    assert codes(tmp_path, a=segment([{"country": "FR"}]), d=DEFAULTS, s=SOURCE, e=entity) == ["duplicate-name"]


def test_an_entity_may_be_called_as_the_members_of_a_segment_are(tmp_path: Path) -> None:
    entity = ENTITY.replace("name: customer", "name: Members")
    sql = loyal(
        tmp_path, [{"not_in_segment": "x"}], entity, x="{kind: Segment, name: x, where: [country: FR]}"
    ).segment.sql.text
    assert '"segment_members"."id" = "Members"."id"' in sql
