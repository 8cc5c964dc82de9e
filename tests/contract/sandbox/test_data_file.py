from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from runner.core.errors import HeadcountError, UsageError
from runner.sandbox import SandboxOptions
from tests.contract.sandbox.api import SEGMENTS, Api, opened
from tests.sandbox_client import Sandbox, running

EMAILS = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(1000)]

SERVE = """
import json, sys
from pathlib import Path
from runner.sandbox import SandboxOptions, serve
serve(SandboxOptions(data_file=Path(sys.argv[1])), 0, lambda url: print(url, flush=True))
"""


def _options(folder: Path) -> SandboxOptions:
    return SandboxOptions(data_file=folder / "sandbox.data")


def test_a_restarted_sandbox_still_knows_its_audiences(tmp_path: Path) -> None:
    with opened(_options(tmp_path)) as api:
        kept, cleared, deleted = (api.create(name, description="d") for name in ("kept", "cleared", "deleted"))
        api.amend(kept, "add", [*EMAILS, EMAILS[0][:32], "a@example.com"])
        api.amend(kept, "remove", EMAILS[:500])
        api.amend(kept, "add", ["123e4567-e89b-12d3-a456-426614174000"], "madid")
        api.amend(cleared, "add", EMAILS)
        api.clear(cleared)
        api.amend(deleted, "add", EMAILS)
        api.call("POST", f"{SEGMENTS}/delete", {"data": [{"id": deleted}]})
        api.call("PATCH", SEGMENTS, {"data": [{"id": cleared, "attributes": {"name": "renamed"}}]})
        before = api.sandbox.segments(), api.search()
    with opened(_options(tmp_path)) as api:
        assert (api.sandbox.segments(), api.search()) == before
        assert api.sandbox.members(kept, "email") == {*EMAILS[500:], EMAILS[0][:32], "a@example.com"}
        assert api.sandbox.members(kept, "madid") == {"123e4567-e89b-12d3-a456-426614174000"}
        assert api.create("new") not in (kept, cleared, deleted)


def test_tokens_do_not_survive_a_restart(tmp_path: Path) -> None:
    with opened(_options(tmp_path)) as api:
        token = api.session.headers["Authorization"]
    with opened(_options(tmp_path)) as api:
        answer = api.call("GET", "/2026-07/advertisers/me", headers={"Authorization": token})
        assert answer.json()["errors"][0]["code"] == "authorization-token-invalid"


def test_a_killed_sandbox_has_what_it_answered(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.data"
    with subprocess.Popen([sys.executable, "-c", SERVE, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        api = Api(Sandbox(process.stdout.readline().strip()))
        segment_id = api.create("a")
        assert api.amend(segment_id, "add", EMAILS).status_code == 200
        os.kill(process.pid, signal.SIGKILL)
        api.session.close()
    with running(SandboxOptions(data_file=path)) as sandbox:
        assert sandbox.members(segment_id, "email") == set(EMAILS)


@pytest.mark.parametrize("pause", [0.0, 0.01, 0.03, 0.1])
def test_a_change_that_was_cut_off_is_dropped_whole(tmp_path: Path, pause: float) -> None:
    path = tmp_path / "sandbox.data"
    bulk = [f"{number:064x}" for number in range(20_000)]
    with subprocess.Popen([sys.executable, "-c", SERVE, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        api = Api(Sandbox(process.stdout.readline().strip()))
        segment_id = api.create("a")
        api.amend(segment_id, "add", EMAILS[:10])
        sending = threading.Thread(target=_ignoring_its_death, args=(api, segment_id, bulk))
        sending.start()
        time.sleep(pause)
        os.kill(process.pid, signal.SIGKILL)
        sending.join()
        api.session.close()
    with opened(_options(tmp_path)) as api:
        assert api.sandbox.members(segment_id, "email") in ({*EMAILS[:10]}, {*EMAILS[:10], *bulk})
        api.clear(segment_id)
        api.amend(segment_id, "add", EMAILS[50:60])
    with running(_options(tmp_path)) as sandbox:
        assert sandbox.members(segment_id, "email") == {*EMAILS[50:60]}


def _ignoring_its_death(api: Api, segment_id: str, bulk: list[str]) -> None:
    with suppress(requests.ConnectionError):
        api.amend(segment_id, "add", bulk)


def test_the_data_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    options = _options(tmp_path)
    path = tmp_path / "sandbox.data"
    with opened(options) as api:
        segment_id = api.create("a")
        deleted = api.create("deleted")
        api.call("POST", f"{SEGMENTS}/delete", {"data": [{"id": deleted}]})
        for round_ in range(3):
            api.amend(segment_id, "add", [f"{round_:024x}{number:040x}" for number in range(25_000)])
            api.clear(segment_id)
        api.amend(segment_id, "add", EMAILS)
    grown = path.stat().st_size
    with opened(options) as api:
        assert path.stat().st_size < grown / 10
        assert api.sandbox.members(segment_id, "email") == set(EMAILS)
        api.amend(segment_id, "remove", EMAILS[:1])
    with opened(options) as api:
        assert api.sandbox.members(segment_id, "email") == set(EMAILS[1:])
        assert api.create("new") not in (deleted, segment_id)


def test_a_reset_empties_the_data_file(tmp_path: Path) -> None:
    with opened(_options(tmp_path)) as api:
        api.create("a")
        api.sandbox.reset()
    with running(_options(tmp_path)) as sandbox:
        assert sandbox.segments() == ()


def test_only_the_owner_may_read_the_data_file(tmp_path: Path) -> None:
    with running(_options(tmp_path)):
        assert (tmp_path / "sandbox.data").stat().st_mode & 0o777 == 0o600


def test_two_sandboxes_cannot_share_a_data_file(tmp_path: Path) -> None:
    with running(_options(tmp_path)), pytest.raises(HeadcountError, match="in use"), running(_options(tmp_path)):
        pass


def test_another_file_is_not_taken_for_a_data_file(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.data"
    path.write_text(json.dumps({"precious": 1}))
    with pytest.raises(HeadcountError, match="not a data file"), running(_options(tmp_path)):
        pass
    assert path.read_text() == '{"precious": 1}'


def test_a_data_file_in_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(HeadcountError, match="cannot be opened"), running(_options(tmp_path / "nowhere")):
        pass


def test_counting_without_keeping_has_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="count_only"):
        SandboxOptions(count_only=True, data_file=tmp_path / "sandbox.data")
