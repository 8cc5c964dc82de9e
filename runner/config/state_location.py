"""Where the project says that its state is: `state:` of its Project document, and nothing else of the files.

Commands that only look into the state need this before the rest of the files is known to be valid.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

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
    found, elsewhere = Findings(), Findings()
    if not folder.is_dir():
        return None
    scope = Scope("a Project document", today)
    for path in yaml_files(folder, elsewhere):
        file = read_text(path, shown_path(path), folder.resolve().parent, elsewhere)
        if file is None or _KIND not in file.text:
            continue
        for document in documents_of(file, elsewhere):
            if document.kind != _KIND or "state" not in document.root.entries:
                continue
            place = checked(document, scope, found, {}).root.text("state")
            if found:
                raise InvalidProject(found.sorted())
            return place if place is None or ":/" in place else path.absolute().parent / Path(place).expanduser()
    return None
