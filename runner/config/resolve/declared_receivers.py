"""Who is notified: `notify` of the Project document, and what the chosen target says of it instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runner.config.document import Document
from runner.config.resolve.credentials import Wanted, secret
from runner.config.resolve.defaults import Given, limit_of
from runner.config.resolve.environment import OWN, Environment
from runner.config.targets import targets_of
from runner.config.yaml.nodes import Entry, ListNode, MapNode, ScalarNode, plain
from runner.core.receivers import RECOVERED, NoticeCondition, Receiver, ReceiverFormat
from runner.core.suggest import quoted_word
from runner.quick_dataclass import dataclass

NOTIFY = "notify"
_USUAL = frozenset(NoticeCondition) - {NoticeCondition.TURNOVER}
"""What a receiver is notified of that says nothing of it; of turnover where a limit is set."""


@dataclass(frozen=True, slots=True)
class _Written:
    """What is said of one receiver: its fields, those of the target over those of the project, and its name's place."""

    name: str
    at: Entry
    fields: Mapping[str, Entry]


def build_receivers(project: Document, environment: Environment, target: str) -> tuple[Receiver, ...]:
    """The receivers for a target, as far as they have no findings."""
    built = (_receiver(one, project, environment) for one in _written(project, target))
    return tuple(one for one in built if one is not None)


def check_receivers(project: Document, environment: Environment) -> None:
    """Record what is wrong with the receivers of each target."""
    for target in targets_of(project) or ("",):
        build_receivers(project, environment, target)


def _written(project: Document, target: str) -> Iterator[_Written]:
    declared = project.root.map(NOTIFY) if project.sound(NOTIFY) else None
    own = targets_of(project).get(target)
    mine = own.map(NOTIFY) if own is not None else None
    if own is not None and mine is None and own.get(NOTIFY) is not None:
        return  # null: nobody is notified for this target
    below = dict(declared.entries) if declared is not None else {}
    above = dict(mine.entries) if mine is not None else {}
    for name in dict.fromkeys((*below, *above)):
        layers = [entry for entry in (below.get(name), above.get(name)) if entry is not None]
        if not isinstance(layers[-1].value, MapNode):
            continue  # null: not for this target
        maps = (entry.value for entry in layers if isinstance(entry.value, MapNode))
        fields = {key: entry for layer in maps for key, entry in layer.entries.items()}
        yield _Written(name, layers[-1], fields)


def _receiver(written: _Written, project: Document, environment: Environment) -> Receiver | None:
    url = written.fields.get("url")
    if url is None:
        message = f"receiver {quoted_word(written.name)} has no `url`; write `url: \"{{{{ env('{OWN}WEBHOOK') }}}}\"`"
        project.refuse(written.at.key, "missing-field", message)
        return None
    wanted = Wanted(f"{NOTIFY}.{written.name}.url", f"{OWN}WEBHOOK", "make a new address for the webhook")
    address = secret(url.value, wanted, project, environment)
    given = written.fields.get("max_turnover")
    most = limit_of("max_turnover", Given(given.value, given.key, project)) if given is not None else None
    words = _words(written.fields.get("when"))
    if address is None:
        return None
    return Receiver(
        name=written.name,
        url=address,
        format=ReceiverFormat(_text(written.fields.get("format")) or ReceiverFormat.JSON),
        when=_USUAL if words is None else frozenset(NoticeCondition(word) for word in words if word != RECOVERED),
        recovered=words is None or RECOVERED in words,
        max_turnover=most,
        location=project.location(written.at.key),
    )


def _words(entry: Entry | None) -> list[str] | None:
    return [str(word) for word in plain(entry.value)] if entry and isinstance(entry.value, ListNode) else None


def _text(entry: Entry | None) -> str:
    return str(entry.value.value) if entry and isinstance(entry.value, ScalarNode) and entry.value.value else ""
