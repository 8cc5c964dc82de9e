"""Built-in settings, a destination's defaults, an activation's own: who wins, and whether it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.core.identifiers import IdentifierType
from runner.core.project import Guardrails, Limit, Schedule
from tests.unit.config.projects import ACTIVATION, DEFAULTS, DESTINATION, activation, codes, findings

RICH = DESTINATION + (
    "defaults:\n"
    "  mapping: {email: mail, mobile_ad_id: idfa}\n"
    "  schedule: {every: 6h}\n"
    "  guardrails: {max_removed: 10%, min_members: 1000}\n"
    "  protect: true\n"
)


def test_an_activation_of_id_and_segment_alone_takes_the_only_destination(tmp_path: Path) -> None:
    found = activation(tmp_path, ACTIVATION)
    assert found.destination.name == "criteo-fr"
    assert (found.name, found.description) == ("Loyal", "")
    assert found.mapping == {IdentifierType.EMAIL: ("mail",)}
    assert found.schedule == Schedule()
    assert found.guardrails == Guardrails()
    assert not found.protect


def test_defaults_of_the_destination_win_over_the_built_in_ones(tmp_path: Path) -> None:
    found = activation(tmp_path, ACTIVATION, RICH)
    assert found.schedule == Schedule(every=21_600)
    assert found.guardrails == Guardrails(Limit(10, percent=True), None, 1_000, max_removed_declared=True)
    assert found.protect


def test_an_activation_wins_key_by_key_and_replaces_a_schedule_whole(tmp_path: Path) -> None:
    own = "mapping: {email: other}\nschedule: {cron: '0 6 * * *'}\nguardrails: {max_removed: 500, max_added: 200%}\n"
    found = activation(tmp_path, ACTIVATION + own + "protect: false\n", RICH)
    assert found.mapping == {IdentifierType.EMAIL: ("other",), IdentifierType.MOBILE_AD_ID: ("idfa",)}
    assert found.schedule == Schedule(cron="0 6 * * *", timezone="UTC")
    assert found.guardrails.max_removed == Limit(500, percent=False)
    assert found.guardrails.max_added == Limit(200, percent=True)
    assert found.guardrails.min_members == 1_000
    assert not found.protect


def test_null_switches_a_default_off(tmp_path: Path) -> None:
    own = "mapping: {email: null}\nschedule: null\nguardrails: {max_removed: null, min_members: ~}\nprotect: null\n"
    found = activation(tmp_path, ACTIVATION + own, RICH)
    assert found.mapping == {IdentifierType.MOBILE_AD_ID: ("idfa",)}
    assert found.schedule.manual
    assert (found.guardrails.max_removed, found.guardrails.min_members) == (None, 0)
    assert found.guardrails.max_removed_declared
    assert not found.protect


def test_null_for_all_guardrails_switches_off_the_built_in_one_as_well(tmp_path: Path) -> None:
    assert activation(tmp_path, ACTIVATION + "guardrails: null\n").guardrails.max_removed is None


def test_an_empty_section_is_no_null(tmp_path: Path) -> None:
    assert codes(tmp_path, a=ACTIVATION + "guardrails:\n", d=DEFAULTS) == ["empty-value"]


def test_null_for_a_description_keeps_the_segments_out(tmp_path: Path) -> None:
    text = ACTIVATION.replace("  sql", "  description: Ten baskets\n  sql")
    assert activation(tmp_path, text).description == "Ten baskets"
    assert activation(tmp_path, text + "description: null\n").description == ""


def test_a_segment_without_a_name_takes_the_activations(tmp_path: Path) -> None:
    found = activation(tmp_path, ACTIVATION.replace("  name: Loyal\n", "") + "name: Loyal ones\n")
    assert (found.name, found.segment.name) == ("Loyal ones", "Loyal ones")


def test_every_setting_says_where_it_came_from(tmp_path: Path) -> None:
    own = "guardrails: {min_members: 5}\nmapping: {mobile_ad_id: null}\n"
    found = activation(tmp_path, ACTIVATION + own, RICH)
    told = {
        part.key: (part.value, part.location and f"{Path(part.location.file).name}:{part.location.line}")
        for part in found.settings
    }
    assert told == {
        "name": ("Loyal", "a.yaml:4"),
        "description": ("", None),
        "destination": ("criteo-fr", "d.yaml:2"),
        "segment": ("Loyal", "a.yaml:4"),
        "mapping.email": ("mail", "d.yaml:9"),
        "mapping.mobile_ad_id": ("off", "a.yaml:7"),
        "schedule": ("every 6h", "d.yaml:10"),
        "freshness": ("off", None),
        "guardrails.max_removed": ("10%", "d.yaml:11"),
        "guardrails.max_added": ("off", None),
        "guardrails.min_members": ("5", "a.yaml:6"),
        "protect": ("true", "d.yaml:12"),
    }


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *((word, "mobile_ad_id") for word in ("madid", "maid", "IDFA", "gaid", "aaid", "adid")),
        ("phone", "phone_number"),
        ("tel", "phone_number"),
        ("gum", "gum_id"),
        ("identityLink", "liveramp_identity_link"),
        ("emial", "email"),
    ],
)
def test_an_identifier_type_is_recognised_by_what_it_is_called_elsewhere(
    tmp_path: Path, written: str, meant: str
) -> None:
    (finding,) = findings(tmp_path, a=ACTIVATION + f"mapping: {{{written}: x}}\n", d=DEFAULTS)
    assert f'did you mean "{meant}"?' in finding.message


def test_a_type_may_be_in_several_columns(tmp_path: Path) -> None:
    found = activation(tmp_path, ACTIVATION + "mapping: {email: [mail, mail_sha256], mobile_ad_id: idfa}\n")
    assert found.mapping == {IdentifierType.EMAIL: ("mail", "mail_sha256"), IdentifierType.MOBILE_AD_ID: ("idfa",)}
    assert {part.key: part.value for part in found.settings}["mapping.email"] == "mail, mail_sha256"


@pytest.mark.parametrize("columns", ["[]", "[mail, mail]", "[mail, 5]", "[mail, null]", "{mail: mail}", "['']"])
def test_what_is_no_column_and_no_list_of_them_is_a_finding(tmp_path: Path, columns: str) -> None:
    assert codes(tmp_path, a=ACTIVATION + f"mapping: {{email: {columns}}}\n", d=DEFAULTS) == ["invalid-value"]
