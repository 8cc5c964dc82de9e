"""What the Project document says that is needed before the rest of the files is read: where the state is, and which day
it is.

Commands that only look into the state need no more of the files, which may not be valid.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from runner.config.document import ParsedDocument
from runner.config.read_documents import documents_of
from runner.config.schema.validate_documents import checked
from runner.config.templates.render import Scope
from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.project_files import read_text, shown_path, yaml_files
from runner.core.errors import InvalidProject

_KIND = "Project"


def declared_state(folder: Path, *, today: date) -> str | Path | None:
    """A bucket as it is written, or a folder, a relative one next to the file that names it; None when none is named.

    Raises InvalidProject with what is wrong with the Project document.
    """
    found = Findings()
    for document in _with_field(folder, "state"):
        place = checked(document, Scope("a Project document", today), found, {}).root.text("state")
        if found:
            raise InvalidProject(found.sorted())
        if place is None or ":/" in place:
            return place
        return document.file.path.absolute().parent / Path(place).expanduser()
    return None


def declared_zone(folder: Path) -> tzinfo:
    """The time zone of the project, UTC where it names none or one that there is not, which is a finding elsewhere."""
    for document in _with_field(folder, "timezone"):
        try:
            return ZoneInfo(document.root.text("timezone") or "UTC")
        except (LookupError, ValueError, OSError):
            break
    return UTC


def _with_field(folder: Path, field: str) -> Iterator[ParsedDocument]:
    """The Project documents, of which there should be one, that have a field; whatever is wrong with them passes by."""
    passed = Findings()
    for path in yaml_files(folder, passed) if folder.is_dir() else ():
        file = read_text(path, shown_path(path), folder.resolve().parent, passed)
        if file is not None and _KIND in file.text and field in file.text:
            yield from (one for one in documents_of(file, passed) if one.kind == _KIND and field in one.root.entries)
