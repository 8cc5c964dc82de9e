"""The log as JSON, for those who collect logs: one event a line on standard error, and nothing beside them.

Every event says when, how grave it is and of what kind, and which command, run, activation, API, state and target it is
about, as far as that is known by then.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime

from runner.core.errors import UsageError
from runner.reports.escape import in_json

VARIABLE = "HEADCOUNT_LOG"
_FORMS = ("text", "json")

_ABOUT = ("command", "run", "activation", "api", "state", "target")
_known: dict[str, object] = {}
"""What the events of this process are about; a process runs one command at a time."""

_GRAVE = ("warning", "error")


def is_json() -> bool:
    """Whether the environment asks for events."""
    return os.environ.get(VARIABLE) == "json"


def require_known_form() -> None:
    """Raise UsageError where the environment asks for a form that there is not."""
    form = os.environ.get(VARIABLE)
    if form and form not in _FORMS:
        raise UsageError(f"{VARIABLE}={form} is not a form of the log", "set it to json, or leave it unset")


def begin(command: str) -> None:
    """A command begins: nothing else is known of it."""
    _known.clear()
    _known["command"] = command


def bind(**about: object) -> None:
    """From now on events are about these: `run`, `api`, `state`, `target`."""
    _known.update(about)


def event(name: str, message: str, *, level: str = "info", **fields: object) -> str:
    """An event as a line; `fields` are further ones, or say what this one alone is about."""
    head = {"time": _now(), "level": level, "event": name, "message": message}
    about = {key: fields.pop(key, _known.get(key)) for key in _ABOUT}
    return in_json(json.dumps({**head, **about, **fields}, ensure_ascii=False, default=str)) + "\n"


def event_of(text: str) -> str:
    """What a command says in text, as an event: its first word says how grave it is."""
    message = " ".join(text.split())
    for level in _GRAVE:
        if message.startswith(f"{level}: "):
            return event("message", message.removeprefix(f"{level}: "), level=level)
    return event("message", message) if message else ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonLines(logging.Formatter):
    """What libraries and clients log, as events: which of them it was is the event's name."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's message, without a traceback, which could hold anything."""
        line = event(record.name.rpartition(".")[2], record.getMessage(), level=record.levelname.lower())
        return line.removesuffix("\n")
