"""The Project's defaults: one layer below those of destinations, and fit for destinations of every kind."""

from __future__ import annotations

from pathlib import Path

from runner.core.identifiers import IdentifierType
from runner.core.project import Guardrails, Limit, Schedule
from tests.unit.config.projects import ACTIVATION, DESTINATION, activation, codes, findings, project

PROJECT = """\
kind: Project
vars: {hours: 6, share: 10}
defaults:
  mapping: {email: mail, mobile_ad_id: idfa}
  schedule: {every: "{{ var('hours') }}h"}
  guardrails: {max_removed: "{{ var('share') }}%", min_members: 1000}
  owner: crm
  tags: [retail]
"""
ONSITE = """\
kind: Destination
name: onsite
type: criteo-retail-media
account_id: "555"
retailer_id: "12"
credentials: {client_id: sandbox, client_secret: sandbox}
"""


def test_defaults_of_the_project_win_over_the_built_in_ones(tmp_path: Path) -> None:
    found = activation(tmp_path, ACTIVATION, DESTINATION, p=PROJECT)
    assert found.mapping == {IdentifierType.EMAIL: ("mail",), IdentifierType.MOBILE_AD_ID: ("idfa",)}
    assert found.schedule == Schedule(every=21_600)
    assert found.guardrails == Guardrails(Limit(10, percent=True), None, 1_000, max_removed_declared=True)
    assert (found.owner, found.tags) == ("crm", ("retail",))


def test_a_destination_and_an_activation_win_over_the_project(tmp_path: Path) -> None:
    destination = DESTINATION + "defaults: {mapping: {email: hashed}, schedule: {every: 1d}, tags: [fr]}\n"
    own = "mapping: {mobile_ad_id: null}\nguardrails: {min_members: 5}\nowner: web\n"
    found = activation(tmp_path, ACTIVATION + own, destination, p=PROJECT)
    assert found.mapping == {IdentifierType.EMAIL: ("hashed",)}
    assert found.schedule == Schedule(every=86_400)
    assert (found.guardrails.max_removed, found.guardrails.min_members) == (Limit(10, percent=True), 5)
    assert (found.owner, found.tags) == ("web", ("retail", "fr"))


def test_a_setting_of_the_project_says_where_it_came_from(tmp_path: Path) -> None:
    found = activation(tmp_path, ACTIVATION, DESTINATION, p=PROJECT)
    places = {part.key: part.location and Path(part.location.file).name for part in found.settings}
    assert (places["mapping.email"], places["schedule"], places["owner"]) == ("p.yaml", "p.yaml", "p.yaml")
    assert places["protect"] is None


def test_what_is_wrong_in_the_defaults_of_the_project_is_said_once_at_its_place(tmp_path: Path) -> None:
    wrong = PROJECT.replace("{{ var('share') }}%", "300%").replace("owner: crm", "onwer: crm")
    found = findings(tmp_path, a=ACTIVATION + "mapping: {email: mail}\n", d=DESTINATION, p=wrong)
    assert [(one.code, one.location.line) for one in found] == [("unknown-field", 7)]
    wrong = PROJECT.replace("{{ var('share') }}%", "300%")
    found = findings(tmp_path, a=ACTIVATION + "mapping: {email: mail}\n", d=DESTINATION, p=wrong)
    assert [(one.code, one.location.line) for one in found] == [("invalid-value", 6)]


def test_an_unknown_variable_in_the_defaults_of_the_project_is_a_finding(tmp_path: Path) -> None:
    wrong = PROJECT.replace("var('hours')", "var('houres')")
    (found,) = findings(tmp_path, a=ACTIVATION, d=DESTINATION, p=wrong)
    assert (found.code, found.location.line) == ("unknown-variable", 5)
    assert 'did you mean "hours"?' in found.message


def test_a_type_that_the_destination_cannot_take_is_left_out_where_a_layer_below_maps_it(tmp_path: Path) -> None:
    text = PROJECT.replace("mobile_ad_id: idfa", "customer_id: id, gum_id: gum")
    found = activation(tmp_path, ACTIVATION, DESTINATION, p=text)
    assert found.mapping == {IdentifierType.EMAIL: ("mail",)}
    shown = {part.key: part.value for part in found.settings}
    assert shown["mapping.customer_id"] == "left out: marketing solutions takes none"
    assert shown["mapping.gum_id"] == "left out: the destination has no gum_caller_id"
    codes_of_own = codes(tmp_path, a=ACTIVATION + "mapping: {customer_id: id, gum_id: gum}\n", d=DESTINATION, p=text)
    assert codes_of_own == ["identifier-not-taken", "missing-gum-caller-id"]


def test_a_destination_of_one_type_takes_the_first_of_the_uppermost_layer_that_maps_one(tmp_path: Path) -> None:
    text = PROJECT.replace("email: mail, mobile_ad_id: idfa", "mobile_ad_id: idfa, customer_id: id, email: mail")
    customer = {IdentifierType.CUSTOMER_ID: ("id",)}
    assert activation(tmp_path, ACTIVATION, ONSITE, p=text).mapping == customer
    emailing = ONSITE + "defaults: {mapping: {email: hashed, phone_number: phone}}\n"
    assert activation(tmp_path, ACTIVATION, emailing, p=text).mapping == {IdentifierType.EMAIL: ("hashed",)}
    own = ACTIVATION + "mapping: {phone_number: tel}\n"
    assert activation(tmp_path, own, emailing, p=text).mapping == {IdentifierType.PHONE_NUMBER: ("tel",)}
    off = ACTIVATION + "mapping: {email: null}\n"
    assert activation(tmp_path, off, emailing, p=text).mapping == {IdentifierType.PHONE_NUMBER: ("phone",)}


def test_where_nothing_mapped_can_be_taken_the_finding_says_what_was_left_out(tmp_path: Path) -> None:
    text = "kind: Project\ndefaults: {mapping: {mobile_ad_id: idfa}}\n"
    (found,) = findings(tmp_path, a=ACTIVATION, d=ONSITE, p=text)
    assert found.code == "no-identifier"
    assert found.hint == "mobile_ad_id is mapped by default, and left out: retail media takes none"


def test_defaults_of_a_destination_may_be_left_out_too(tmp_path: Path) -> None:
    destination = DESTINATION + "defaults: {mapping: {email: mail, user_identifier: uid}}\n"
    assert activation(tmp_path, ACTIVATION, destination).mapping == {IdentifierType.EMAIL: ("mail",)}


def test_a_project_document_with_nothing_but_defaults_is_one(tmp_path: Path) -> None:
    assert project(tmp_path, a=ACTIVATION, d=DESTINATION, p=PROJECT).activations[0].owner == "crm"
