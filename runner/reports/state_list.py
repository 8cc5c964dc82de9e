"""What a state keeps, for `headcount state list`."""

from __future__ import annotations

from typing import Any

from runner.core.file_size import file_size
from runner.reports.escape import printable
from runner.reports.format import counts, plural
from runner.reports.json_documents import document
from runner.reports.styled_text import Text
from runner.state.inventory import Contents, KeptAudience


def kept_document(contents: Contents) -> dict[str, Any]:
    """schemas/state.schema.json"""
    return document(
        "state",
        location=contents.location,
        holder=contents.holder or None,
        bytes=contents.size,
        audiences=[_audience(kept) for kept in contents.audiences],
    )


def _audience(kept: KeptAudience) -> dict[str, Any]:
    applied = kept.applied
    return {
        "activation": applied.activation,
        "destination": applied.destination,
        "account_id": applied.account_id,
        "audience_id": applied.audience_id,
        "members": {str(kind): count for kind, count in applied.members.items()},
        "unfinished": applied.unfinished is not None,
        "files": [{"role": file.role, "path": file.path, "bytes": file.size} for file in kept.files],
    }


def kept_text(contents: Contents) -> Text:
    """A line for the whole, then a record per audience."""
    text = Text(f"{printable(contents.location)}: {plural(len(contents.audiences), 'audience')}, ")
    text.append(f"{file_size(contents.size)} in files\n")
    text.append(f"held by {printable(contents.holder)}\n" if contents.holder else "held by no run\n")
    for kept in contents.audiences:
        applied = kept.applied
        text.append(printable(applied.activation), style="bold")
        text.append(f"  audience {printable(applied.audience_id)}" if applied.audience_id else "  no audience yet")
        text.append(f" in {printable(applied.destination)} (account {printable(applied.account_id)})\n")
        text.append(f"    members   {counts(applied.members) or 'none'}\n")
        for file in kept.files:
            text.append(f"    {file.role:<9} {printable(file.path)}, {file_size(file.size)}\n")
    return text
