"""The CI templates: valid for their platform, careful with rights, and their shell steps do what they say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.pipeline import ROOT, Pipeline, read
from tests.end_to_end.shop import Shop
from tests.sandbox_client import Sandbox

pytestmark = pytest.mark.slow

AUDIENCES = "docs/ci/github/audiences.yml"
KEEP_FRESH = "docs/ci/github/keep-fresh.yml"
GITLAB = "docs/ci/gitlab/audiences.gitlab-ci.yml"
GITHUB = (AUDIENCES, KEEP_FRESH)

INSTALL = (
    "python -m pip install --require-hashes --only-binary :all: --requirement .ci/headcount/requirements-remote.txt"
)
IMAGE = r"docker\.io/library/python:\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}"

VALUES = {
    "secrets.CRITEO_CLIENT_ID": "sandbox",
    "secrets.CRITEO_CLIENT_SECRET": "sandbox",
    "vars.HEADCOUNT_STATE": ".headcount",
    "vars.HEADCOUNT_ENV": "",
    "vars.HEADCOUNT_HOSTS": "",
    "vars.HEADCOUNT_ENV_FILES": "activations/*.yaml",
    "secrets.HEADCOUNT_STATE_KEY": "",
    "secrets.AWS_ACCESS_KEY_ID": "",
    "secrets.AWS_SECRET_ACCESS_KEY": "",
    "vars.AWS_REGION": "",
    "github.token": "a-token",
    "github.event.pull_request.number": "7",
}


@pytest.fixture
def pipeline(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    shop.activation("loyal")
    return Pipeline(shop, tmp_path_factory.mktemp("machine"))


def steps(path: str) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


# -- the files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "path"),
    [("github-workflows", AUDIENCES), ("github-workflows", KEEP_FRESH), ("gitlab-ci", GITLAB)],
)
def test_a_template_is_valid_for_its_platform(schema: str, path: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(ROOT / path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", GITHUB)
def test_the_repository_uses_the_templates_itself_but_installs_what_it_checks_out(path: str) -> None:
    template = (ROOT / path).read_text(encoding="utf-8")
    install = "run: |\n          " + INSTALL.replace(" --requirement", " \\\n            --requirement") + "\n"
    assert install in template
    workflow = (ROOT / ".github/workflows" / Path(path).name).read_text(encoding="utf-8")
    assert workflow == template.replace(install, "run: .ci/install\n")


@pytest.mark.parametrize("path", GITHUB)
def test_every_action_is_pinned_by_commit_and_says_which_version_that_is(path: str) -> None:
    used = re.findall(r"uses: (.*)", (ROOT / path).read_text(encoding="utf-8"))
    assert used
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in used)


@pytest.mark.parametrize("path", GITHUB)
def test_a_job_has_the_rights_that_it_needs_and_no_more(path: str) -> None:
    document = read(path)
    assert document["permissions"] == {}
    for name, job in document["jobs"].items():
        wanted = {"pull-requests": "write"} if name == "comment" else {"contents": "read"}
        assert job["permissions"] == wanted
        assert job["concurrency"]["cancel-in-progress"] is (name in ("validate", "plan"))
    checkouts = [step for step in steps(path) if "actions/checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    assert "pull_request_target" not in document["on"]


def test_what_a_fork_can_start_has_no_secret() -> None:
    jobs = read(AUDIENCES)["jobs"]
    open_to_forks = {"validate", "comment"}
    for name, job in jobs.items():
        assert ("secrets." in json.dumps(job)) is (name not in open_to_forks)
        assert ("environment" in job) is (name not in open_to_forks)
    assert "github.event.pull_request.head.repo.full_name == github.repository" in jobs["plan"]["if"]


@pytest.mark.parametrize("path", GITHUB)
def test_only_the_step_that_runs_headcount_has_the_secrets(path: str) -> None:
    document = read(path)
    assert "secrets." not in json.dumps(document.get("env", {}))
    for job in document["jobs"].values():
        assert "secrets." not in json.dumps({name: value for name, value in job.items() if name != "steps"})
        with_secrets = [step for step in job["steps"] if "secrets." in json.dumps(step)]
        assert all(re.search(r"^ *headcount (plan|apply|sync) ", step["run"], re.MULTILINE) for step in with_secrets)
        assert not any(re.search(r"pip|\.ci/", step["run"]) for step in with_secrets)


@pytest.mark.parametrize("path", [*GITHUB, GITLAB])
def test_what_is_installed_is_pinned_by_hash_and_runs_nothing_while_it_is(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    installed = re.findall(r"pip install .*", re.sub(r"\\\n *", "", text))
    assert installed
    assert {f"python -m {one}" for one in installed} == {INSTALL}


def test_images_are_pinned_by_digest() -> None:
    assert re.fullmatch(IMAGE, read(GITLAB)["default"]["image"])
    containerfile = (ROOT / "Containerfile").read_text(encoding="utf-8")
    images = re.findall(r"^FROM (\S+)", containerfile, re.MULTILINE)
    assert len(images) == 2
    assert all(re.fullmatch(IMAGE, image) for image in images)


@pytest.mark.parametrize("path", GITHUB)
def test_no_expression_is_pasted_into_a_script(path: str) -> None:
    assert not any("${{" in step.get("run", "") for step in steps(path))


def test_gitlab_runs_one_apply_or_sync_at_a_time_and_interrupts_neither() -> None:
    document = read(GITLAB)
    for name in ("audiences:apply", "audiences:sync"):
        assert document[name]["resource_group"] == "audiences"
        assert document[name]["interruptible"] is False


def test_the_hook_is_one_that_pre_commit_takes() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_container_is_built_from_pinned_packages_and_runs_without_rights() -> None:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if re.match(r"[A-Z]+ ", line)]
    installed = re.findall(r"pip install .*", text)
    assert installed
    assert all("--require-hashes --only-binary :all:" in one or "--no-deps --no-index" in one for one in installed)
    assert [line[1] for line in lines if line[0] == "USER"] == ["10001"]
    copied = [name for line in lines if line[0] == "COPY" and "--from=build" not in line for name in line[1:-1]]
    assert all((ROOT / name).exists() for name in copied)


# -- the steps ---------------------------------------------------------------------------------------------------


def github(pipeline: Pipeline, job: str, path: str = AUDIENCES) -> Any:
    return pipeline.github(read(path), job, VALUES)


def test_a_pull_request_gets_one_comment_that_is_edited(pipeline: Pipeline) -> None:
    assert github(pipeline, "validate").code == 0
    assert github(pipeline, "plan").code == 0
    assert github(pipeline, "comment").code == 0
    pipeline.shop.activation("second")
    assert github(pipeline, "plan").code == 0
    assert github(pipeline, "comment").code == 0
    (comment,) = json.loads(pipeline.file("comments.json"))
    assert comment["body"].startswith("<!-- headcount:plan ")
    assert "`second`" in comment["body"]
    assert "`second`" in pipeline.file("summary")
    assert pipeline.file("installed").splitlines() == [INSTALL.removeprefix("python ")] * 3


def test_each_target_has_a_comment_of_its_own(pipeline: Pipeline) -> None:
    assert github(pipeline, "plan").code == 0
    plan = pipeline.shop.folder / "plan.md"
    for marker in ("staging {", "prod {", "prod {", "{"):
        first, rest = plan.read_text(encoding="utf-8").split("\n", 1)
        plan.write_text(f"<!-- headcount:plan {marker}{first.partition('{')[2]}\n{rest}", encoding="utf-8")
        assert github(pipeline, "comment").code == 0
    comments = [comment["body"].partition("{")[0] for comment in json.loads(pipeline.file("comments.json"))]
    assert comments == [f"<!-- headcount:plan {target}" for target in ("staging ", "prod ", "")]


def test_a_pull_request_is_shown_what_it_changes_and_main_everything(pipeline: Pipeline) -> None:
    pipeline.check_out_pull_request()
    pipeline.shop.activation("second")
    pipeline.check_out_pull_request()
    assert github(pipeline, "plan").code == 0
    shown = (pipeline.shop.folder / "plan.md").read_text(encoding="utf-8")
    assert "`second`" in shown
    assert "`loyal`" not in shown
    pipeline.environment["GITHUB_EVENT_NAME"] = "push"
    assert github(pipeline, "plan").code == 0
    shown = (pipeline.shop.folder / "plan.md").read_text(encoding="utf-8")
    assert "`second`" in shown
    assert "`loyal`" in shown


def test_an_apply_can_be_held_to_the_plan_in_the_comment(pipeline: Pipeline, sandbox: Sandbox) -> None:
    pipeline.check_out_pull_request()
    pipeline.shop.activation("second")
    pipeline.check_out_pull_request()
    assert github(pipeline, "plan").code == 0
    comment = (pipeline.shop.folder / "plan.md").read_text(encoding="utf-8")
    (planned,) = re.findall("<sub>plan ([0-9a-f]+),", comment)
    pipeline.shop.apply("--plan-id", planned, code=6)
    pipeline.shop.apply("--changed-since", "HEAD^1", "--plan-id", planned)
    assert [segment.name for segment in sandbox.segments()] == ["Second"]


def test_a_pull_request_that_changes_no_activation_has_nothing_to_show(pipeline: Pipeline) -> None:
    pipeline.check_out_pull_request()
    pipeline.check_out_pull_request()
    assert github(pipeline, "plan").code == 0
    assert pipeline.file("output") == ""


def test_a_pull_request_with_a_mistake_is_annotated_and_not_planned(pipeline: Pipeline) -> None:
    pipeline.shop.write("activations/bad.yaml", "kind: Activation\nidd: bad\n")
    told = github(pipeline, "validate")
    assert told.code == 3
    assert "::error file=activations/bad.yaml,line=2," in told.out


def test_a_merge_applies_what_was_planned(pipeline: Pipeline, sandbox: Sandbox) -> None:
    assert github(pipeline, "plan").code == 0
    assert pipeline.file("output") == "changes=true\n"
    assert github(pipeline, "apply").code == 0
    assert pipeline.shop.plan()["loyal"]["action"] == "unchanged"
    (pipeline.folder / "output").unlink()
    assert github(pipeline, "plan").code == 0
    assert pipeline.file("output") == ""


def test_an_apply_refuses_what_was_not_reviewed(pipeline: Pipeline) -> None:
    assert github(pipeline, "plan").code == 0
    pipeline.shop.activation("loyal", name="Another name")
    told = github(pipeline, "apply")
    assert told.code == 6
    assert pipeline.shop.plan()["loyal"]["action"] == "create"


def test_a_blocked_plan_fails_its_job_and_is_shown_all_the_same(pipeline: Pipeline) -> None:
    pipeline.shop.activation("loyal", guardrails={"min_members": 1000})
    assert github(pipeline, "plan").code == 4
    assert github(pipeline, "comment").code == 0
    assert "**blocked**" in json.loads(pipeline.file("comments.json"))[0]["body"]


def test_a_plan_that_cannot_be_made_leaves_no_comment(pipeline: Pipeline) -> None:
    pipeline.shop.write("activations/bad.yaml", "kind: Activation\nidd: bad\n")
    assert github(pipeline, "plan").code == 3
    assert github(pipeline, "comment").code == 0
    assert pipeline.file("comments.json") == ""


@pytest.mark.parametrize(("path", "job", "code", "slept"), [(AUDIENCES, "apply", 5, 10), (KEEP_FRESH, "sync", 0, 0)])
def test_a_state_that_another_run_holds_is_waited_for_or_left(
    pipeline: Pipeline, path: str, job: str, code: int, slept: int
) -> None:
    pipeline.shop.activation("loyal")
    program = pipeline.folder / "programs" / "headcount"
    program.write_text("#!/usr/bin/env bash\nexit 5\n", encoding="utf-8")
    assert github(pipeline, job, path).code == code
    assert len(pipeline.file("slept").splitlines()) == slept


def test_the_schedule_syncs_what_is_due(pipeline: Pipeline, sandbox: Sandbox) -> None:
    pipeline.shop.activation("loyal", schedule={"every": "1m"})
    pipeline.shop.apply()
    done = github(pipeline, "sync", KEEP_FRESH)
    assert done.code == 0, done.err


def test_gitlab_plans_reports_and_applies(pipeline: Pipeline) -> None:
    document = read(GITLAB)
    for job in ("audiences:validate", "audiences:plan", "audiences:apply", "audiences:sync"):
        done = pipeline.gitlab(document, job)
        assert done.code == 0, done.err
    report = pipeline.shop.folder / document["audiences:plan"]["artifacts"]["reports"]["terraform"]
    assert json.loads(report.read_text()) == {"create": 1, "update": 0, "delete": 0}
    assert pipeline.shop.plan()["loyal"]["action"] == "unchanged"
