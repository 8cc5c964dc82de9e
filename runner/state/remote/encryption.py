"""What the objects of a bucket look like: as they are, or encrypted with a key that only the environment knows.

An encrypted object is `MAGIC`, a random salt, and chunks of AES-256-GCM under a key of the object's own (HKDF over key
and salt). The nonce counts the chunks and marks the last one, and the object's name is authenticated with each: an
object that was cut, reordered or put in the place of another one does not open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from runner.core.errors import StateError, UsageError, requires_extra

KEY_VARIABLE = "HEADCOUNT_STATE_KEY"
MAGIC = b"headcount sealed 1\n"
CHUNK = 1 << 20
"""Bytes of content that are encrypted at a time: all that is held in memory."""

_SALT = 32
_TAG = 16
_MAKE_KEY = "make one with `openssl rand -base64 32` and keep it where your other secrets are"


class Sealing(Protocol):
    """How content becomes an object, and back."""

    def tag(self, sha256: str) -> str:
        """The part of an object's name that follows from its content."""

    def seal(self, name: str, content: Iterable[bytes]) -> Iterator[bytes]: ...

    def open(self, name: str, stored: Iterable[bytes]) -> Iterator[bytes]:
        """The content of an object. Raises StateError when it is not what was stored under this name."""


def sealing_of(environ: Mapping[str, str]) -> Sealing:
    """Encryption where HEADCOUNT_STATE_KEY is set. Raises UsageError for a key that is none."""
    text = environ.get(KEY_VARIABLE, "")
    if not text:
        return Plain()
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise UsageError(f"{KEY_VARIABLE} is not a key: it must be 32 bytes in base64", _MAKE_KEY)
    with requires_extra("remote", "an encrypted state", UsageError):
        import cryptography  # noqa: F401 - said before anything is read or written
    return Sealed(key)


class Plain:
    """Content as it is."""

    def tag(self, sha256: str) -> str:
        return sha256[:32]

    def seal(self, name: str, content: Iterable[bytes]) -> Iterator[bytes]:
        return iter(content)

    def open(self, name: str, stored: Iterable[bytes]) -> Iterator[bytes]:
        first = True
        for part in stored:
            if first and part.startswith(MAGIC):
                raise StateError("the state is encrypted", f"set {KEY_VARIABLE} to its key")
            first = False
            yield part


class Sealed:
    """Content encrypted with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def tag(self, sha256: str) -> str:
        """A digest of the content gives nothing away to those who have no key."""
        return hmac.new(self._key, sha256.encode(), hashlib.sha256).hexdigest()[:32]

    def seal(self, name: str, content: Iterable[bytes]) -> Iterator[bytes]:
        salt = os.urandom(_SALT)
        cipher = self._cipher(salt)
        yield MAGIC + salt
        for number, (chunk, last) in enumerate(_chunks(content, CHUNK)):
            yield cipher.encrypt(_nonce(number, last), chunk, name.encode())

    def open(self, name: str, stored: Iterable[bytes]) -> Iterator[bytes]:
        from cryptography.exceptions import InvalidTag

        parts = _Parts(stored)
        head = parts.take(len(MAGIC) + _SALT)
        if not head.startswith(MAGIC):
            raise StateError(
                f"the state is not encrypted, though {KEY_VARIABLE} is set",
                f"keep {KEY_VARIABLE} set: without it, runs would store people readable in the bucket, which may be "
                "what the one who put this there wants. If this state was encrypted, bring back an earlier version of "
                "the object, and look into who may write to the bucket. If it never was, encrypt it as "
                "docs/how-to/keep-the-state-in-a-bucket.md says",
            )
        cipher = self._cipher(head[len(MAGIC) :])
        try:
            for number, (chunk, last) in enumerate(_chunks(parts.rest(), CHUNK + _TAG)):
                yield cipher.decrypt(_nonce(number, last), chunk, name.encode())
        except InvalidTag:
            raise StateError(
                f"{name} cannot be decrypted: the key is another one, or the object is damaged",
                f"set {KEY_VARIABLE} to the key with which the state was encrypted",
            ) from None

    def _cipher(self, salt: bytes):  # type: ignore[no-untyped-def]  # noqa: ANN202 - an extra that may be missing
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return AESGCM(HKDF(SHA256(), 32, salt, b"headcount state").derive(self._key))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


class _Parts:
    """A stream of bytes from which a head is taken first."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._left = b""

    def take(self, size: int) -> bytes:
        while len(self._left) < size and (part := next(self._parts, None)) is not None:
            self._left += part
        head, self._left = self._left[:size], self._left[size:]
        return head

    def rest(self) -> Iterator[bytes]:
        yield self._left
        yield from self._parts


def _chunks(parts: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """The stream cut into pieces of a size, and whether each is the last; an empty stream is one empty piece."""
    held = bytearray()
    for part in parts:
        held += part
        while len(held) > size:
            yield bytes(held[:size]), False
            del held[:size]
    yield bytes(held), True
