"""One activation written for several: each is planned, applied, selected and remembered as if written by itself."""

from __future__ import annotations

import pytest

from tests.end_to_end.shop import Person, Shop, sha
from tests.end_to_end.test_completion import in_bash
from tests.sandbox_client import Sandbox

FAMILY = """\
kind: Activation
id: loyal-{{ each.country | lower }}
for_each: countries
segment:
  sql: select email, idfa from shop.people where kind = {{ each.country | sql }}
name: Loyal {{ each.country }}
tags: ["{{ each.team }}"]
"""
PROJECT = "kind: Project\nlists:\n  countries:\n    - {country: FR, team: west}\n    - {country: DE, team: middle}\n"


@pytest.fixture
def family(shop: Shop) -> Shop:
    shop.people(
        [Person("a@shop.example", kind="FR"), Person("b@shop.example", kind="DE"), Person("c@x.example", kind="IT")]
    )
    shop.write("activations/project.yaml", PROJECT)
    shop.write("activations/loyal.yaml", FAMILY)
    return shop


def test_each_entry_has_an_audience_of_its_own(family: Shop, sandbox: Sandbox) -> None:
    family.apply()
    members = {segment.name: sandbox.members(segment.id, "email") for segment in sandbox.segments()}
    assert members == {"Loyal FR": {sha("a@shop.example")}, "Loyal DE": {sha("b@shop.example")}}
    assert {change["action"] for change in family.plan().values()} == {"unchanged"}
    assert set(family.plan("--select", "tag:west")) == {"loyal-fr"}


def test_an_entry_more_is_a_new_audience_and_one_less_an_orphan(family: Shop) -> None:
    family.apply()
    family.write("activations/project.yaml", PROJECT.replace("country: FR", "country: IT"))
    plan = {id_: change["action"] for id_, change in family.plan().items()}
    assert plan == {"loyal-de": "unchanged", "loyal-it": "create", "loyal-fr": "orphaned"}


def test_a_family_of_what_was_written_by_hand_changes_nothing(family: Shop) -> None:
    family.remove("activations/loyal.yaml")
    for country in ("FR", "DE"):
        sql = f"select email, idfa from shop.people where kind = '{country}'"
        family.activation(f"loyal-{country.lower()}", name=f"Loyal {country}", sql=sql)
    family.apply()
    for country in ("fr", "de"):
        family.remove(f"activations/loyal-{country}.yaml")
    family.write("activations/loyal.yaml", FAMILY)
    assert {change["action"] for change in family.plan().values()} == {"unchanged"}


def test_what_is_wrong_against_the_data_names_the_entries(family: Shop) -> None:
    wrong = FAMILY.replace("tags:", 'mapping: {mobile_ad_id: "{{ each.country }}"}\ntags:')
    family.write("activations/loyal.yaml", wrong.replace("email, idfa", "email, idfa as FR"))
    err = family.run("validate", code=3).err
    assert "activations/loyal.yaml:7:" in err
    assert "(for country: DE, team: middle)" in err
    family.write("activations/loyal.yaml", FAMILY.replace("kind =", "kynd ="))
    err = family.run("validate", code=3).err
    assert "(for country: DE, team: middle; country: FR, team: west)" in err


def test_a_setting_says_which_entry_the_activation_is(family: Shop) -> None:
    out = family.run("validate", "--resolved", "loyal-de").out
    assert "country: DE, team: middle" in out


def test_completion_offers_the_members(family: Shop) -> None:
    assert in_bash(family, "headcount", "plan", "--select", "lo") == ["loyal-de", "loyal-fr"]
    assert in_bash(family, "headcount", "plan", "--select", "tag", ":", "w") == ["west"]


def test_members_that_are_gone_since_a_commit_have_changed(family: Shop) -> None:
    family.apply()
    family.write(".gitignore", ".headcount/\ndata/\n")
    family.git("init", "-q", "-b", "main")
    family.git("add", ".")
    family.git("commit", "-qm", "first")
    assert family.plan("--changed-since", "main") == {}
    family.write("activations/loyal.yaml", FAMILY.replace("countries", "[{country: FR, team: west}]"))
    assert set(family.plan("--changed-since", "main", "--prune")) == {"loyal-fr", "loyal-de"}
    family.write("activations/loyal.yaml", FAMILY)
    family.write("activations/project.yaml", PROJECT.replace("country: FR", "country: IT"))
    assert set(family.plan("--changed-since", "main", "--prune")) == {"loyal-fr", "loyal-de", "loyal-it"}


def test_conditions_know_the_entry_and_its_lists(family: Shop) -> None:
    family.write(
        "activations/loyal.yaml",
        """\
kind: Entity
name: person
from: shop.people
key: email
mapping: {email: email}
---
kind: Activation
id: loyal-{{ each.id }}
for_each: [{id: west, countries: [FR, BE], not: IT}, {id: odd, countries: ["L'A"], not: "L'A"}]
segment:
  name: Loyal {{ each.id }}
  of: person
  where: [{kind: "{{ each.countries }}"}, {sql: "kind <> {{ each.not | sql }}"}]
""",
    )
    assert {id_: one["members"][0]["added"] for id_, one in family.plan(code=None).items()} == {
        "loyal-west": 1, "loyal-odd": 0,
    }  # fmt: skip
    assert "kind <> 'L''A'" in family.run("show", "loyal-odd").out
