"""The CI templates of reports: valid, careful with rights, and what they run makes a report."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.pipeline import ROOT, Pipeline, read
from tests.end_to_end.shop import Shop
from tests.end_to_end.test_report import plots

pytestmark = pytest.mark.slow

GITHUB, GITLAB = "docs/ci/github/report.yml", "docs/ci/gitlab/report.gitlab-ci.yml"
INSTALL = (
    "python -m pip install --require-hashes --only-binary :all: --requirement .ci/headcount/requirements-report.txt"
)
VALUES = {
    "vars.HEADCOUNT_STATE": ".headcount",
    "vars.HEADCOUNT_ENV": "",
    "vars.HEADCOUNT_HOSTS": "",
    "vars.HEADCOUNT_ENV_FILES": "",
    "secrets.HEADCOUNT_STATE_KEY": "",
    "secrets.AWS_ACCESS_KEY_ID": "",
    "secrets.AWS_SECRET_ACCESS_KEY": "",
    "vars.AWS_REGION": "",
}


@pytest.mark.parametrize(("schema", "path"), [("github-workflows", GITHUB), ("gitlab-ci", GITLAB)])
def test_a_template_is_valid_for_its_platform(schema: str, path: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(ROOT / path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_it_may_do_and_what_it_runs_is_fixed() -> None:
    text = (ROOT / GITHUB).read_text(encoding="utf-8")
    document = read(GITHUB)
    assert document["permissions"] == {}
    assert document["jobs"]["report"]["permissions"] == {"contents": "read"}
    assert document["jobs"]["publish"]["permissions"] == {"pages": "write", "id-token": "write"}
    assert all(
        re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in re.findall(r"uses: (.*)", text)
    )
    with_secrets = [step for step in document["jobs"]["report"]["steps"] if "secrets." in json.dumps(step)]
    assert [step["run"] for step in with_secrets] == ["headcount report --out site"]
    assert "CRITEO_CLIENT_SECRET" not in text
    for path in (GITHUB, GITLAB):
        installed = re.findall(r"pip install .*", re.sub(r"\\\n *", "", (ROOT / path).read_text(encoding="utf-8")))
        assert {f"python -m {one}" for one in installed} == {INSTALL}


def test_pages_are_published_only_where_somebody_said_so() -> None:
    jobs = read(GITHUB)["jobs"]
    assert jobs["publish"]["if"] == "vars.HEADCOUNT_PAGES == 'true'"
    assert read(GITLAB)["pages"]["rules"] == [
        {"if": '$CI_PIPELINE_SOURCE == "schedule" && $HEADCOUNT_REPORT == "pages"'}
    ]


def test_its_steps_write_a_report(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> None:
    plots()
    shop.activation("loyal")
    shop.apply()
    pipeline = Pipeline(shop, tmp_path_factory.mktemp("machine"))
    for name in ("CRITEO_CLIENT_ID", "CRITEO_CLIENT_SECRET"):
        pipeline.environment.pop(name)
    done = pipeline.github(read(GITHUB), "report", VALUES)
    assert done.code == 0, done.err
    assert "Loyal" in Path(shop.folder / "site" / "index.html").read_text(encoding="utf-8")
