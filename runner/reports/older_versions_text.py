"""Which older versions of a bucket's objects hold people who were erased, and how to remove each."""

from __future__ import annotations

from shlex import quote

from runner.core.older_versions import HowKnown, OlderVersions, OldVersion
from runner.reports.escape import printable
from runner.reports.format import plural
from runner.reports.styled_text import Text

SHOWN = 20
"""Versions that are shown at most; the receipt has all of them."""


def older_versions_text(older: OlderVersions) -> Text:
    """What a person has to know and do; nothing where no version holds anybody."""
    if older.known is HowKnown.NOT_LISTED:
        return _not_listed(older)
    if older.known is HowKnown.REMOVED_BY_HAND:
        return Text("Older versions in the bucket cannot be seen from here; removed by hand, as was said.\n")
    if not older.versions:
        return Text("No older version in the bucket holds them.\n" if older.known is HowKnown.LISTED else "")
    text = Text(f"{plural(len(older.versions), 'older version')} in the bucket still hold them:\n", style="bold red")
    for one in older.versions[:SHOWN]:
        doubt = "" if one.is_certain else "; it could not be read, and may hold them"
        written = f"written {one.written:%Y-%m-%d %H:%M} UTC{doubt}"
        text.append(f"  {printable(one.object)}  {written}\n    -> {printable(_command(older, one))}\n")
    more = len(older.versions) - SHOWN
    if more > 0:
        text.append(f"  and {more:,} more: `headcount forget --receipts --format json` names each\n")
    return text.append("  -> remove each with its command; what was removed so cannot be brought back\n")


def _not_listed(older: OlderVersions) -> Text:
    text = Text(f"Older versions in the bucket could not be listed: {printable(older.why)}.\n", style="bold red")
    text.append("Where it keeps older versions, or deleted objects, they still hold them:\n")
    text.append("".join(f"  {printable(place)}\n" for place in older.places))
    text.append(f"  -> {printable(older.hint)}; or remove them as docs/how-to/answer-and-erase.md says,\n")
    return text.append("     and ask the same again with --versions-removed\n")


def _command(older: OlderVersions, one: OldVersion) -> str:
    bucket, _, root = older.location.partition("://")[2].partition("/")
    key = f"{root}/{one.object}" if root else one.object
    where = f" --endpoint-url {quote(older.endpoint)}" if older.endpoint else ""
    return (
        f"aws s3api delete-object{where} --bucket {quote(bucket)} --key {quote(key)} --version-id {quote(one.version)}"
    )
