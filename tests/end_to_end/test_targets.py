"""Targets: variables, a state and an audience of their own for staging and for production."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.end_to_end.shop import Shop
from tests.end_to_end.test_completion import in_bash
from tests.sandbox_client import Sandbox

PROJECT = """\
kind: Project
vars: {kind: none, suffix: ""}
targets:
  staging: {vars: {suffix: " (staging)", kind: all}}
  prod: {state: ../states/prod, vars: {kind: all}}
"""


@pytest.fixture
def two(shop: Shop) -> Shop:
    shop.write("activations/project.yaml", PROJECT)
    shop.activation(
        name="Loyal{{ var('suffix') }}", sql="select email from shop.people where kind = '{{ var('kind') }}'"
    )
    return shop


def test_each_target_has_variables_and_a_state_of_its_own(two: Shop, sandbox: Sandbox) -> None:
    assert 'Using target "staging".' in two.apply("--target", "staging").err
    assert [segment.name for segment in sandbox.segments()] == ["Loyal (staging)"]
    assert (two.folder / ".headcount/staging/state.db").is_file()
    two.run("apply", "--yes", HEADCOUNT_TARGET="prod")
    assert {segment.name for segment in sandbox.segments()} == {"Loyal (staging)", "Loyal"}
    assert (two.folder / "states/prod/state.db").is_file()
    assert {change["action"] for change in two.plan("--target", "prod").values()} == {"unchanged"}


def test_a_variable_of_the_command_line_is_above_the_targets(two: Shop) -> None:
    assert "the segment yields nobody" in two.run("plan", "--target", "prod", "--var", "kind=nobody", code=4).out
    [change] = two.plan("--target", "prod", "--var", "suffix=!", "--format", "json").values()
    assert change["name"] == "Loyal!"


@pytest.mark.parametrize(
    "command",
    [
        ["plan"], ["apply", "--yes"], ["sync"], ["status"], ["schedule"], ["history"], ["accounts"], ["show", "loyal"],
        ["preview", "loyal"], ["import", "loyal", "1"], ["validate", "--resolved", "loyal"], ["state", "list"],
    ],
)  # fmt: skip
def test_where_targets_are_declared_one_must_be_chosen(two: Shop, command: list[str]) -> None:
    said = two.run(*command, code=64).err
    assert "the project declares targets: prod, staging" in said
    assert "--target" in said
    assert 'did you mean "prod"?' in two.run(*command, "--target", "prodd", code=64).err


def test_a_target_of_a_project_without_targets_is_wrong_usage(shop: Shop) -> None:
    shop.activation()
    assert 'there is no target "prod": the project declares none' in shop.run("plan", "--target", "prod", code=64).err
    shop.write("activations/project.yaml", "kind: Project\n")
    assert "declares none" in shop.run("status", code=64, HEADCOUNT_TARGET="prod").err
    assert "declares none" in shop.run("history", code=64, HEADCOUNT_TARGET="prod").err


def test_validate_checks_each_target_where_none_is_chosen(two: Shop) -> None:
    assert two.run("validate").out == "activations is valid for each of the targets staging, prod.\n"
    two.write(
        "activations/project.yaml", PROJECT.replace("prod: {state: ../states/prod, vars: {kind: all}}", "prod: {}")
    )
    two.activation(
        name="Loyal{{ var('suffix') }}", guardrails={"min_members": "{{ 5 if var('kind') == 'all' else -1 }}"}
    )
    said = two.run("validate", code=3).err
    assert "guardrails.min_members must be" in said
    assert "(for target prod)" in said
    assert "1 activation" in two.run("validate", "--target", "staging").out
    two.activation(nmae="typo", name="Loyal")
    said = two.run("validate", code=3).err
    assert "unknown field" in said
    assert "for target" not in said  # it is wrong for each of them


def test_two_targets_with_one_state_are_a_finding(two: Shop) -> None:
    for state in ("../.headcount/staging", "../.headcount/./Staging/"):
        two.write("activations/project.yaml", PROJECT.replace("../states/prod", state))
        said = two.run("validate", code=3).err
        assert 'activations/project.yaml:5:17: error[shared-state]: targets "staging" and "prod" have one state' in said
    two.write("activations/project.yaml", PROJECT + "state: ../.headcount\n")
    assert "has both `targets` and a `state`" in two.run("validate", code=3).err


def test_the_state_of_the_environment_is_above_the_targets_and_belongs_to_one_of_them(two: Shop) -> None:
    elsewhere = {"HEADCOUNT_STATE": str(two.folder / "elsewhere")}
    two.run("apply", "--yes", "--target", "staging", **elsewhere)
    assert (two.folder / "elsewhere/state.db").is_file()
    assert not (two.folder / ".headcount").exists()
    said = two.run("plan", "--target", "prod", code=1, **elsewhere).err
    assert 'belongs to target "staging", and this command is about target "prod"' in said
    two.run("state", "bind", "--target", "prod", "--yes", **elsewhere)
    two.run("plan", "--target", "prod", **elsewhere)


def test_a_plan_is_for_one_target(two: Shop) -> None:
    two.run("plan", "--target", "staging", "--out", "plan.json")
    assert json.loads((two.folder / "plan.json").read_text())["options"]["target"] == "staging"
    said = two.run("apply", "plan.json", "--yes", "--target", "prod", code=64).err
    assert "the plan was made for target staging" in said
    two.run("apply", "plan.json", "--yes", "--target", "staging")
    assert "### Headcount plan for prod" in two.run("plan", "--target", "prod", "--format", "markdown").out
    assert two.run("plan", "--target", "prod").out.rstrip().endswith("target prod")
    ids = {two.run("plan", "--target", name, "--format", "json").json["target"] for name in ("staging", "prod")}
    assert ids == {"staging", "prod"}


def test_commands_that_only_look_say_which_target_they_use(two: Shop) -> None:
    two.apply("--target", "prod")
    for command in (["status"], ["history"], ["schedule"], ["state", "list"], ["doctor"], ["show", "loyal"]):
        assert 'Using target "prod".' in two.run(*command, "--target", "prod", code=None).err
    assert "states/prod." in two.run("plan", "--target", "prod").err


def test_files_cannot_read_the_target_from_the_environment(two: Shop) -> None:
    destination = Path(two.folder / "activations/shop.yaml").read_text().replace("CRITEO_CLIENT_ID", "HEADCOUNT_TARGET")
    two.write("activations/shop.yaml", destination)
    assert "env-not-allowed" in two.run("validate", code=3).err


def test_targets_are_completed(two: Shop) -> None:
    assert in_bash(two, "headcount", "plan", "--target", "") == ["prod", "staging"]


def test_defaults_of_the_project_may_use_the_variables_of_a_target(two: Shop) -> None:
    two.write("activations/project.yaml", PROJECT + "defaults: {owner: \"{{ var('suffix') or 'crm' }}\"}\n")
    rows = two.run("status", "--target", "prod", "--format", "json").json["activations"]
    assert [row["owner"] for row in rows] == ["crm"]
    assert two.run("history", "--target", "prod").out
