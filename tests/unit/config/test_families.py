"""`for_each`: one document for each entry, which comes to what would have been written by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runner.core.destination import Secret
from runner.core.identifiers import IdentifierType
from runner.core.project import Limit
from tests.unit.config.projects import DEFAULTS, DESTINATION, codes, findings, project

FAMILY = """\
kind: Activation
id: loyal-{{ each.country }}
for_each: {country: [FR, DE]}
segment:
  sql: select mail from shop.customers where country = {{ each.country | sql }}
name: Loyal {{ each.country }}
tags: ["{{ each.country }}"]
"""
WRITTEN = """\
kind: Activation
id: loyal-FR
segment:
  sql: select mail from shop.customers where country = 'FR'
name: Loyal FR
tags: [FR]
---
kind: Activation
id: loyal-DE
segment:
  sql: select mail from shop.customers where country = 'DE'
name: Loyal DE
tags: [DE]
"""


def test_a_family_is_what_would_have_been_written_for_each_entry(tmp_path: Path) -> None:
    family = project(tmp_path / "a", a=FAMILY, d=DEFAULTS).activations
    written = project(tmp_path / "b", a=WRITTEN, d=DEFAULTS).activations
    for made, by_hand in zip(family, written, strict=True):
        assert (made.id, made.name, made.tags, made.segment.sql.text) == (
            by_hand.id, by_hand.name, by_hand.tags, by_hand.segment.sql.text,
        )  # fmt: skip
        assert made.segment.meaning == by_hand.segment.meaning  # so that a plan shows no change of SQL
    assert [one.entry for one in family] == ["country: DE", "country: FR"]


def test_an_entry_may_be_a_mapping_and_its_values_keep_their_type(tmp_path: Path) -> None:
    text = (
        "kind: Activation\n"
        "id: loyal-{{ each.country | lower }}\n"
        "for_each:\n"
        "  - {country: FR, fewest: 20, columns: {email: mail_fr}, tags: [fr, west], kept: true, most: 10%}\n"
        "  - {country: DE, fewest: 30, columns: {phone_number: tel}, tags: [], kept: false, most: 500}\n"
        "segment: {name: 'Loyal {{ each.country }}', sql: select 1}\n"
        'mapping: "{{ each.columns }}"\n'
        'tags: "{{ each.tags }}"\n'
        'protect: "{{ each.kept }}"\n'
        'guardrails: {min_members: "{{ each.fewest }}", max_removed: "{{ each.most }}"}\n'
    )
    de, fr = project(tmp_path, a=text, d=DESTINATION).activations
    assert (fr.id, fr.mapping, fr.tags, fr.protect) == (
        "loyal-fr",
        {IdentifierType.EMAIL: ("mail_fr",)},
        ("fr", "west"),
        True,
    )
    assert (fr.guardrails.min_members, fr.guardrails.max_removed) == (20, Limit(10, percent=True))
    assert (de.mapping, de.tags, de.protect) == ({IdentifierType.PHONE_NUMBER: ("tel",)}, (), False)
    assert (de.guardrails.min_members, de.guardrails.max_removed) == (30, Limit(500, percent=False))


def test_a_number_is_a_text_where_a_text_is_wanted(tmp_path: Path) -> None:
    text = FAMILY.replace("[FR, DE]", "[7, 8]").replace("Loyal {{ each.country }}", "'{{ each.country }}'")
    assert [one.tags for one in project(tmp_path, a=text, d=DEFAULTS).activations] == [("7",), ("8",)]


def test_several_documents_share_a_list_of_the_project(tmp_path: Path) -> None:
    lists = "kind: Project\nlists:\n  countries: [FR, DE]\n  markets: [{country: IT, limit: 5}]\n"
    other = FAMILY.replace("loyal", "lapsed").replace("Loyal", "Lapsed").replace("{country: [FR, DE]}", "markets")
    text = FAMILY.replace("[FR, DE]", "countries") + "---\n" + other
    assert [one.id for one in project(tmp_path, p=lists, a=text, d=DEFAULTS).activations] == [
        "lapsed-IT", "loyal-DE", "loyal-FR",
    ]  # fmt: skip


def test_a_list_may_come_from_a_variable(tmp_path: Path) -> None:
    variables = "kind: Project\nvars: {countries: [FR, DE]}\n"
    text = FAMILY.replace("[FR, DE]", "\"{{ var('countries') }}\"")
    assert len(project(tmp_path, p=variables, a=text, d=DEFAULTS).activations) == 2


def test_an_empty_list_makes_no_document(tmp_path: Path) -> None:
    assert project(tmp_path, a=FAMILY.replace("[FR, DE]", "[]"), d=DEFAULTS).activations == ()


def test_a_destination_may_be_a_family_and_activations_name_its_members(tmp_path: Path) -> None:
    destination = DEFAULTS.replace("name: criteo-fr", "name: criteo-{{ each.country }}\nfor_each: markets")
    destination = destination.replace('"12345"', '"{{ each.account }}"')
    lists = "kind: Project\nlists: {markets: [{country: FR, account: 123}, {country: DE, account: 456}]}\n"
    text = FAMILY.replace("{country: [FR, DE]}", "markets") + "destination: criteo-{{ each.country }}\n"
    found = project(tmp_path, p=lists, a=text, d=destination)
    assert {one.name: one.account_id for one in found.destinations} == {"criteo-FR": "123", "criteo-DE": "456"}
    assert [one.account.account_id for one in found.activations] == ["456", "123"]


def test_a_file_of_sql_knows_the_entry(tmp_path: Path) -> None:
    (tmp_path / "activations").mkdir(parents=True)
    (tmp_path / "activations" / "loyal.sql").write_text(
        "select mail from shop.c where country = {{ each.country | sql }}"
    )
    text = FAMILY.replace(
        "sql: select mail from shop.customers where country = {{ each.country | sql }}", "file: loyal.sql"
    )
    assert [one.segment.sql.text[-4:] for one in project(tmp_path, a=text, d=DEFAULTS).activations] == ["'DE'", "'FR'"]


def test_a_variable_has_a_name_that_the_entry_computes(tmp_path: Path) -> None:
    variables = "kind: Project\nvars: {limit_FR: 5, limit_DE: 6}\n"
    text = FAMILY + "guardrails: {min_members: \"{{ var('limit_' ~ each.country) }}\"}\n"
    found = project(tmp_path, p=variables, a=text, d=DEFAULTS, var={"limit_FR": "9"}).activations
    assert [one.guardrails.min_members for one in found] == [6, 9]
    (missing,) = findings(tmp_path, p="kind: Project\nvars: {limit_FR: 5}\n", a=text, d=DEFAULTS)
    assert (missing.code, missing.message.endswith("(for country: DE)")) == ("template-failed", True)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("FR", "unknown-list"),
        ("{country: nations}", "unknown-list"),
        ("plain", "wrong-list"),
        ("{country: mapped}", "wrong-list"),
        ("[FR]", "invalid-value"),
        ("{country: [FR], language: [fr]}", "invalid-value"),
        ("{country: [[FR]]}", "invalid-value"),
        ("{'a b': [FR]}", "invalid-value"),
        ("{_country: [FR]}", "invalid-value"),
        ("[{}]", "invalid-value"),
        ("5", "invalid-value"),
        ("", "empty-value"),
        ("'{{ absent }}'", "unknown-name"),
        ("'{{ each.country }}'", "each-not-available"),
    ],
)
def test_what_is_no_family_is_a_finding_at_its_place(tmp_path: Path, value: str, code: str) -> None:
    lists = "kind: Project\nlists: {plain: [FR], mapped: [{country: FR}]}\n"
    text = FAMILY.replace("{country: [FR, DE]}", value)
    assert [(one.code, one.location.line) for one in findings(tmp_path, p=lists, a=text, d=DEFAULTS)] == [(code, 3)]


def test_lists_with_findings_make_no_others(tmp_path: Path) -> None:
    text = FAMILY.replace("{country: [FR, DE]}", "markets")
    assert codes(tmp_path, p="kind: Project\nlists: {markets: FR}\n", a=text, d=DEFAULTS) == ["invalid-value"]


def test_a_finding_names_the_entries_that_it_is_about(tmp_path: Path) -> None:
    text = FAMILY.replace("[FR, DE]", "[FR, 'D/E', 'I T', A B, C D, E F]")
    found = findings(tmp_path, a=text, d=DEFAULTS)
    assert [one.location.line for one in found] == [2, 7]
    assert found[0].message.endswith("(for country: D/E; country: I T; country: A B; and 2 more)")


def test_entries_that_give_one_id_are_a_finding_that_names_them(tmp_path: Path) -> None:
    text = FAMILY.replace("id: loyal-{{ each.country }}", "id: loyal")
    (found,) = findings(tmp_path, a=text, d=DEFAULTS)
    assert (found.code, found.location.line) == ("duplicate-id", 2)
    assert found.message == (
        'entry "country: FR" gives the id "loyal" too; each entry needs its own, so write one with `each` in it'
        " (for country: DE)"
    )
    twice = FAMILY.replace("[FR, DE]", "[FR, FR]")
    assert findings(tmp_path, a=twice, d=DEFAULTS)[0].message.endswith("(for country: FR (entry 2))")


def test_entries_that_give_one_name_are_a_finding(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, a=FAMILY.replace("Loyal {{ each.country }}", "Loyal"), d=DEFAULTS)
    assert found.code == "duplicate-audience-name"
    assert "write a `name` with `each` in it (for country: DE)" in found.message
    destination = DEFAULTS.replace("name: criteo-fr", "name: criteo-fr\nfor_each: {country: [FR, DE]}")
    (found,) = findings(tmp_path, a=FAMILY, d=destination)
    assert (found.code, found.message.endswith("(for country: DE)")) == ("duplicate-name", True)


def test_a_key_that_an_entry_does_not_have_is_a_finding_for_it(tmp_path: Path) -> None:
    text = FAMILY.replace("{country: [FR, DE]}", "[{country: FR, currency: EUR}, {country: CH}]")
    (found,) = findings(tmp_path, a=text + "owner: '{{ each.currency }}'\n", d=DEFAULTS)
    assert (found.code, found.location.line) == ("template-failed", 8)
    assert found.message.endswith("(for country: CH)")


def test_only_what_can_be_a_family_takes_for_each(tmp_path: Path) -> None:
    segment = "---\nkind: Segment\nname: s\nfor_each: {country: [FR]}\nsql: select 1\n"
    assert codes(tmp_path, a=FAMILY + segment, d=DEFAULTS) == ["unknown-field"]
    assert (
        codes(tmp_path, a=FAMILY.replace("for_each: {country: [FR, DE]}\n", ""), d=DEFAULTS)
        == ["each-not-available"] * 4
    )


def test_families_come_to_a_bounded_number_of_documents(tmp_path: Path) -> None:
    text = FAMILY.replace("[FR, DE]", str(list(range(10_001))))
    assert codes(tmp_path, a=text, d=DEFAULTS) == ["too-many-entries"]


def test_a_setting_says_which_entry_it_is(tmp_path: Path) -> None:
    found = project(tmp_path, a=FAMILY, d=DEFAULTS).activations[0]
    assert (found.settings[0].key, found.settings[0].value) == ("for_each", "country: DE")
    assert found.settings[0].location is not None
    assert found.settings[0].location.line == 3


def test_a_family_is_recognised_on_another_day_by_its_entry(tmp_path: Path) -> None:
    from datetime import date

    text = FAMILY.replace("Loyal {{ each.country }}", "Loyal {{ each.country }} {{ today.year }}")
    text = text.replace("where country", "where day < date '{{ today }}' and country")
    first = project(tmp_path, a=text, d=DEFAULTS, today=date(2026, 11, 24)).activations
    second = project(tmp_path, a=text, d=DEFAULTS, today=date(2027, 1, 2)).activations
    assert [one.segment.meaning for one in first] == [one.segment.meaning for one in second]
    assert len({one.segment.meaning for one in first}) == 2
    assert ["'DE'" in one.segment.declared for one in first] == [True, False]
    assert first[0].any_day is not None
    assert first[0].any_day.name == "Loyal DE 2000"


def test_a_family_of_ten_times_as_many_entries_takes_ten_times_the_steps(tmp_path: Path) -> None:
    def calls(entries: int) -> int:
        count = 0

        def note(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        text = FAMILY.replace("[FR, DE]", str([f"C{number}" for number in range(entries)]))
        (tmp_path / str(entries)).mkdir()
        sys.setprofile(note)
        try:
            assert len(project(tmp_path / str(entries), a=text, d=DEFAULTS).activations) == entries
        finally:
            sys.setprofile(None)
        return count

    calls(5)  # what is imported and compiled once
    assert calls(500) < 11 * calls(50)


@pytest.mark.parametrize(
    ("reference", "codes_found"),
    [
        ("env('CRITEO_ID_' ~ each.country)", []),
        ("env(each.name)", []),
        ("env( 'CRITEO_ID_'~each.country ~ '_' )", []),
        ("env('CRITEO_ID_' ~ each.country, 'sandbox')", []),
        ("env('CRITEO_ID_' ~ each.absent)", ["literal-secret"]),
        ("env('CRITEO_ID_' ~ each.city)", ["literal-secret"]),
        ("env('CRITEO_ID_' ~ (each.country | upper))", ["literal-secret"]),
        ("env('PATH_' ~ each.country)", ["env-not-allowed"]),
    ],
)
def test_credentials_may_be_those_of_the_entry(tmp_path: Path, reference: str, codes_found: list[str]) -> None:
    entries = "for_each: [{country: FR, name: CRITEO_ID_FR, city: 'St. Denis'}]"
    text = DEFAULTS.replace("name: criteo-fr", f"name: criteo-{{{{ each.country }}}}\n{entries}")
    text = text.replace("env('CRITEO_CLIENT_ID')", reference)
    environ = {"CRITEO_ID_FR": "id of fr", "CRITEO_ID_FR_": "id of fr", "PATH_FR": "secret"}
    if codes_found:
        assert codes(tmp_path, a=FAMILY, d=text, environ=environ) == codes_found
        return
    [destination] = project(tmp_path, a=FAMILY, d=text, environ=environ).destinations
    assert destination.credentials.client_id == Secret("id of fr")
