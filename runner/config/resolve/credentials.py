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

_REFERENCE = re.compile(
    r"""\{\{-?\s*env\(\s*(['"])(?P<name>[A-Za-z_][A-Za-z0-9_]*)\1\s*(?:,\s*(['"])(?P<default>[^'"]*)\3\s*)?\)\s*-?\}\}"""
)
SANDBOX = "sandbox"
"""The sandbox's client id and secret, which are no secret."""


def credentials(document: Document, environment: Environment) -> Credentials | None:
    """The destination's credentials, each resolved or known to be missing; None after findings."""
    fields = document.root.map("credentials")
    if fields is None or not document.sound("credentials"):
        return None
    parts = [_part(key, fields.get(key), document, environment) for key in ("client_id", "client_secret")]
    client_id, client_secret = parts
    if client_id is None or client_secret is None:
        return None
    return Credentials(client_id, client_secret)


def _part(key: str, node: object, document: Document, environment: Environment) -> Secret | MissingSecret | None:
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return None
    text = node.value.strip()
    if text == SANDBOX:
        return Secret(text)
    reference = _REFERENCE.fullmatch(text)
    if reference is None or (reference["default"] or SANDBOX) != SANDBOX:
        _refuse(key, node, document, reference)
        return None
    if not _allowed(reference["name"], node, document, environment):
        return None
    value = environment.value(reference["name"]) or reference["default"]
    return Secret(value) if value else MissingSecret(reference["name"], document.location(node.span))


def _allowed(name: str, node: ScalarNode, document: Document, environment: Environment) -> bool:
    shown = quoted_word(name)[1:-1]
    if not environment.may_use(document.file.path):
        message = f"this file may not read the environment: {FILES}, set where the job is defined, names others"
        document.refuse(
            node.span, "env-not-allowed", message, f"move the destination there, or add this file to {FILES}"
        )
        return False
    if name.startswith("HEADCOUNT_") and not environment.reads(name):
        message = f"`env` never reads {shown}, which is for Headcount itself; call yours {OWN}..., say"
        document.refuse(node.span, "env-not-allowed", message)
        return False
    if not environment.reads(name):
        message = f"`env` does not read {shown}; list it in {NAMES} where the job is defined"
        hint = f"it reads CRITEO_* and {OWN}* without that"
        document.refuse(node.span, "env-not-allowed", message, hint)
        return False
    return True


def _refuse(key: str, node: ScalarNode, document: Document, reference: re.Match[str] | None) -> None:
    kind = KINDS.get(document.root.text("type") or "", default_kind())
    variable = kind.variables[key]
    wanted = f"write \"{{{{ env('{variable}') }}}}\", in quotes"
    if reference is not None:
        message = f"credentials.{key} has a default, which would be in git; {wanted}"
        hint = f"the only default allowed is '{SANDBOX}'"
    elif "{{" in node.text:
        message, hint = f"credentials.{key} must be a reference to the environment and nothing else; {wanted}", ""
    else:
        message = f"credentials.{key} is written out, and would be in git; {wanted}"
        hint = f"if it was ever committed, make a new one in {kind.platform}'s developer dashboard"
    document.refuse(node.span, "literal-secret", message, hint)
