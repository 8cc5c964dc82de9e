"""`headcount serve`: a real process that runs what is due, sees files change, and tells how it fares over HTTP."""

from __future__ import annotations

import json
import re
import resource
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft7Validator

from runner.config.schema.json_schemas import schema_folder
from tests.end_to_end.shop import Person, Shop, hashes, mail
from tests.sandbox_client import Sandbox
from tests.webhook import webhook


class Served:
    """A service under test, its log gathered as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        assert process.stderr is not None
        self._stream = process.stderr
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self.until(r"/healthz and /metrics at (\S+)")

    def _read(self) -> None:
        self.lines.extend(iter(self._stream.readline, ""))

    @property
    def log(self) -> str:
        return "".join(self.lines)

    def until(self, pattern: str) -> str:
        """The group that the pattern catches in the log, once it is there."""
        return eventually(lambda: (found := re.search(pattern, self.log)) and (found[1] if found.groups() else "x"))

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return str(answer.read().decode())

    def health(self) -> Any:
        return json.loads(self.get("/healthz"))

    def metric(self, name: str) -> float:
        line = next(line for line in self.get("/metrics").splitlines() if line.startswith(name + " "))
        return float(line.rpartition(" ")[2])

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self._reader.join(timeout=10)
        return code


def eventually(look: Callable[[], Any]) -> Any:
    """What a look gives, as soon as it gives something."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if seen := look():
            return seen
        time.sleep(0.05)
    raise AssertionError("it did not happen within a minute")


@contextmanager
def serving(shop: Shop, *arguments: str) -> Iterator[Served]:
    process = shop.start("serve", "--port", "0", *arguments)
    try:
        served = Served(process)
        yield served
    finally:
        process.kill()
        process.wait()
        served._reader.join(timeout=10)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        shop.outputs.append(served.log)


@pytest.fixture
def overdue(shop: Shop) -> Shop:
    """`loyal` was last brought up to date long ago, and its people have changed since; `by-hand` never is due."""
    shop.activation("loyal", schedule={"every": "1h"})
    shop.activation("by-hand", schedule="manual")
    shop.apply()
    long_ago = (datetime.now(UTC) - timedelta(hours=7)).isoformat()
    backdate(shop, long_ago)
    shop.people(mail(1, 2, 3, 4))
    return shop


def backdate(shop: Shop, when: str) -> None:
    """Let every run of the state have begun then."""
    import sqlite3
    from contextlib import closing

    from runner.state.db import checksums, codec

    with closing(sqlite3.connect(shop.folder / ".headcount" / "state.db")) as db, db:
        checksums.register(db)
        db.execute("UPDATE run SET started_at = ?", (codec.from_time(datetime.fromisoformat(when)),))


def test_what_is_due_is_run_and_told(overdue: Shop, sandbox: Sandbox) -> None:
    with serving(overdue) as served:
        served.until(r"loyal done: \+1 -0, 4 members")
        members = {segment.name: sandbox.members(segment.id, "email") for segment in sandbox.segments()}
        assert members == {"Loyal": hashes(1, 2, 3, 4), "By-Hand": hashes(1, 2, 3)}
        assert served.metric('headcount_runs_total{activation="loyal",outcome="done"}') == 1
        assert served.metric('headcount_identifiers_added_total{activation="loyal"}') == 1
        eventually(lambda: served.metric('headcount_members{activation="loyal"}') == 4)
        now = time.time()
        assert abs(served.metric('headcount_last_success_timestamp_seconds{activation="loyal"}') - now) < 300
        assert served.metric('headcount_next_due_timestamp_seconds{activation="loyal"}') > now + 2_000
        health = served.health()
        Draft7Validator(json.loads((schema_folder() / "health.schema.json").read_text())).validate(health)
        assert (health["status"], health["reasons"]) == ("ok", [])
        assert served.end() == 0
        assert "stopped" in served.log


def test_changed_files_are_picked_up_and_never_applied(overdue: Shop, sandbox: Sandbox) -> None:
    with serving(overdue) as served:
        served.until("loyal done")
        overdue.write("activations/loyal.yaml", "kind: Activation\nid: [")
        served.until("invalid-project: activations/loyal.yaml:")
        eventually(lambda: served.metric("headcount_project_invalid") == 1)
        health = served.health()
        assert health["status"] == "degraded"
        assert [reason["code"] for reason in health["reasons"]] == ["invalid-project"]
        overdue.activation("loyal", schedule={"every": "1h"})
        overdue.activation("new", schedule={"every": "1h"})
        served.until("new skipped: not applied yet")
        # The line is written before the board is: each of both files may have been read by itself.
        eventually(lambda: [reason.get("activation") for reason in served.health()["reasons"]] == ["new"])
        assert served.metric("headcount_project_invalid") == 0
        assert {segment.name for segment in sandbox.segments()} == {"Loyal", "By-Hand"}
        assert served.end() == 0


def test_files_that_are_not_valid_at_the_start_end_it(shop: Shop) -> None:
    shop.write("activations/loyal.yaml", "kind: Activation\nid: [")
    assert "loyal.yaml:3" in shop.run("serve", "--port", "0", code=3).err


def test_sigterm_waits_for_the_batch_in_flight(overdue: Shop, sandbox: Sandbox) -> None:
    sandbox.forget_calls()
    sandbox.fault("slow", path="contact-list", seconds=2)
    with serving(overdue) as served:
        eventually(lambda: sandbox.calls("contact-list"))
        assert served.end() == 0
        assert "loyal done: +1 -0" in served.log
        assert served.log.endswith("stopped\n")
    members = {segment.name: sandbox.members(segment.id, "email") for segment in sandbox.segments()}
    assert members["Loyal"] == hashes(1, 2, 3, 4)
    assert overdue.run("status", "--format", "json").json["activations"][1]["unfinished"] is None


