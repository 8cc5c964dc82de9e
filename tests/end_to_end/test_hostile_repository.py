"""`--changed-since` on a branch that attacks git: no program of its runs, and no change hides from the plan."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from runner.git.safe_git import Repository
from tests.end_to_end.shop import Shop

PROGRAMS = """
[core]
    fsmonitor = {run}
    hooksPath = {hooks}
    pager = {run}
    sshCommand = {run}
    askPass = {run}
    editor = {run}
    gitProxy = {run}
    alternateRefsCommand = {run}
    attributesFile = {attributes}
[pager]
    ls-tree = {run}
    rev-parse = {run}
    cat-file = {run}
[alias]
    rev-parse = !{run}
    ls-tree = !{run}
    merge-base = !{run}
    cat-file = !{run}
[diff]
    external = {run}
[diff "x"]
    command = {run}
    textconv = {run}
[filter "x"]
    clean = {run}
    smudge = {run}
    process = {run}
    required = true
[credential]
    helper = !{run}
[gpg]
    program = {run}
[log]
    showSignature = true
[uploadpack]
    packObjectsHook = {run}
[remote "origin"]
    url = ext::{run}
    vcs = x
    uploadpack = {run}
    promisor = true
[protocol "ext"]
    allow = always
[trace2]
    normalTarget = {trace}
    eventTarget = {trace}
"""
"""Every setting of git's that names a program, or a file to write."""


@pytest.fixture
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the branch's program writes what it sees when it is run."""
    return tmp_path_factory.mktemp("traces")


@pytest.fixture
def committed(shop: Shop) -> Shop:
    """A shop with one activation, applied and committed, which is changed on the branch that is checked out."""
    shop.activation("loyal")
    shop.activation("other")
    shop.apply()
    shop.write(".gitignore", ".headcount/\ndata/\n")
    shop.git("init", "-q", "-b", "main")
    shop.git("add", ".")
    shop.git("commit", "-qm", "first")
    shop.git("switch", "-qc", "work")
    shop.activation("loyal", name="Changed")
    shop.git("commit", "-qam", "second")
    return shop


def hostile_settings(shop: Shop, traces: Path) -> str:
    """Settings that run a program of the branch's, which says that it ran and what it saw."""
    run = shop.folder / "tools" / "run.sh"
    shop.write("tools/run.sh", f"#!/bin/sh\nenv >> {traces}/ran\ncat\n")
    shop.write("tools/attributes", "* filter=x diff=x\n")
    run.chmod(0o755)
    for hook in ("post-index-change", "post-checkout", "reference-transaction", "fsmonitor-watchman", "pre-auto-gc"):
        shop.write(f"tools/hooks/{hook}", run.read_text())
        (shop.folder / "tools/hooks" / hook).chmod(0o755)
    shop.write(".gitattributes", "* filter=x diff=x\n")
    tools = shop.folder / "tools"
    return PROGRAMS.format(run=run, hooks=tools / "hooks", attributes=tools / "attributes", trace=traces / "trace")


def changed(shop: Shop, *options: str, **environment: str) -> set[str]:
    document = shop.run("plan", "--changed-since", "main", "--format", "json", *options, code=None, **environment)
    return {change["id"] for change in document.json["changes"]}


def ran(traces: Path) -> list[str]:
    return sorted(path.name for path in traces.iterdir())


def test_a_folder_that_looks_like_a_repository_is_none(committed: Shop, traces: Path) -> None:
    settings = hostile_settings(committed, traces)
    for name in ("objects", "refs"):
        (committed.folder / "activations" / name).mkdir()
    committed.write("activations/HEAD", "ref: refs/heads/main\n")
    work_tree = f"[core]\nrepositoryformatversion = 0\nbare = false\nworktree = {committed.folder}\n"
    committed.write("activations/config", work_tree + settings)
    committed.git("-C", "activations", "--git-dir=.", "commit", "-q", "--allow-empty", "--no-verify", "-m", "theirs")
    (traces / "ran").unlink(missing_ok=True)
    (traces / "trace").unlink(missing_ok=True)

    assert changed(committed) == {"loyal"}
    assert ran(traces) == []


def test_settings_that_the_repository_includes_from_the_branch_run_nothing(committed: Shop, traces: Path) -> None:
    committed.write(".gitconfig", hostile_settings(committed, traces))
    config = committed.folder / ".git/config"
    config.write_text(
        f'{config.read_text()}[include]\npath = ../.gitconfig\n[includeIf "onbranch:*"]\npath = ../.gitconfig\n'
    )

    assert changed(committed) == {"loyal"}
    assert ran(traces) == []


def test_the_work_trees_own_home_and_git_are_not_used(committed: Shop, traces: Path) -> None:
    committed.write(".gitconfig", hostile_settings(committed, traces))
    (committed.folder / "tools/git").symlink_to("run.sh")
    inside = str(committed.folder / "tools")
    search = os.pathsep.join((".", "tools", inside, committed.environment["PATH"]))

    found = changed(committed, HOME=str(committed.folder), XDG_CONFIG_HOME=inside, PATH=search)

    assert found == {"loyal"}
    assert ran(traces) == []


