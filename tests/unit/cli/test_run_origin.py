"""Who runs a command, as each system of CI says it in the variables that it documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.cli.run_origin import origin_of

COMMIT = "c" * 40
JOBS = {
    "github": (
        {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "ann",
            "GITHUB_WORKFLOW": "audiences",
            "GITHUB_JOB": "apply",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": "shop/audiences",
            "GITHUB_RUN_ID": "7",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_SHA": COMMIT,
        },
        ("ann", "audiences / apply", "https://github.com/shop/audiences/actions/runs/7"),
    ),
    "gitlab": (
        {
            "GITLAB_CI": "true",
            "GITLAB_USER_LOGIN": "ann",
            "CI_JOB_NAME": "audiences:apply",
            "CI_JOB_URL": "https://gitlab.com/shop/audiences/-/jobs/7",
            "CI_COMMIT_SHA": COMMIT,
        },
        ("ann", "audiences:apply", "https://gitlab.com/shop/audiences/-/jobs/7"),
    ),
    "azure": (
        {
            "TF_BUILD": "True",
            "SYSTEM_COLLECTIONURI": "https://dev.azure.com/shop/",
            "SYSTEM_TEAMPROJECT": "audiences",
            "SYSTEM_JOBDISPLAYNAME": "apply",
            "BUILD_DEFINITIONNAME": "deploy",
            "BUILD_BUILDID": "7",
            "BUILD_REQUESTEDFOR": "Ann",
            "BUILD_SOURCEVERSION": COMMIT,
        },
        ("Ann", "deploy / apply", "https://dev.azure.com/shop/audiences/_build/results?buildId=7"),
    ),
    "bitbucket": (
        {
            "BITBUCKET_BUILD_NUMBER": "7",
            "BITBUCKET_GIT_HTTP_ORIGIN": "http://bitbucket.org/shop/audiences",
            "BITBUCKET_REPO_FULL_NAME": "shop/audiences",
            "BITBUCKET_STEP_TRIGGERER_UUID": "{0f1e}",
            "BITBUCKET_COMMIT": COMMIT,
        },
        ("{0f1e}", "shop/audiences #7", "https://bitbucket.org/shop/audiences/pipelines/results/7"),
    ),
    "jenkins": (
        {
            "JENKINS_URL": "https://ci.shop.example/",
            "BUILD_USER_ID": "ann",
            "JOB_NAME": "audiences/main",
            "BUILD_URL": "https://ci.shop.example/job/audiences/7/",
            "GIT_COMMIT": COMMIT,
        },
        ("ann", "audiences/main", "https://ci.shop.example/job/audiences/7/"),
    ),
    "circleci": (
        {
            "CIRCLECI": "true",
            "CIRCLE_USERNAME": "ann",
            "CIRCLE_JOB": "apply",
            "CIRCLE_BUILD_URL": "https://circleci.com/gh/shop/audiences/7",
            "CIRCLE_SHA1": COMMIT,
        },
        ("ann", "apply", "https://circleci.com/gh/shop/audiences/7"),
    ),
    "buildkite": (
        {
            "BUILDKITE": "true",
            "BUILDKITE_BUILD_CREATOR": "Ann",
            "BUILDKITE_LABEL": "apply",
            "BUILDKITE_BUILD_URL": "https://buildkite.com/shop/audiences/builds/7",
            "BUILDKITE_COMMIT": COMMIT,
        },
        ("Ann", "apply", "https://buildkite.com/shop/audiences/builds/7"),
    ),
}


@pytest.mark.parametrize(("said", "expected"), JOBS.values(), ids=JOBS)
def test_a_job_says_who_started_it_what_it_is_called_and_where_it_can_be_seen(
    tmp_path: Path, said: dict[str, str], expected: tuple[str, str, str]
) -> None:
    found = origin_of(tmp_path, said)
    assert (found.user, found.ci_job, found.ci_url) == expected
    assert (found.commit, found.dirty) == (COMMIT, None)


def test_a_job_that_was_run_again_is_that_of_the_person_who_did(tmp_path: Path) -> None:
    said = {**JOBS["github"][0], "GITHUB_TRIGGERING_ACTOR": "ben", "GITHUB_RUN_ATTEMPT": "2"}
    found = origin_of(tmp_path, said)
    assert (found.user, found.ci_url) == ("ben", "https://github.com/shop/audiences/actions/runs/7/attempts/2")


def test_a_person_at_a_terminal_is_the_one_who_is_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "carol")
    found = origin_of(tmp_path, {})
    assert (found.user, found.ci_job, found.ci_url, found.commit) == ("carol", "", "", "")
    assert found.host


def test_an_address_that_may_hold_a_password_is_not_kept(tmp_path: Path) -> None:
    said = {**JOBS["gitlab"][0], "CI_JOB_URL": "https://ann:geheim@gitlab.com/7"}
    assert origin_of(tmp_path, said).ci_url == ""
