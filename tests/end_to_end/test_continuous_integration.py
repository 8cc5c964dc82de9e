"""What continuous integration is told: annotations, and GitLab's counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.end_to_end.shop import Shop, mail


def test_findings_are_annotated_from_the_repositorys_root(shop: Shop) -> None:
    shop.write("activations/bad.yaml", "kind: Activation\nid: bad\nsegmant: {name: Bad, sql: select 1}\n")
    workspace = str(shop.folder.parent)
    told = shop.run("validate", "--no-sources", "--format", "github", code=3, GITHUB_WORKSPACE=workspace)
    assert f"::error file={shop.folder.name}/activations/bad.yaml,line=3,col=1,endColumn=8,title=" in told.out
    assert "activations/bad.yaml:3:1: error[" in told.err
    assert "::error file=activations/bad.yaml,line=3" in shop.run("plan", "--format", "github", code=3).out


def test_a_plan_is_read_by_people_and_annotates_what_is_blocked(shop: Shop) -> None:
    shop.activation("loyal", guardrails={"min_members": 1000})
    told = shop.run("plan", "--format", "github", code=4).out
    assert "1 blocked (loyal)" in told
    assert "::error file=activations/loyal.yaml,line=1,col=" in told
    assert "title=loyal is blocked::" in told


def test_gitlab_is_told_how_many_are_made_changed_and_deleted(shop: Shop) -> None:
    shop.activation("loyal")
    shop.activation("leaving")
    shop.apply()
    shop.activation("new")
    shop.remove("activations/leaving.yaml")
    shop.people(mail(1, 2, 3, 4))
    shop.run("plan", "--prune", "--gitlab-report", "report.json")
    assert json.loads((shop.folder / "report.json").read_text()) == {"create": 1, "update": 1, "delete": 1}


def test_a_report_that_cannot_be_written_is_told_before_anything_is_planned(shop: Shop) -> None:
    told = shop.run("plan", "--gitlab-report", "nowhere/report.json", code=64, CRITEO_API_URL="http://127.0.0.1:1")
    assert "--gitlab-report nowhere/report.json" in told.err


OUTPUTS = pytest.mark.parametrize("option", ["--out", "--gitlab-report"])


@OUTPUTS
def test_a_result_replaces_no_device_pipe_link_or_folder(shop: Shop, option: str) -> None:
    os.mkfifo(shop.folder / "pipe")
    (shop.folder / "there").write_text("{}")
    (shop.folder / "link").symlink_to("there")
    (shop.folder / "dangling").symlink_to("nowhere.json")
    (shop.folder / "folder").mkdir()
    kinds = {
        "pipe": "is a pipe or a socket",
        "link": "is a link",
        "dangling": "is a link",
        "folder": "is a folder",
        "/dev/full": "is a device",
        "/dev/stdout": "is a link",
    }
    for path, kind in kinds.items():
        before = (shop.folder / path).lstat()
        told = shop.run("plan", option, path, code=64, CRITEO_API_URL="http://127.0.0.1:1").err
        assert f"{option} {path} {kind}, and only a plain file is written" in told
        after = (shop.folder / path).lstat()
        assert (before.st_ino, before.st_mode) == (after.st_ino, after.st_mode)
    assert (shop.folder / "there").read_text() == "{}"
    assert not (shop.folder / "nowhere.json").exists()


@OUTPUTS
@pytest.mark.parametrize("variable", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH", "BASH_ENV"])
def test_a_file_that_steps_of_a_job_share_is_never_replaced(shop: Shop, option: str, variable: str) -> None:
    shared = shop.folder / "shared"
    shared.write_text("")
    told = shop.run("plan", option, "shared", code=64, **{variable: str(shared)}).err
    assert f"{option} shared is the file of {variable}: to replace it would lose what others wrote there" in told


@OUTPUTS
def test_where_the_shell_sends_the_output_is_never_replaced(shop: Shop, option: str) -> None:
    shop.activation()
    with (shop.folder / "shown").open("w") as shown:
        done = subprocess.run(
            [sys.executable, "-m", "runner", "plan", option, "shown"],
            cwd=shop.folder,
            env=shop.environment,
            stdout=shown,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
        )
    assert done.returncode == 64
    assert f"{option} shown is where standard output goes" in done.stderr


def test_a_report_replaces_a_report_and_nothing_else(shop: Shop) -> None:
    shop.activation()
    for _ in range(2):
        shop.run("plan", "--gitlab-report", "report.json")
    before = (shop.folder / "activations/loyal.yaml").read_text()
    told = shop.run("plan", "--gitlab-report", "activations/loyal.yaml", code=64).err
    assert "exists and is no report for GitLab" in told
    assert (shop.folder / "activations/loyal.yaml").read_text() == before
