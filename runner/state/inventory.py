"""What a state keeps, as `headcount state list` shows it."""

from __future__ import annotations

from dataclasses import dataclass

from runner.core.records import AppliedAudience


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of an audience; `role` is members, changes (of these) or outbox (a delta on its way), `size` in bytes."""

    role: str
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class KeptAudience:
    """An audience and its files."""

    applied: AppliedAudience
    files: tuple[KeptFile, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """All that is kept at a place; `holder` says in words who holds it, empty when nobody does."""

    location: str
    holder: str
    audiences: tuple[KeptAudience, ...]

    @property
    def size(self) -> int:
        """Of all files, in bytes."""
        return sum(file.size for kept in self.audiences for file in kept.files)
