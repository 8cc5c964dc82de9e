"""With HEADCOUNT_LOG=json each line on standard error is an event that says what it is about, and nothing is beside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft7Validator

from runner.config import schema_folder
from tests.end_to_end.shop import CANARY, Result, Shop, mail
from tests.sandbox_client import Sandbox


def events(result: Result) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in result.err.splitlines()]
    schema = json.loads((schema_folder() / "log-event.schema.json").read_text(encoding="utf-8"))
    check = Draft7Validator(schema)
    assert [error.message for one in found for error in check.iter_errors(one)] == []
    return found


@pytest.fixture
def logged(shop: Shop) -> Shop:
    shop.environment["HEADCOUNT_LOG"] = "json"
    shop.activation()
    return shop


def test_each_step_of_a_run_is_an_event_about_its_run_and_activation(logged: Shop, sandbox: Sandbox) -> None:
    found = events(logged.apply("--verbose"))
    by_name = {one["event"]: one for one in found}
    assert {"criteo", "evaluated", "sending", "sent", "outcome"} <= by_name.keys()
    outcome = by_name["outcome"]
    assert (outcome["activation"], outcome["outcome"], outcome["added"]) == ("loyal", "done", 3)
    assert {(one["run"], one["command"]) for one in found if one["event"] in ("sent", "outcome")} == {(1, "apply")}
    assert {one["api"] for one in found} == {sandbox.url}
    assert {one["state"] for one in found} == {str(logged.folder / ".headcount")}
    logged.run("sync")
    assert {one["run"] for one in events(logged.run("sync")) if one["event"] == "outcome"} == {3}


def test_what_goes_wrong_is_an_event_with_what_to_do(logged: Shop) -> None:
    logged.apply()
    logged.people([])
    blocked = [one for one in events(logged.run("sync", code=4)) if one["event"] == "outcome"]
    assert [(one["level"], one["activation"]) for one in blocked] == [("warning", "loyal")]
    logged.people(mail(1))
    [error] = [
        one for one in events(logged.run("sync", code=1, CRITEO_CLIENT_SECRET="wrong")) if one["level"] == "error"
    ]
    assert error["hint" if error["event"] == "error" else "message"]
    logged.write("activations/more.yaml", "kind: Activation\nid: more\n")
    [finding] = events(logged.run("validate", code=3))
    assert (finding["event"], finding["code"], finding["line"]) == ("finding", "missing-field", 1)
    [usage] = events(logged.run("sync", "--nonsense", code=64))
    assert usage["level"] == "error"


def test_no_event_holds_a_person(logged: Shop) -> None:
    logged.activation(sql="select error(email) as email from shop.people")
    text = logged.run("plan", "-v", code=1).err
    assert CANARY not in text
    assert all(json.loads(line) for line in text.splitlines())


def test_nobody_is_asked_among_events(logged: Shop) -> None:
    [error] = events(logged.run("apply", code=64))
    assert "--yes" in error["hint"]


def test_a_form_of_the_log_that_there_is_not_is_refused(shop: Shop) -> None:
    assert "HEADCOUNT_LOG=jsn is not a form of the log" in shop.run("validate", code=64, HEADCOUNT_LOG="jsn").err
