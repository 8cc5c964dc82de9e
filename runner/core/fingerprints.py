"""Fingerprints: 128 bits of a text beside the wire form that it gave, so that a known text need not be hashed again.

A fingerprint is DuckDB's hash of the text after each of two salts. It is no keyed hash in the sense of cryptography,
and is therefore never trusted for ever: see `Fingerprinting.checked`.
"""

from __future__ import annotations

from runner.quick_dataclass import dataclass

PARTS = 64
"""In so many runs every fingerprint that goes on to be found is compared with the wire form of its text once."""


@dataclass(frozen=True, slots=True)
class Salt:
    """What stands before a text when its two halves are hashed: ASCII letters and digits, as secret as the state.

    DuckDB hashes blocks of eight bytes: where both salts had one length modulo 8, both halves would collide together.
    """

    id: str
    first: str
    second: str


FIRST_LENGTH, SECOND_LENGTH = 16, 19
"""Characters of the two salts."""


@dataclass(frozen=True, slots=True)
class FingerprintOrigin:
    """What the fingerprints of a file were made with: the salt's id, the version of the rules by which texts become
    wire forms, and which hash function it was, by its results. Only fingerprints of one origin may be compared."""

    salt: str
    rules: int
    hash: str


@dataclass(frozen=True, slots=True)
class Fingerprinting:
    """How one run uses fingerprints.

    `checked` is the part (0 to PARTS - 1) of what is found that is looked at the long way; None for a run that writes
    nothing: it reads fingerprints, makes none that last and checks none.
    """

    salt: Salt
    checked: int | None = None

    @property
    def writes(self) -> bool:
        """Whether the run writes down the fingerprints of the texts that it has to hash."""
        return self.checked is not None
