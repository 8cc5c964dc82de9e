"""What an object store's error says, without what it tells of keys, signatures and addresses."""

from __future__ import annotations

import re

_METADATA = ("/latest/api/token", "169.254.169.254", "169.254.170.2", "computeMetadata", "/metadata/identity")
"""Where a cloud gives its machines their credentials: asked when the environment has none."""


def code_of(error: BaseException) -> str:
    """The store's own word for what is wrong, or its HTTP status; nothing that could hold a key or a signature."""
    text = str(error)
    named = re.search(r"<Code>(\w+)</Code>", text)
    status = re.search(r"status code: (\d{3}[A-Za-z ]*)", text)
    if named and named[1] == "NoSuchBucket":
        return named[1]
    if status:
        return status[1].strip() + (f", {named[1]}" if named else "")
    return "it did not answer" if "error sending request" in text else "the connection failed"


def refused_http(error: BaseException) -> bool:
    """Whether the client would not even ask, since the endpoint is not encrypted and nobody allowed that."""
    return "HTTP error: builder error" in str(error) and "http://" in str(error)


def lacked_credentials(error: BaseException) -> bool:
    """Whether there were no credentials, and a cloud's machine was asked for some in vain."""
    return any(place in str(error) for place in _METADATA)


def is_final(code: str) -> bool:
    """Whether the answer stays the same however often one asks."""
    return code.startswith("4") and code[:3] not in ("408", "409", "425", "429")
