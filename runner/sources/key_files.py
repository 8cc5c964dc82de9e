"""Keys as a job holds them, in a variable or in a file that a variable names, looked at before a driver gets them.

A driver is never handed a path, nor a JSON that names files and addresses of its own (docs/adr/0024).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import textwrap
from pathlib import Path
from typing import Any

from runner.disk.regular_files import read_regular
from runner.sources.warehouse import UnusableSecret, WarehouseSource

_LARGEST = 65_536
"""Bytes of a key file."""

_BEGINS = re.compile(r"-----BEGIN (?:ENCRYPTED )?PRIVATE KEY-----\n")

_TOKEN_URIS = frozenset({"https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/token"})
_OF_A_KEY = ("type", "project_id", "private_key_id", "private_key", "client_email", "client_id", "token_uri")
"""The fields of a Google key that are handed on: no other can name a file or an address."""


def key_text(source: WarehouseSource, name: str) -> str:
    """The secret `name`, or the content of the file that the secret `<name>_file` names. Raises UnusableSecret."""
    path = source.secret(f"{name}_file")
    if not path:
        return source.secret(name)
    if not Path(path).is_absolute():
        raise UnusableSecret(f"the variable of `{name}_file` must hold the absolute path of a file")
    try:
        return read_regular(Path(path), _LARGEST).decode("utf-8")
    except (OSError, ValueError):
        raise UnusableSecret(f"the file that the variable of `{name}_file` names cannot be read") from None


def private_key(source: WarehouseSource) -> str:
    """The private key as PEM. Raises UnusableSecret where it is none."""
    key = pem(key_text(source, "private_key"), encrypted=bool(source.secret("passphrase")))
    if not _BEGINS.match(key.replace("\r\n", "\n")):
        raise UnusableSecret("the private key is none that can be read: it is a PKCS #8 key, as PEM or base64")
    return key


def pem(text: str, *, encrypted: bool) -> str:
    r"""A private key as PEM, from what environments hold: PEM, PEM with a literal `\n` for each line, or base64."""
    text = text.strip().replace("\\n", "\n")
    if "-----BEGIN" in text:
        return text
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return text
    if data.startswith(b"-----BEGIN"):
        return data.decode("ascii", "replace").strip()
    name = "ENCRYPTED PRIVATE KEY" if encrypted else "PRIVATE KEY"
    lines = "\n".join(textwrap.wrap(base64.b64encode(data).decode("ascii"), 64))
    return f"-----BEGIN {name}-----\n{lines}\n-----END {name}-----"


def google_key(source: WarehouseSource) -> str:
    """The JSON of a service account's key, made again from the fields of one. Raises UnusableSecret for any other."""
    try:
        given: Any = json.loads(key_text(source, "credentials"))
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise UnusableSecret("the credentials are no JSON of a service account's key")
    if given.get("type") != "service_account":
        raise UnusableSecret("the credentials are of another type than `service_account`, and could lead elsewhere")
    if given.get("token_uri") not in _TOKEN_URIS or given.get("universe_domain", "googleapis.com") != "googleapis.com":
        raise UnusableSecret("the credentials ask for tokens elsewhere than at Google's")
    return json.dumps({field: given[field] for field in _OF_A_KEY if isinstance(given.get(field), str)})
