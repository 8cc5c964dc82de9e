"""The kinds of identifier by which Criteo recognises a person.

Which destination takes which kind is said by the destination; how a value is brought to its wire form is the
engine's business. This module only gives the kinds their names.
"""

from __future__ import annotations

from enum import StrEnum


class IdentifierType(StrEnum):
    """A kind of identifier; the value is the key used under `mapping:` in the files."""

    EMAIL = "email"
    MOBILE_AD_ID = "mobile_ad_id"
    LIVERAMP_IDENTITY_LINK = "liveramp_identity_link"
    PHONE_NUMBER = "phone_number"
    GUM_ID = "gum_id"
    CUSTOMER_ID = "customer_id"
    USER_IDENTIFIER = "user_identifier"


class Operation(StrEnum):
    """What a batch does to an audience. A clear carries no identifiers and empties the audience."""

    ADD = "add"
    REMOVE = "remove"
    CLEAR = "clear"