def test_variables_of_git_choose_neither_repository_nor_program(
    committed: Shop, traces: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    committed.git("init", "-q", str(other))
    (other / ".git/config").write_text(hostile_settings(committed, traces))
    variables = {
        "GIT_DIR": str(other / ".git"),
        "GIT_WORK_TREE": str(other),
        "GIT_EXEC_PATH": str(committed.folder / "tools"),
        "GIT_CONFIG_GLOBAL": str(other / ".git/config"),
        "GIT_EXTERNAL_DIFF": str(committed.folder / "tools/run.sh"),
        "GIT_PAGER": str(committed.folder / "tools/run.sh"),
        "GIT_TRACE": str(traces / "trace"),
    }

    assert changed(committed, **variables) == {"loyal"}
    assert ran(traces) == []


def test_git_sees_no_secret(committed: Shop, traces: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("path")
    spy = folder / "git"
    spy.write_text(f'#!/bin/sh\nenv >> {traces}/seen\nPATH={os.environ["PATH"]} exec git "$@"\n')
    spy.chmod(0o755)

    assert changed(committed, PATH=f"{folder}:{os.environ['PATH']}", SOME_TOKEN="s3cr3t") == {"loyal"}

    seen = (traces / "seen").read_text()
    assert "s3cr3t" not in seen
    assert "CRITEO" not in seen


def test_a_link_to_another_repository_is_refused(committed: Shop, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    committed.git("init", "-q", "-b", "main", str(other))
    committed.git("-C", str(other), "commit", "-q", "--allow-empty", "-m", "theirs")
    (committed.folder / "activations").rename(other / "activations")
    (committed.folder / "activations").symlink_to(other / "activations")

    assert "through a link" in committed.run("plan", "--changed-since", "main", code=64).err


def test_a_change_behind_a_link_counts(committed: Shop) -> None:
    committed.git("switch", "-q", "main")
    for name in ("one", "two"):
        committed.write(f"sql/{name}/loyal.sql", "select email from shop.people where kind <> 'canary'\n")
    committed.write("sql/loyal.sql", "select email from shop.people where kind = 'all'\n")
    (committed.folder / "activations/now").symlink_to("../sql/one")
    committed.write(
        "activations/linked.yaml", "{kind: Activation, id: linked, segment: {name: L, file: now/loyal.sql}}"
    )
    committed.git("add", ".")
    committed.git("commit", "-qm", "a link")
    assert changed(committed) == set()

    for target in ("../sql/two", "../sql/one/.."):
        (committed.folder / "activations/now").unlink()
        (committed.folder / "activations/now").symlink_to(target)
        assert changed(committed) == {"linked"}


def test_a_change_that_git_was_asked_not_to_see_counts(committed: Shop) -> None:
    committed.git("update-index", "--assume-unchanged", "activations/other.yaml")
    committed.activation("other", name="Changed too")
    committed.write(".gitignore", ".headcount/\ndata/\nactivations/\n")
    committed.activation("ignored")

    assert changed(committed) == {"loyal", "other", "ignored"}


def test_what_was_deleted_behind_a_link_counts(committed: Shop) -> None:
    committed.git("switch", "-q", "main")
    activation = (committed.folder / "activations/other.yaml").read_text()
    committed.write("shared/gone.yaml", activation.replace("other", "gone").replace("Other", "Gone"))
    (committed.folder / "activations/shared").symlink_to("../shared")
    committed.git("add", ".")
    committed.git("commit", "-qm", "a link")
    committed.apply()
    committed.remove("shared/gone.yaml")

    assert changed(committed, "--prune") == {"gone"}


def test_it_works_in_a_linked_work_tree_and_in_a_submodule(
    committed: Shop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    beside = tmp_path_factory.mktemp("beside")
    committed.git("worktree", "add", "-q", "--detach", str(beside / "tree"), "work")
    committed.git("init", "-q", str(beside / "outer"))
    allow = ("-c", "protocol.file.allow=always")
    committed.git("-C", str(beside / "outer"), *allow, "submodule", "add", "-q", str(committed.folder), "inner")
    inner = beside / "outer/inner"
    committed.git("-C", str(inner), "fetch", "-q", "origin", "main:main")
    for folder in (beside / "tree", inner):
        (folder / "data").symlink_to(committed.folder / "data")
        found = changed(
            committed, "--dir", str(folder / "activations"), HEADCOUNT_STATE=str(committed.folder / ".headcount")
        )
        assert found == {"loyal"}


def test_a_partial_clone_fetches_nothing_and_says_so(
    committed: Shop, traces: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clone = tmp_path_factory.mktemp("clone") / "shop"
    committed.git("config", "uploadpack.allowFilter", "true")
    committed.git("clone", "-q", "--filter=blob:none", f"file://{committed.folder}", str(clone))
    committed.git("-C", str(clone), "fetch", "-q", "origin", "main:main")
    committed.git("-C", str(clone), "config", "remote.origin.url", f"ext::{committed.folder}/tools/run.sh")
    committed.git("-C", str(clone), "config", "protocol.ext.allow", "always")
    hostile_settings(committed, traces)

    told = committed.run("plan", "--changed-since", "main", "--dir", str(clone / "activations"), code=64).err

    assert "clone without --filter" in told
    assert ran(traces) == []


def test_thousands_of_links_take_no_longer_than_one_question_to_git(
    committed: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = committed.folder / "activations" / "l"
    folder.mkdir()
    for number in range(500):
        (folder / f"k{number}").symlink_to(f"n{number}")
    committed.git("add", ".")
    committed.git("commit", "-qm", "links")
    asked: list[tuple[str, ...]] = []
    ask = Repository.ask

    def counted(repository: Repository, *arguments: str, lines: Iterable[str] = ()) -> bytes:
        asked.append(arguments)
        return ask(repository, *arguments, lines=lines)

    monkeypatch.setattr(Repository, "ask", counted)
    assert changed(committed) == {"loyal"}
    assert len(asked) < 20