@pytest.mark.slow
def test_a_state_that_another_run_holds_is_waited_for(overdue: Shop) -> None:
    from runner.state import open_state

    state = open_state(overdue.folder / ".headcount")
    with ExitStack() as held:
        held.enter_context(state.lock("headcount apply"))
        with serving(overdue) as served:
            served.until("waiting: .*headcount apply")
            assert served.health()["status"] == "ok"
            held.close()
            served.until("loyal done")
    state.close()


def test_hundreds_of_connections_that_say_nothing_stop_neither_a_sync_nor_the_health(
    overdue: Shop, sandbox: Sandbox
) -> None:
    sandbox.fault("slow", path="contact-list", seconds=1)
    with serving(overdue) as served, ExitStack() as stack:
        resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE, (250, 250))
        port = int(served.url.rpartition(":")[2])
        for _ in range(400):
            half_open = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            half_open.sendall(b"GET /healthz HTTP/1.1\r\nHost: local")
        assert served.health()["status"] == "ok"
        served.until(r"loyal done: \+1 -0, 4 members")
        assert served.metric('headcount_runs_total{activation="loyal",outcome="done"}') == 1
        assert len(served.log) < 5_000
        assert served.end() == 0


def test_health_and_metrics_are_answered_under_names_of_this_machine_and_those_allowed(overdue: Shop) -> None:
    def status(name: str) -> int:
        request = urllib.request.Request(served.url + "/metrics", headers={"Host": name})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code

    with serving(overdue, "--allow-host", "headcount.internal") as served:
        asked = ("localhost:9464", "10.0.0.7:9464", "headcount.internal:9464", "evil.example")
        assert [status(name) for name in asked] == [200, 200, 200, 421]


def test_a_port_that_is_taken_is_told(shop: Shop, sandbox: Sandbox) -> None:
    port = sandbox.url.rpartition(":")[2]
    assert "choose another --port" in shop.run("serve", "--port", port, code=1).err


@pytest.mark.parametrize("spread", ["ten", "10", "-1m", "5d"])
def test_a_spread_that_is_no_time_is_wrong_usage(shop: Shop, spread: str) -> None:
    assert "--spread" in shop.run("serve", "--spread", spread, code=64).err


def test_a_suppression_is_looked_at_by_its_own_schedule(shop: Shop, sandbox: Sandbox) -> None:
    """While no activation is due, whom it names leaves within its hour, and nobody else moves."""
    gone = Person("gone@shop.example", kind="never")
    shop.people([*mail(1, 2, 3), gone])
    shop.activation("loyal", schedule="manual")
    sql = "select email from shop.people where kind = 'never'"
    document = {"kind": "Suppression", "name": "no-consent", "sql": sql, "mapping": {"email": "email"}}
    shop.write("activations/no-consent.yaml", json.dumps(document))
    shop.apply()
    long_ago(shop)
    shop.people([*mail(1, 2, 4), gone, *(Person(one.email, kind="never") for one in mail(3))])
    with serving(shop) as served:
        served.until(r"suppression no-consent done")
        assert sandbox.members(sandbox.segment("Loyal").id, "email") == hashes(1, 2)
        served.end()


def long_ago(shop: Shop) -> None:
    """Let every suppression of the state have been evaluated hours ago."""
    import sqlite3
    from contextlib import closing

    from runner.state.db import checksums, codec

    when = codec.from_time(datetime.now(UTC) - timedelta(hours=7))
    with closing(sqlite3.connect(shop.folder / ".headcount" / "state.db")) as db, db:
        checksums.register(db)
        db.execute("UPDATE suppression SET last_good = ?, applied_at = ?", (when, when))


@pytest.mark.slow
def test_receivers_are_notified_of_files_that_are_not_valid_and_when_they_are_again(overdue: Shop) -> None:
    with webhook() as hook:
        overdue.environment["HEADCOUNT_ENV_ON_CALL"] = hook.url
        overdue.write(
            "activations/project.yaml",
            "kind: Project\nnotify:\n  on-call: {url: \"{{ env('HEADCOUNT_ENV_ON_CALL') }}\"}\n",
        )
        with serving(overdue) as served:
            served.until(r"loyal done: ")
            overdue.write("activations/more.yaml", "kind: Activation\nid: more\n")
            eventually(lambda: hook.posted)
            assert hook.said() == [("the files", "failed", "began")]
            overdue.remove("activations/more.yaml")
            eventually(lambda: hook.posted)
            assert hook.said() == [("the files", "failed", "recovered")]
            eventually(lambda: served.health()["status"] == "ok")
            assert "headcount_last_outcome_bad" in served.get("/metrics")
            assert served.end() == 0


def test_the_members_of_an_activation_that_moved_are_those_of_its_audience_there(shop: Shop) -> None:
    shop.activation("loyal", schedule={"every": "1h"})
    shop.apply()
    declared = (shop.folder / "activations/shop.yaml").read_text()
    shop.write("activations/shop.yaml", declared.replace('"12345"', '"67890"'))
    shop.people(mail(1, 2))
    shop.apply()
    with serving(shop) as served:
        assert served.metric('headcount_members{activation="loyal"}') == 2
