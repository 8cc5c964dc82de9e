"""Whether the files that the sources name are there: the part of the checks that needs the data."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import Span, TextFile
from runner.core.findings import Finding, Location
from runner.core.project import Project, Source


def check_source_files(project: Project) -> tuple[Finding, ...]:
    """A finding for every table whose patterns match no file, and for every database file that is not there."""
    found = Findings()
    for source in project.sources:
        for key, message in _missing(source):
            _add(found, source.table_locations.get(key, source.location), key, message)
    return found.sorted()


def _missing(source: Source) -> Iterator[tuple[str, str]]:
    if source.path is not None and not Path(source.path).is_file():
        yield "", f"there is no file {_shown(source.path)}; the path is relative to this YAML file"
    for table, patterns in source.tables.items():
        for pattern in patterns:
            if not any(True for _ in glob.iglob(pattern, recursive=True)):  # noqa: PTH207 - the pattern is absolute
                what = "no file matches" if glob.has_magic(pattern) else "there is no file"
                yield table, f"{what} {_shown(pattern)}; the path is relative to this YAML file"


def _shown(path: str) -> str:
    """A path as short as it can be from here."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def _add(found: Findings, location: Location, word: str, message: str) -> None:
    path = Path(location.file)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        text = ""  # the files were moved since; the place is still right
    file = TextFile(location.file, path, text)
    found.add(file, Span(location.line, location.column, max(1, len(word))), "no-source-file", message)
