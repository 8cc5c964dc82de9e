"""Credentials: references to the environment, and nothing else.

They are no templates: with more than one way to write them, a secret could end up in a file, or in a variable that an
activation prints.
"""

from __future__ import annotations

import re

from runner.config.document import Document
from runner.config.resolve.environment import FILES, NAMES, OWN, Environment
from runner.config.yaml.nodes import ScalarNode
from runner.core.destination import Credentials, MissingSecret, Secret
from runner.core.suggest import quoted_word
from runner.destinations.registry import KINDS, default_kind
from runner.quick_dataclass import dataclass

_REFERENCE = re.compile(
    r"""\{\{-?\s*env\(\s*(['"])(?P<name>[A-Za-z_][A-Za-z0-9_]*)\1\s*(?:,\s*(['"])(?P<default>[^'"]*)\3\s*)?\)\s*-?\}\}"""
)
_PART = r"""(?:'[A-Za-z0-9_]*'|"[A-Za-z0-9_]*"|each\.[A-Za-z][A-Za-z0-9_]*)"""
_COMPUTED = re.compile(rf"(?<=env\()\s*{_PART}(?:\s*~\s*{_PART})*\s*(?=[,)])")
"""A name put together from what is written and from values of the entry of a family: `'CRITEO_ID_' ~ each.country`."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SANDBOX = "sandbox"
"""The sandbox's client id and secret, which are no secret."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A secret that a document is asked for: the path of its value, the `variable` that advice names, the one `default`
    that a reference may have, and what to do about one that was committed.
    """

    path: str
    variable: str
    committed: str
    default: str = ""


def credentials(document: Document, environment: Environment) -> Credentials | None:
    """The destination's credentials, each resolved or known to be missing; None after findings."""
    fields = document.root.map("credentials")
    if fields is None or not document.sound("credentials"):
        return None
    kind = KINDS.get(document.root.text("type") or "", default_kind())
    committed = f"make a new one in {kind.platform}'s developer dashboard"
    client_id, client_secret = (
        secret(
            fields.get(key),
            Wanted(f"credentials.{key}", kind.variables[key], committed, SANDBOX),
            document,
            environment,
        )
        for key in ("client_id", "client_secret")
    )
    if client_id is None or client_secret is None:
        return None
    return Credentials(client_id, client_secret)


def secret(node: object, wanted: Wanted, document: Document, environment: Environment) -> Secret | MissingSecret | None:
    """What a reference to the environment stands for, resolved or known to be missing; None after findings."""
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return None
    text = node.value.strip()
    if wanted.default and text == wanted.default:
        return Secret(text)
    reference = _REFERENCE.fullmatch(_with_entry(text, document))
    if reference is None or (reference["default"] or wanted.default) != wanted.default:
        _refuse(wanted, node, document, reference)
        return None
    if not _allowed(reference["name"], node, document, environment):
        return None
    value = environment.value(reference["name"]) or reference["default"]
    return Secret(value) if value else MissingSecret(reference["name"], document.location(node.span))


def _with_entry(text: str, document: Document) -> str:
    """The reference with its variable's name written out, where it is of the entry of a family and comes to a name."""
    values = document.each.values if document.each is not None else {}

    def named(computed: re.Match[str]) -> str:
        parts = re.findall(_PART, computed[0])
        name = "".join(
            str(values.get(part.removeprefix("each."), " ")) if part.startswith("each.") else part[1:-1]
            for part in parts
        )
        return f"'{name}'" if _NAME.fullmatch(name) else computed[0]

    return _COMPUTED.sub(named, text, count=1) if values else text


def _allowed(name: str, node: ScalarNode, document: Document, environment: Environment) -> bool:
    shown = quoted_word(name)[1:-1]
    if not environment.may_use(document.file.path):
        message = f"this file may not read the environment: {FILES}, set where the job is defined, names others"
        hint = f"move the {document.kind.lower()} there, or add this file to {FILES}"
        document.refuse(node.span, "env-not-allowed", message, hint)
        return False
    if name.startswith("HEADCOUNT_") and not environment.reads(name):
        message = f"`env` never reads {shown}, which is for Headcount itself; call yours {OWN}..., say"
        document.refuse(node.span, "env-not-allowed", message)
        return False
    if not environment.reads(name):
        message = f"`env` does not read {shown}; list it in {NAMES} where the job is defined"
        hint = f"or rename it: CRITEO_* and {OWN}* are read without that"
        document.refuse(node.span, "env-not-allowed", message, hint)
        return False
    return True


def _refuse(wanted: Wanted, node: ScalarNode, document: Document, reference: re.Match[str] | None) -> None:
    advice = f"write \"{{{{ env('{wanted.variable}') }}}}\", in quotes"
    if reference is not None:
        message = f"{wanted.path} has a default, which would be in git; {advice}"
        hint = f"leave the default out, or make it '{wanted.default}', the only one allowed" if wanted.default else ""
    elif "{{" in node.text:
        message, hint = f"{wanted.path} must be a reference to the environment and nothing else; {advice}", ""
    elif wanted.path.endswith("_file"):
        message = f"{wanted.path} is written out, and the job says which file is read; {advice}"
        hint = "set the variable to the absolute path"
    else:
        message = f"{wanted.path} is written out, and would be in git; {advice}"
        hint = f"if it was ever committed, {wanted.committed}"
    document.refuse(node.span, "literal-secret", message, hint)
