"""Where it stands who approved what a run applied: the change in git that brought its commit.

A run knows who started it, which is not who approved it. Where its job of CI had an address, the commit's page on that
server leads to the pull request or merge request; otherwise git itself has to be asked.
"""

from __future__ import annotations

import re

from runner.core.records import NOT_KNOWN, RunOrigin

_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")

_PAGES = (
    (re.compile(r"(https?://[^/?#]+/[^/?#]+/[^/?#]+)/actions/runs/\d+\b"), "/commit/", "pull request"),
    (re.compile(r"(https?://[^?#]+)/-/jobs/\d+\b"), "/-/commit/", "merge request"),
    (re.compile(r"(https?://[^/?#]+/[^/?#]+/[^/?#]+)/pipelines/results/\d+\b"), "/commits/", "pull request"),
)
"""The address of a job in GitHub, GitLab and Bitbucket, how a commit's page begins there, and what it leads to."""


def where_approved(origin: RunOrigin) -> str:
    """In one sentence where to look for who approved the files of a run; empty where nothing is known of it."""
    if origin == NOT_KNOWN:
        return ""
    if not origin.commit:
        return "not known, as the files were in no git"
    short = origin.commit[:12]
    if origin.dirty:
        return f"not in git: the files were changed since commit {short}"
    request, page = _page(origin)
    if page:
        return f"in the {request} that brought the commit:  {page}"
    return f"where the commit was merged:  git show {short}"


def _page(origin: RunOrigin) -> tuple[str, str]:
    """What the commit's page leads to, and its address; empty where the job's address does not tell."""
    if _HASH.fullmatch(origin.commit) is None:
        return "", ""
    for pattern, between, request in _PAGES:
        if (found := pattern.match(origin.ci_url)) is not None:
            return request, f"{found[1]}{between}{origin.commit}"
    return "", ""
