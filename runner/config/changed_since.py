"""Which activations have changed since a commit of git: by what, of all that they are declared by, was touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runner.config.families import FOR_EACH
from runner.config.written_words import Shared, words
from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import MapNode, TextFile
from runner.config.yaml.project_files import MAX_BYTES
from runner.config.yaml.strict_yaml import parse
from runner.core.errors import UsageError
from runner.core.project import Project
from runner.git.committed_tree import CommittedTree
from runner.git.safe_git import GitRefused, NoGit, NoRepository, Repository, repository_of

_YAML = (".yaml", ".yml")
_WHOLE_HISTORY = "a CI clone may hold the newest commit only: fetch the whole history (fetch-depth: 0), or that branch"
_WHOLE_CLONE = "a partial clone lacks files of older commits: clone without --filter"


def changed_since(project: Project, reference: str) -> frozenset[str]:
    """The ids of the activations that differ from what they were where the work left `reference`.

    Counted are commits, what is not committed yet, and new files, ignored or not. An activation has changed when one of
    the files that it depends on has, byte by byte; one that was declared then and is not any more has changed, too.
    Raises UsageError.
    """
    folder = Path(project.folder)
    try:
        repository = repository_of(folder)
        base = _base(repository, reference)
        tree = _tree(repository, base)
        ids = {one.id for one in project.activations if not all(tree.holds(Path(file)) for file in one.files)}
        return frozenset(ids.union(_declared(tree, folder)))
    except NoGit:
        raise UsageError("--changed-since needs git, which is not installed", "install git, or use --select") from None
    except NoRepository:
        raise UsageError(
            f"--changed-since needs a git repository, and {folder.absolute()} is not in one",
            "run it inside a clone, and not through a link that leads into another one",
        ) from None


def _base(repository: Repository, reference: str) -> str:
    """The commit to compare with: where this branch left the reference, if it did."""
    try:
        head = _commit(repository, "HEAD")
    except GitRefused:
        raise UsageError(
            f"--changed-since needs a git repository with a commit, and git finds none in {repository.top}",
            "see what `git log` says (a folder of another user needs safe.directory)",
        ) from None
    try:
        commit = _commit(repository, reference)
    except GitRefused:
        raise UsageError(f'--changed-since "{reference}" names no commit of this repository', _WHOLE_HISTORY) from None
    try:
        return repository.ask("merge-base", commit, head).decode().strip()
    except GitRefused:
        return commit


def _commit(repository: Repository, reference: str) -> str:
    answer = repository.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
    return answer.decode().strip()


def _tree(repository: Repository, commit: str) -> CommittedTree:
    try:
        return CommittedTree(repository, commit, MAX_BYTES)
    except GitRefused:
        raise UsageError("git does not list the files of the commit of --changed-since", _WHOLE_CLONE) from None


def _declared(tree: CommittedTree, folder: Path) -> Iterator[str]:
    """The ids of the activations that the commit declared in files that are not as they were any more.

    All of them, where the Project document is not: it may have held the lists that families were made for.
    """
    paths = [path for path in tree.paths_below(folder) if path.suffix.lower() in _YAML]
    documents = [document for path in paths if not tree.holds(path) for document in _documents(tree, path)]
    everything = documents
    if any(document.text("kind") == "Project" or FOR_EACH in document.entries for document in documents):
        everything = [document for path in paths for document in _documents(tree, path)]
    if any(document.text("kind") == "Project" for document in documents):
        documents = everything
    shared = Shared.of(everything)
    for document in documents:
        if document.text("kind") == "Activation":
            yield from words(document, "id", shared)


def _documents(tree: CommittedTree, path: Path) -> list[MapNode]:
    """The documents that a file held in the commit; none where it was not readable."""
    try:
        text = tree.content(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        return []
    except GitRefused:
        raise UsageError(f"git does not say what {path} was in the commit of --changed-since", _WHOLE_CLONE) from None
    return [node for node in parse(TextFile(path.name, path, text), Findings())[0] if isinstance(node, MapNode)]
