"""Who runs this, in which job of CI, and from which commit: for the history, so it is whatever can be known."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from runner.core.records import RunOrigin

_LONGEST = 200
_DECLARED = (".yaml", ".yml", ".sql")


def origin_of(folder: Path, environ: Mapping[str, str]) -> RunOrigin:
    """Who runs a command over the files in a folder. Asks git, and raises nothing."""
    from runner.git.checked_out import checked_out

    user, job, url, said = next((found for read in _SYSTEMS if (found := read(environ))), ("", "", "", ""))
    commit, dirty = checked_out(folder, _DECLARED)
    return RunOrigin(
        user=_short(user) or _user(),
        host=_short(os.uname().nodename),
        ci_job=_short(job),
        ci_url=_address(url),
        commit=commit or _short(said),
        dirty=dirty,
    )


_Found = tuple[str, str, str, str]
"""User, job, address of the job and commit, as a system of CI says them."""


def _github(env: Mapping[str, str]) -> _Found | None:
    if not env.get("GITHUB_ACTIONS"):
        return None
    server, repository, run = (env.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    url = f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""
    attempt = env.get("GITHUB_RUN_ATTEMPT", "1")
    again = f"/attempts/{attempt}" if url and attempt != "1" else ""
    # Who runs a job again need not be who it was first run for.
    person = env.get("GITHUB_TRIGGERING_ACTOR") or env.get("GITHUB_ACTOR", "")
    return person, _joined(env, "GITHUB_WORKFLOW", "GITHUB_JOB"), url + again, env.get("GITHUB_SHA", "")


def _azure(env: Mapping[str, str]) -> _Found | None:
    if not env.get("TF_BUILD"):
        return None
    parts = [env.get(name, "") for name in ("SYSTEM_COLLECTIONURI", "SYSTEM_TEAMPROJECT", "BUILD_BUILDID")]
    url = f"{parts[0].rstrip('/')}/{parts[1]}/_build/results?buildId={parts[2]}" if all(parts) else ""
    job = _joined(env, "BUILD_DEFINITIONNAME", "SYSTEM_JOBDISPLAYNAME")
    return env.get("BUILD_REQUESTEDFOR", ""), job, url, env.get("BUILD_SOURCEVERSION", "")


def _bitbucket(env: Mapping[str, str]) -> _Found | None:
    """Bitbucket says the person by a number of its own (a UUID)."""
    number = env.get("BITBUCKET_BUILD_NUMBER", "")
    if not number:
        return None
    origin = env.get("BITBUCKET_GIT_HTTP_ORIGIN", "").replace("http://bitbucket.org/", "https://bitbucket.org/")
    url = f"{origin}/pipelines/results/{number}" if origin else ""
    job = f"{env.get('BITBUCKET_REPO_FULL_NAME', '')} #{number}".strip()
    return env.get("BITBUCKET_STEP_TRIGGERER_UUID", ""), job, url, env.get("BITBUCKET_COMMIT", "")


def _joined(env: Mapping[str, str], *names: str) -> str:
    return " / ".join(part for name in names if (part := env.get(name)))


def _named(mark: str, *names: str) -> Callable[[Mapping[str, str]], _Found | None]:
    """A system that says each thing in one variable; there where `mark` is set."""

    def read(env: Mapping[str, str]) -> _Found | None:
        user, job, url, commit = (env.get(name, "") for name in names)
        return (user, job, url, commit) if env.get(mark) else None

    return read


_SYSTEMS = (
    _github,
    _azure,
    _bitbucket,
    _named("GITLAB_CI", "GITLAB_USER_LOGIN", "CI_JOB_NAME", "CI_JOB_URL", "CI_COMMIT_SHA"),
    _named("JENKINS_URL", "BUILD_USER_ID", "JOB_NAME", "BUILD_URL", "GIT_COMMIT"),
    _named("CIRCLECI", "CIRCLE_USERNAME", "CIRCLE_JOB", "CIRCLE_BUILD_URL", "CIRCLE_SHA1"),
    _named("BUILDKITE", "BUILDKITE_BUILD_CREATOR", "BUILDKITE_LABEL", "BUILDKITE_BUILD_URL", "BUILDKITE_COMMIT"),
)


def _user() -> str:
    import getpass

    try:
        return _short(getpass.getuser())
    except (OSError, KeyError, ImportError):
        return ""


def _short(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]


def _address(url: str) -> str:
    """An address without whatever could be a password in it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    plain = parts.scheme in ("http", "https") and parts.username is None and not any(char.isspace() for char in url)
    return url[:500] if plain else ""
