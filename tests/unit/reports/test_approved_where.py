"""Who approved what a run applied: where to look, as far as its commit and its job tell."""

from __future__ import annotations

import pytest

from runner.core.records import NOT_KNOWN, RunOrigin
from runner.reports.approved_where import where_approved

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (
            "https://github.com/shop/audiences/actions/runs/42",
            f"in the pull request that brought the commit:  https://github.com/shop/audiences/commit/{COMMIT}",
        ),
        (
            "https://git.shop.example/shop/audiences/actions/runs/42/attempts/2",
            f"in the pull request that brought the commit:  https://git.shop.example/shop/audiences/commit/{COMMIT}",
        ),
        (
            "https://gitlab.com/shop/crm/audiences/-/jobs/7",
            f"in the merge request that brought the commit:  https://gitlab.com/shop/crm/audiences/-/commit/{COMMIT}",
        ),
        (
            "https://bitbucket.org/shop/audiences/pipelines/results/3",
            f"in the pull request that brought the commit:  https://bitbucket.org/shop/audiences/commits/{COMMIT}",
        ),
    ],
)
def test_the_page_of_the_commit_follows_from_the_address_of_the_job(job: str, said: str) -> None:
    assert where_approved(RunOrigin(commit=COMMIT, dirty=False, ci_url=job)) == said


@pytest.mark.parametrize("job", ["", "https://ci.shop.example/job/audiences/12/", "https://github.com/actions/runs/42"])
def test_without_such_an_address_git_is_to_be_asked(job: str) -> None:
    said = where_approved(RunOrigin(commit=COMMIT, dirty=False, ci_url=job))
    assert said == "where the commit was merged:  git show 0123456789ab"


def test_files_that_are_no_commit_were_approved_by_nobody_that_git_knows() -> None:
    origin = RunOrigin(commit=COMMIT, dirty=True, ci_url="https://github.com/shop/audiences/actions/runs/42")
    assert where_approved(origin) == "not in git: the files were changed since commit 0123456789ab"
    assert where_approved(RunOrigin(user="ada")) == "not known, as the files were in no git"


def test_a_commit_that_is_none_makes_no_address() -> None:
    said = where_approved(RunOrigin(commit="../../evil", ci_url="https://github.com/shop/audiences/actions/runs/42"))
    assert "https://" not in said


def test_of_a_run_of_which_nothing_is_known_nothing_is_said() -> None:
    assert where_approved(NOT_KNOWN) == ""
