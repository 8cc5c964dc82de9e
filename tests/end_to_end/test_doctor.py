"""`headcount doctor`, with one thing after the other out of order."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import Any

import pytest

from runner.state import open_folder
from tests.end_to_end.shop import Result, Shop, minutes_pass
from tests.object_store import running_store
from tests.sandbox_client import Sandbox
from tests.webhook import webhook

NO_CREDENTIALS = {"CRITEO_CLIENT_ID": "", "CRITEO_CLIENT_SECRET": ""}


@pytest.fixture
def healthy(shop: Shop) -> Shop:
    shop.activation()
    return shop


def checks(result: Result, verdict: str) -> list[tuple[str, str]]:
    return [(one["topic"], one["subject"]) for one in result.json["checks"] if one["verdict"] == verdict]


def told(result: Result, topic: str) -> str:
    """Every message and hint of a topic."""
    return "\n".join(f"{one['message']} -> {one['hint']}" for one in result.json["checks"] if one["topic"] == topic)


def examined(shop: Shop, code: int = 0, *arguments: str, **environment: str) -> Result:
    return shop.run("doctor", "--format", "json", *arguments, code=code, HEADCOUNT_RETRY_SECONDS="0", **environment)


def test_a_healthy_project_has_nothing_wrong(healthy: Shop) -> None:
    result = examined(healthy)
    assert result.json["healthy"] is True
    assert checks(result, "wrong") == checks(result, "warn") == []
    topics = {topic for topic, _ in checks(result, "ok")}
    assert topics == {"versions", "files", "credentials", "account", "clock", "source", "segment", "state", "disk"}
    assert "12345 (" in told(result, "account")
    assert healthy.run("doctor").out.endswith("checks: nothing is wrong.\n")


def test_it_changes_nothing(healthy: Shop, sandbox: Sandbox) -> None:
    examined(healthy)
    assert not (healthy.folder / ".headcount").exists()
    assert sandbox.segments() == ()


def test_missing_credentials_are_named_and_keep_nothing_else_from_being_looked_at(healthy: Shop) -> None:
    result = examined(healthy, 1, **NO_CREDENTIALS)
    assert checks(result, "wrong") == [("credentials", "criteo"), ("credentials", "criteo")]
    assert "CRITEO_CLIENT_SECRET is not set (activations/shop.yaml:" in told(result, "credentials")
    assert {("account", "criteo"), ("clock", "")} == set(checks(result, "warn"))
    assert {"source", "segment", "state"} <= {topic for topic, _ in checks(result, "ok")}


def test_no_value_of_a_credential_is_shown(healthy: Shop) -> None:
    result = healthy.run("doctor", "--verbose", code=1, CRITEO_CLIENT_SECRET="s3cret-value", CRITEO_CLIENT_ID="an-id")
    assert "wrong  account" in result.out
    assert "s3cret-value" not in result.out + result.err
    assert "an-id" not in result.out + result.err


def test_an_account_that_may_not_be_used_is_wrong_and_those_that_may_are_named(healthy: Shop) -> None:
    text = (healthy.folder / "activations/shop.yaml").read_text().replace('"12345"', '"999"')
    healthy.write("activations/shop.yaml", text)
    result = examined(healthy, 1)
    assert checks(result, "wrong") == [("account", "criteo")]
    assert "may not use ad account 999" in told(result, "account")
    assert "67890" in told(result, "account")
    assert ("clock", "") in checks(result, "ok")


def test_criteo_out_of_reach_is_wrong_once_and_the_clock_not_compared(healthy: Shop) -> None:
    result = examined(healthy, 1, CRITEO_API_URL="http://127.0.0.1:9")
    assert checks(result, "wrong") == [("account", "criteo")]
    assert "is `headcount sandbox` running there?" in told(result, "account")
    assert checks(result, "warn") == [("clock", "")]


def test_an_address_that_cannot_be_one_is_wrong(healthy: Shop) -> None:
    result = examined(healthy, 1, CRITEO_API_URL="ftp://x")
    assert ("versions", "") in checks(result, "wrong")
    assert ("state", str(healthy.folder / ".headcount")) in checks(result, "ok")


@pytest.mark.parametrize(
    ("version", "word"),
    [("2026-01", "deprecated"), ("2027-01", "newer than 2026-07")],
)
def test_another_version_of_the_api_is_a_warning(healthy: Shop, version: str, word: str) -> None:
    result = examined(healthy, 0, "--today", "2026-11-24", CRITEO_API_VERSION=version)
    assert ("versions", "Criteo's API") in checks(result, "warn")
    assert word in told(result, "versions")


def test_valid_files_are_not_said_to_fit_the_data(healthy: Shop) -> None:
    (healthy.folder / "data/people.csv").unlink()
    result = examined(healthy, 1)
    assert "valid by themselves, the data apart: 1 activation" in told(result, "files")
    assert ("source", "shop") in checks(result, "wrong")
    assert healthy.run("validate", code=3)


def test_files_that_are_not_valid_are_told_with_the_first_place(healthy: Shop) -> None:
    healthy.write("activations/broken.yaml", "kind: Activation\nidd: x\n")
    result = examined(healthy, 1)
    assert checks(result, "wrong") == [("files", "")]
    assert "activations/broken.yaml:" in told(result, "files")
    assert "headcount validate" in told(result, "files")
    assert {("account", "environment"), ("clock", "")} <= set(checks(result, "ok"))


def test_without_any_file_the_credentials_of_the_environment_are_looked_at(healthy: Shop) -> None:
    result = examined(healthy, 1, "--dir", "nowhere")
    assert told(result, "files").startswith("there is no such folder -> did you mean --dir activations?")
    named = {subject for topic, subject in checks(result, "ok") if topic == "account"}
    assert named == {"environment", "environment (retail media)"}
    assert "12345" in told(result, "account")
    assert "555" in told(result, "account")


def test_without_files_and_credentials_it_says_so(healthy: Shop) -> None:
    result = examined(healthy, 1, "--dir", "nowhere", **NO_CREDENTIALS)
    assert ("credentials", "") in checks(result, "warn")
    assert "CRITEO_CLIENT_ID" in told(result, "credentials")
    assert "Criteo's, which was not asked" in told(result, "clock")


def test_a_folder_without_documents_is_pointed_to_init(healthy: Shop) -> None:
    shutil.rmtree(healthy.folder / "activations")
    (healthy.folder / "empty").mkdir()
    assert "-> `headcount init` writes a starter project" in told(examined(healthy, 1, "--dir", "empty"), "files")


def test_missing_data_is_told_of_the_source_and_not_of_every_segment(healthy: Shop) -> None:
    (healthy.folder / "data/people.csv").unlink()
    result = examined(healthy, 1)
    assert checks(result, "wrong") == [("source", "shop")]
    assert "not checked" in told(result, "segment")


def test_a_column_that_is_not_there_is_told_of_its_activation(healthy: Shop) -> None:
    healthy.activation("odd", mapping={"email": "mail"})
    result = examined(healthy, 1)
    assert checks(result, "wrong") == [("segment", "odd")]
    assert "of 1 activation fit" in told(result, "segment")


def test_what_the_state_says_of_trouble_is_a_warning(healthy: Shop) -> None:
    healthy.apply()
    healthy.remove("activations/loyal.yaml")
    healthy.activation("other")
    result = examined(healthy)
    assert "1 audience no longer declared: loyal" in told(result, "state")
    assert "--prune" in told(result, "state")


def test_whoever_holds_the_state_is_named(healthy: Shop) -> None:
    healthy.apply()
    with open_folder(healthy.folder / ".headcount").lock("headcount apply"):
        result = examined(healthy)
    assert f"held by headcount apply, process {os.getpid()} on host" in told(result, "state")
    assert re.search(r"readable, 1 audience, [1-9][0-9.]* (bytes|kB) in files", told(result, "state"))
    assert "held by" not in told(examined(healthy), "state")


def test_a_state_in_a_bucket_is_looked_at_as_well(healthy: Shop) -> None:
    with running_store() as store:
        location = store.make_bucket("audiences")
        environment = {**store.environment(), "HEADCOUNT_CACHE": str(healthy.folder / "cache")}
        healthy.run("apply", "--yes", HEADCOUNT_STATE=location, **environment)
        result = examined(healthy, HEADCOUNT_STATE=location, **environment)
        assert ("state", location) in checks(result, "ok")
        assert "readable, 1 audience" in told(result, "state")
        gone = examined(healthy, 1, HEADCOUNT_STATE="s3://no-such-bucket/x", **environment)
        assert checks(gone, "wrong") == [("state", "")]


def test_a_damaged_state_is_wrong(healthy: Shop) -> None:
    healthy.apply()
    (healthy.folder / ".headcount" / "state.db").write_bytes(b"nonsense" * 1000)
    result = examined(healthy, 1)
    assert {topic for topic, _ in checks(result, "wrong")} == {"state"}


def test_text_has_a_line_for_each_check_and_one_for_what_to_do(healthy: Shop) -> None:
    out = healthy.run("doctor", code=1, **NO_CREDENTIALS).out
    assert "wrong  credentials  criteo: environment variable CRITEO_CLIENT_ID is not set" in out
    assert "-> set it in the environment, not in the file" in out
    assert "checks: 2 wrong, 2 warnings." in out


def test_accounts_without_a_destination_asks_both_services(shop: Shop) -> None:
    listed: list[Any] = shop.run("accounts", "--dir", "nowhere", "--format", "json").json["destinations"]
    found = {one["destination"]: [account["id"] for account in one["accounts"]] for one in listed}
    assert found == {"environment": ["12345", "67890"], "environment (retail media)": ["555"]}


# -- what would stop the next run --------------------------------------------------------------------------------------


def test_what_sync_would_leave_alone_is_a_warning_once_something_is_applied(healthy: Shop) -> None:
    healthy.apply()
    healthy.activation("other")
    result = examined(healthy)
    assert "1 activation is not applied as the files have it: other -> see what `headcount plan` shows" in told(
        result, "definition"
    )


@pytest.mark.slow
def test_what_failed_or_was_blocked_is_named(healthy: Shop) -> None:
    healthy.apply()
    healthy.people([])
    healthy.run("sync", code=4)
    assert "1 activation was blocked in the last run: loyal -> `headcount plan`" in told(
        examined(healthy), "definition"
    )


def test_a_state_of_another_criteo_is_wrong(healthy: Shop) -> None:
    healthy.apply()
    result = examined(healthy, 1, CRITEO_API_URL="http://127.0.0.1:9")
    assert "belongs to Criteo at" in told(result, "state")
    assert ("state", "") in checks(result, "wrong")


@pytest.mark.slow
def test_a_suppression_that_cannot_take_effect_is_wrong(healthy: Shop) -> None:
    never = {"kind": "Suppression", "name": "no-consent", "mapping": {"email": "email"}}
    sql = "select email from shop.people where kind = 'never'"
    healthy.write("activations/never.yaml", json.dumps({**never, "sql": sql}))
    healthy.apply()
    assert "suppression" not in {one["topic"] for one in examined(healthy).json["checks"]}
    healthy.write("activations/never.yaml", json.dumps({**never, "sql": sql.replace("never", "none")}))
    assert "nobody is added where it applies -> `headcount apply`" in told(examined(healthy), "suppression")
    healthy.write("activations/never.yaml", json.dumps({**never, "sql": sql}))
    (healthy.folder / "data" / "people.csv").unlink()
    healthy.run("sync", code=1)
    result = examined(healthy, 1)
    assert ("suppression", "no-consent") in checks(result, "wrong")
    assert "cannot take effect since" in told(result, "suppression")


def test_a_permission_that_ends_soon_or_has_ended_is_a_warning(healthy: Shop) -> None:
    allow = {"removals": 40, "until": "2026-12-05", "reason": "spring"}
    healthy.activation(guardrails={"allow": allow})
    assert "permission" not in {one["topic"] for one in examined(healthy, 0, "--today", "2026-11-01").json["checks"]}
    soon = told(examined(healthy, 0, "--today", "2026-12-01"), "permission")
    assert "ends on 2026-12-05; 40 of them are left" in soon
    ended = told(examined(healthy, 0, "--today", "2026-12-06"), "permission")
    assert "ended on 2026-12-05 -> remove `allow` at activations/loyal.yaml:1:" in ended


@pytest.mark.slow
def test_a_schedule_that_hardly_ever_fires_and_one_that_nobody_runs_are_warnings(
    healthy: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy.activation(schedule={"cron": "0 0 29 2 *"})
    healthy.activation("hourly", schedule={"every": "1h"})
    healthy.apply()
    assert "its schedule (0 0 29 2 * UTC) is due next on 2028-02-29" in told(examined(healthy), "schedule")
    assert "due for longer" not in told(examined(healthy), "schedule")
    minutes_pass(monkeypatch, 180)
    later = told(examined(healthy, 1), "schedule")  # this machine's clock is three hours ahead of Criteo's now
    assert "1 activation is due for longer than its schedule ever waits: hourly" in later


def test_a_receiver_that_is_out_of_reach_is_a_warning_and_nothing_is_sent(healthy: Shop) -> None:
    healthy.write(
        "activations/project.yaml",
        "kind: Project\nnotify:\n  on-call: {url: \"{{ env('HEADCOUNT_ENV_ON_CALL') }}\"}\n",
    )
    unset = examined(healthy)
    assert "environment variable HEADCOUNT_ENV_ON_CALL is not set" in told(unset, "notify")
    gone = examined(healthy, HEADCOUNT_ENV_ON_CALL="http://127.0.0.1:9/secret")
    assert "cannot be notified (127.0.0.1): the connection was refused or lost" in told(gone, "notify")
    with webhook() as hook:
        result = examined(healthy, HEADCOUNT_ENV_ON_CALL=hook.url)
        assert ("notify", "on-call") in checks(result, "ok")
        assert hook.posted == []


def test_a_disk_without_room_is_wrong(healthy: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(healthy.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=5_000_000))
    result = examined(healthy, 1)
    assert ("disk", str(healthy.folder / ".headcount")) in checks(result, "wrong")
    assert "5.0 MB free for the state -> make room there" in told(result, "disk")
