"""Times for people: in the machine's own zone, which is always said."""

from __future__ import annotations

from datetime import datetime


def local_time(when: datetime, *, seconds: bool = False) -> str:
    """`2026-11-28 11:45 +01:00`, or `2026-11-28 10:45 UTC` where the machine's zone is that.

    An offset, since the abbreviations of zones mean several things (IST, CST). `when` is aware.
    """
    here = when.astimezone()
    text = here.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")
    return f"{text} {_offset(here)}"


def _offset(here: datetime) -> str:
    if not here.utcoffset():
        return "UTC"
    return here.isoformat(timespec="minutes")[len("2026-11-28T11:45") :]
