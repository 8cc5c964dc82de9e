"""Receivers are notified once per change of state, whatever they answer, and a run never ends otherwise for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft7Validator

from runner.config import schema_folder
from runner.state import open_state
from tests.end_to_end.shop import Shop, mail
from tests.sandbox_client import Sandbox
from tests.webhook import Webhook, webhook

BROKEN = "select emial as email from shop.people"


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as made:
        yield made


@pytest.fixture
def notified(shop: Shop, hook: Webhook) -> Shop:
    """A shop whose receiver `on-call` is the hook, and an audience that is applied."""
    shop.environment["HEADCOUNT_ENV_ON_CALL"] = hook.url
    project(shop)
    shop.activation()
    shop.apply()
    assert hook.posted == []
    return shop


def project(shop: Shop, receiver: dict[str, Any] | None = None, **fields: Any) -> None:
    on_call = {"url": "{{ env('HEADCOUNT_ENV_ON_CALL') }}", **(receiver or {})}
    shop.write("activations/project.yaml", json.dumps({"kind": "Project", "notify": {"on-call": on_call}, **fields}))


def test_a_failure_is_said_once_and_its_end_too(notified: Shop, hook: Webhook) -> None:
    notified.people([])
    (notified.folder / "data" / "people.csv").rename(notified.folder / "data" / "gone.csv")
    first = notified.run("sync", code=1)
    assert hook.said() == [("loyal", "failed", "began")]
    assert "Notified on-call (127.0.0.1) of 1 change." in first.err
    notified.run("sync", code=1)
    assert hook.said() == []
    notified.people(mail(1, 2, 3))
    notified.run("sync")
    assert hook.said() == [("loyal", "failed", "recovered")]
    notified.run("sync")
    assert hook.said() == []


def test_a_notice_is_as_its_schema_says_and_holds_no_sql_and_no_secret(notified: Shop, hook: Webhook) -> None:
    notified.activation(sql=BROKEN, owner="crm")
    ended = notified.apply(code=1)
    document = hook.posted[0]
    schema = json.loads((schema_folder() / "notice.schema.json").read_text(encoding="utf-8"))
    Draft7Validator(schema).validate(document)
    [notice] = document["notices"]
    assert (notice["owner"], notice["command"], notice["run"]) == ("crm", "apply", 2)
    assert notice["place"].startswith("activations/loyal.yaml:1:")
    assert "emial" not in json.dumps(document)
    assert "SECRETPATH" not in ended.err + ended.out


def test_plan_notifies_nobody(notified: Shop, hook: Webhook) -> None:
    notified.activation(sql=BROKEN)
    notified.run("plan", code=1)
    assert hook.posted == []


def test_what_was_not_taken_is_sent_by_the_next_run_under_the_same_id(notified: Shop, hook: Webhook) -> None:
    notified.activation(sql=BROKEN)
    with webhook() as elsewhere:
        for hook.status, why in ((500, "it answered 500"), (302, "it answered 302, a redirect")):
            hook.location = elsewhere.url
            ended = notified.apply(code=1)
            assert f"warning: on-call (127.0.0.1) did not take 1 change: {why}" in ended.err
        assert elsewhere.posted == []
    waiting = notified.run("notify").out
    assert "loyal failed since" in waiting
    assert "not delivered yet, 2 attempts" in waiting
    hook.status = 200
    notified.apply(code=1)
    first, second, third = hook.notices
    assert first == second == third
    assert "knows     loyal failed" in notified.run("notify").out


@pytest.mark.slow
def test_what_was_over_before_it_was_delivered_is_said_in_one_notice(notified: Shop, hook: Webhook) -> None:
    notified.activation(sql=BROKEN)
    hook.status = 503
    notified.apply(code=1)
    hook.posted.clear()
    hook.status = 200
    notified.activation()
    notified.apply()
    [notice] = hook.notices
    assert (notice["condition"], notice["status"]) == ("failed", "recovered")
    assert "is well again: its runs failed from" in notice["message"]


@pytest.mark.slow
def test_a_receiver_that_hangs_costs_seconds_and_changes_nothing(
    notified: Shop, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.webhooks.delivery._READ", 0.3)
    notified.activation(sql=BROKEN)
    hook.hangs = True
    ended = notified.apply(code=1)
    assert "warning: on-call (127.0.0.1) did not take 1 change: no answer in time" in ended.err


def test_a_blocked_audience_and_a_skipped_one_are_said(notified: Shop, hook: Webhook) -> None:
    notified.people([])
    notified.run("sync", code=4)
    assert hook.said() == [("loyal", "blocked", "began")]
    notified.people(mail(1, 2, 3))
    notified.activation(sql="select email from shop.people where kind = 'all'")
    notified.run("sync", code=7)
    assert hook.said() == [("loyal", "skipped", "began")]
    notified.apply()
    assert hook.said() == [("loyal", "skipped", "recovered")]


def test_an_audience_that_is_older_than_it_may_be_is_said_though_nothing_is_due(notified: Shop, hook: Webhook) -> None:
    notified.activation(freshness="1h", schedule="manual")
    notified.apply()
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    notified.run("sync", "--due", "--at", tomorrow)
    assert hook.said() == [("loyal", "stale", "began")]
    notified.run("sync", "--due", "--at", tomorrow)
    assert hook.said() == []


@pytest.mark.slow
def test_an_audience_that_is_overdue_is_said(notified: Shop, hook: Webhook) -> None:
    notified.activation(schedule={"every": "1h"})
    notified.activation("second")
    notified.apply()
    hook.said()
    notified.run("sync", "--select", "second", "--at", (datetime.now(UTC) + timedelta(hours=3)).isoformat())
    assert hook.said() == [("loyal", "stale", "began")]


@pytest.mark.slow
def test_a_turnover_over_the_limit_is_said(notified: Shop, hook: Webhook) -> None:
    project(notified, {"max_turnover": "50%"})
    notified.people(mail(1, 2, 3, 4))
    notified.run("sync")
    assert hook.said() == []
    notified.people(mail(3, 4, 5, 6))
    notified.run("sync", "--allow-removals", "loyal")
    [notice] = hook.notices
    assert "100% of activation loyal changed in one run: 2 added and 2 removed, of 4" in notice["message"]
    hook.posted.clear()
    notified.run("sync")
    assert hook.said() == [("loyal", "turnover", "recovered")]


@pytest.mark.slow
def test_a_suppression_that_cannot_take_effect_is_said(notified: Shop, hook: Webhook) -> None:
    never = {"kind": "Suppression", "name": "no-consent", "mapping": {"email": "email"}}
    notified.write("data/never.csv", "email\nnobody@shop.example\n")
    notified.write(
        "activations/never.yaml",
        json.dumps({"kind": "Source", "name": "crm", "type": "files", "tables": {"never": "../data/never.csv"}})
        + "\n---\n"
        + json.dumps({**never, "sql": "select email from crm.never"}),
    )
    notified.apply()
    notified.remove("data/never.csv")
    notified.run("sync", code=1)
    assert ("suppression no-consent", "suppression", "began") in hook.said()


def test_wrong_credentials_and_invalid_files_are_said_and_over_once_they_are_right(
    notified: Shop, hook: Webhook
) -> None:
    notified.write("activations/more.yaml", "kind: Activation\nid: more\n")
    notified.run("sync", code=3)
    notified.run("sync", code=3)
    assert hook.said() == [("the files", "failed", "began")]
    notified.remove("activations/more.yaml")
    notified.run("sync", code=1, CRITEO_CLIENT_SECRET="wrong")
    assert ("the files", "failed", "recovered") in (said := hook.said())
    assert [one for one in said if one[1:] == ("failed", "began")]
    notified.run("sync")
    assert [one[2] for one in hook.said()] == ["recovered"]


def test_a_state_that_is_held_for_long_is_said_once_and_its_end_too(notified: Shop, hook: Webhook) -> None:
    state = open_state(notified.folder / ".headcount", {})
    with state.lock("headcount apply"):
        notified.run("sync", code=5)
        assert hook.said() == []
        lock = notified.folder / ".headcount" / "lock"
        held = json.loads(lock.read_text())
        held["since"] = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
        lock.write_text(json.dumps(held))
        notified.run("sync", code=5)
        assert hook.said() == [("the run", "failed", "began")]
        notified.run("sync", code=5)
        assert hook.said() == []
    state.close()
    notified.run("sync")
    assert hook.said() == [("the run", "failed", "recovered")]


@pytest.mark.slow
def test_an_activation_that_is_no_longer_declared_is_over(notified: Shop, hook: Webhook) -> None:
    notified.activation("other", sql=BROKEN)
    notified.apply(code=1)
    assert hook.said() == [("other", "failed", "began")]
    notified.remove("activations/other.yaml")
    notified.apply()
    [over] = hook.notices
    assert over["message"].startswith("other is no longer declared: its runs failed from")


def test_who_ends_a_command_at_its_question_is_no_failure(
    notified: Shop, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.cli.commands.plan_apply_sync.can_ask", lambda: True)
    notified.people(mail(1, 2, 3, 4))
    assert "Interrupted" in notified.run("apply", code=130).err
    assert hook.posted == []


def test_a_slack_message_is_a_text_that_calls_nobody(notified: Shop, hook: Webhook) -> None:
    project(notified, {"format": "slack"})
    notified.activation(sql=BROKEN, owner="<!channel>")
    notified.apply(code=1)
    [body] = hook.posted
    assert body.keys() == {"text"}
    assert "activation loyal failed" in body["text"]
    assert "<!channel>" not in body["text"]


@pytest.mark.slow
def test_who_wants_failures_only_hears_of_nothing_else(notified: Shop, hook: Webhook) -> None:
    project(notified, {"when": ["failed"]})
    notified.people([])
    notified.run("sync", code=4)
    notified.people(mail(1, 2, 3))
    notified.activation(sql=BROKEN)
    notified.apply(code=1)
    notified.activation()
    notified.apply()
    assert hook.said() == [("loyal", "failed", "began")]


@pytest.mark.slow
def test_nothing_is_sent_to_a_host_that_the_job_does_not_list(notified: Shop, hook: Webhook) -> None:
    notified.activation(sql=BROKEN)
    ended = notified.apply(code=1)
    hook.posted.clear()
    ended = notified.run("apply", "--yes", code=1, HEADCOUNT_HOSTS="*.example.com")
    assert "warning: on-call cannot be notified: HEADCOUNT_HOSTS, set where the job is defined" in ended.err
    assert hook.posted == []


def test_a_test_notice_says_for_each_receiver_what_came_of_it(notified: Shop, hook: Webhook) -> None:
    out = notified.run("notify", "--test").out
    assert "took the notice" in out
    assert [one["status"] for one in hook.notices] == ["test"]
    for url, why in (
        ("", "environment variable HEADCOUNT_ENV_ON_CALL is not set"),
        ("http://hooks.slack.example/x", "begins with http://"),
        ("sesame", "its variable does not hold an https address"),
    ):
        failed = notified.run("notify", "--test", code=1, HEADCOUNT_ENV_ON_CALL=url)
        assert why in failed.out
        assert not url or url not in failed.out + failed.err
    document = notified.run("notify", "--test", "--format", "json", code=1, HEADCOUNT_ENV_ON_CALL="").json
    schema = json.loads((schema_folder() / "notify.schema.json").read_text(encoding="utf-8"))
    Draft7Validator(schema).validate(document)
    assert document["receivers"][0]["test"]["delivered"] is False


@pytest.mark.slow
def test_a_target_has_receivers_of_its_own(shop: Shop, hook: Webhook, sandbox: Sandbox) -> None:
    shop.environment["HEADCOUNT_ENV_ON_CALL"] = hook.url
    project(shop, targets={"staging": {"notify": None}, "prod": {}})
    shop.activation(sql=BROKEN)
    shop.apply("--target", "staging", code=1)
    assert hook.posted == []
    shop.apply("--target", "prod", code=1)
    assert hook.notices[0]["target"] == "prod"
