"""Receipts of erasures as a list: of each, what became of the people, and what is still to be done about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from runner.core.erasure_receipts import Fate, Receipt, ended_by, way_on
from runner.reports.escape import printable
from runner.reports.format import moment, timestamp
from runner.reports.json_documents import document
from runner.reports.styled_text import Text


def receipts_text(receipts: tuple[Receipt, ...], now: datetime) -> Text:
    """A record per receipt, the newest first."""
    text, ended = Text(), ended_by(receipts)
    for one in reversed(receipts):
        text.append(f"{one.number}", style="bold")
        text.append(f"  run {one.run}, {moment(one.at, now)}, by {printable(_who(one.content))}\n")
        text.append_text(_fate(one, ended.get(one.number)))
        text.append("".join(f"    {line}\n" for line in _lines(one)))
    return text


def _fate(receipt: Receipt, ended_by_number: int | None) -> Text:
    if receipt.fate is Fate.ERASED:
        return Text(f"    {receipt.fate}\n", style="green")
    if ended_by_number is not None:
        return Text(f"    {receipt.fate}, until receipt {ended_by_number}: erased by that one\n", style="green")
    return Text(f"    ! {receipt.fate}\n", style="bold red").append(f"      -> {way_on(receipt)}\n", style="not bold")


def _who(content: Mapping[str, Any]) -> str:
    person = "@".join(part for part in (content.get("user"), content.get("host")) if part)
    return ", in ".join(part for part in (person or "nobody known", content.get("ci_job")) if part)


def _lines(receipt: Receipt) -> Iterator[str]:
    content = receipt.content
    asked = content.get("identifiers", {})
    both = " (an address in clear counts twice, for its SHA-256 and its MD5)" if "email" in asked else ""
    yield f"looked for {', '.join(f'{count:,} {kind}' for kind, count in asked.items()) or 'nothing'}{both}"
    for one in content.get("audiences", ()):
        many = ", ".join(f"{count:,} {kind}" for kind, count in one["removed"].items()) or "nobody"
        error = f"; {one['error']}" if one["error"] else ""
        yield printable(f"{one['activation']} (account {one['account_id']}): removed {many}{error}")
    back = [one["activation"] for one in content.get("segments", ()) if one["found"] == "in the segment"]
    if back:
        yield printable(f"still yielded by the segments of {', '.join(back)}")
    failed = [one["activation"] for one in content.get("segments", ()) if one["found"] == "failed"]
    if failed:
        yield printable(f"not known of the segments of {', '.join(failed)}")
    yield from _versions(content.get("older_versions", {}))


def _versions(older: Mapping[str, Any]) -> Iterator[str]:
    if older.get("known") == "not listed":
        yield printable(f"older versions in the bucket were not listed: {older['why']}")
    if older.get("versions"):
        yield f"older versions that may hold them: {len(older['versions']):,} (--format json names each)"


def receipts_document(receipts: tuple[Receipt, ...]) -> dict[str, Any]:
    """schemas/receipts.schema.json"""
    ended = ended_by(receipts)
    listed = [{**_data(one), "fate": str(one.fate), "ended_by": ended.get(one.number)} for one in receipts]
    return document("receipts", receipts=listed)


def _data(one: Receipt) -> dict[str, Any]:
    """As it was written; those of before older versions were looked for say nothing of them."""
    since = {"older_versions": None, "finishes": None}
    return {"number": one.number, "run": one.run, "at": timestamp(one.at), **since, **one.content}
