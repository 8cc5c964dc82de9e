"""Which activations a command looks at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from runner.core.errors import UsageError
from runner.core.project import Activation, Project
from runner.core.records import AppliedAudience
from runner.core.suggest import closest
from runner.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """What can be selected: an activation, or an audience that is no longer declared and has no tags, owner or files.

    `paths` are the files that say who is in it: its own, its segment's and the SQL's, as a person would name them.
    """

    id: str
    destinations: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    owner: str = ""
    paths: tuple[str, ...] = ()

    @classmethod
    def of(cls, activation: Activation) -> Candidate:
        paths = (activation.location.file, activation.segment.location.file, activation.segment.sql.file)
        return cls(activation.id, (activation.destination.name,), activation.tags, activation.owner, paths)


def candidate_of(record: AppliedAudience, project: Project) -> Candidate:
    """An audience as the state knows it, by the destination it was made through and those that have its account now."""
    now = (one.name for one in project.destinations if one.account == record.account)
    return Candidate(record.activation, tuple(dict.fromkeys((record.destination, *now))))


def all_candidates(project: Project, applied: Iterable[AppliedAudience]) -> tuple[Candidate, ...]:
    """What a selection can mean: each activation of the project, and each audience that is no longer declared."""
    declared = (Candidate.of(activation) for activation in project.activations)
    return (*declared, *(candidate_of(record, project) for record in applied))


@dataclass(frozen=True, slots=True)
class Selection:
    """What `select` means but `exclude` does not; no pattern at all means everything.

    A pattern is an id or `tag:`, `destination:`, `owner:` or `path:` with a word, each of them a glob; a path may be a
    file or a folder. `changed` are ids to which all of it is narrowed down; None narrows nothing.
    """

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    changed: frozenset[str] | None = None

    def means(self, candidate: Candidate) -> bool:
        if self.changed is not None and candidate.id not in self.changed:
            return False
        wanted = not self.select or any(_matches(pattern, candidate) for pattern in self.select)
        return wanted and not any(_matches(pattern, candidate) for pattern in self.exclude)

    def require_matches(self, candidates: Collection[Candidate]) -> None:
        """Raise UsageError for a pattern that means nothing: a typo must not turn into "nothing to do"."""
        require_meant("--select", self.select, candidates)
        require_meant("--exclude", self.exclude, candidates)


EVERYTHING = Selection()
"""What is selected where nothing is said."""


def meant_by(patterns: Iterable[str], candidate: Candidate) -> str:
    """The first of the patterns that means the candidate, empty where none does."""
    return next((pattern for pattern in patterns if _matches(pattern, candidate)), "")


def require_meant(
    option: str, patterns: Iterable[str], candidates: Collection[Candidate], what: str = "activation"
) -> None:
    """Raise UsageError for a pattern of an option that means none of the candidates; `what` these are, in a word."""
    for pattern in patterns:
        if not any(_matches(pattern, candidate) for candidate in candidates):
            raise UsageError(f'{option} "{pattern}" matches no {what}', _suggest(pattern, candidates))


def require_known(ids: Iterable[str], known: Iterable[str]) -> None:
    """Raise UsageError for an id that no activation has."""
    known = set(known)
    for unknown in sorted(set(ids) - known):
        raise UsageError(f'there is no activation "{unknown}"', _nearest(unknown, known))


def _in_path(pattern: str, path: str) -> bool:
    """Whether a path is, or lies below, what the pattern names; written from any folder above it."""
    pattern = pattern.removeprefix("./").rstrip("/")
    ends = [path, *(path[at + 1 :] for at, letter in enumerate(path) if letter == "/")]
    return any(fnmatchcase(end, pattern) or fnmatchcase(end, f"{pattern}/*") for end in ends)


_WORDS: Mapping[str, Callable[[Candidate], tuple[str, ...]]] = {
    "destination": lambda candidate: candidate.destinations,
    "owner": lambda candidate: (candidate.owner,) if candidate.owner else (),
    "path": lambda candidate: candidate.paths,
    "tag": lambda candidate: candidate.tags,
}
"""What stands before the colon of a pattern, and the words of a candidate that it is held against."""


def _matches(pattern: str, candidate: Candidate) -> bool:
    kind, colon, word = pattern.partition(":")
    if not colon or kind not in _WORDS:
        return fnmatchcase(candidate.id, pattern)
    matches = _in_path if kind == "path" else lambda one, text: fnmatchcase(text, one)
    return any(matches(word, text) for text in _WORDS[kind](candidate))


def _suggest(pattern: str, candidates: Iterable[Candidate]) -> str:
    kind, colon, word = pattern.partition(":")
    if not colon:
        return _nearest(pattern, (candidate.id for candidate in candidates))
    if kind not in _WORDS:
        return f"write an id, or one of {', '.join(f'{name}:' for name in _WORDS)} and a word"
    return _nearest(word, _words(kind, candidates), f"{kind}:")


def _words(kind: str, candidates: Iterable[Candidate]) -> Iterator[str]:
    for candidate in candidates:
        yield from _WORDS[kind](candidate)


def _nearest(word: str, known: Iterable[str], prefix: str = "") -> str:
    near = closest(word, known, fold=str)
    return f'did you mean "{prefix}{near}"?' if near else "`headcount status` lists the activations"
