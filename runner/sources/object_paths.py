"""Addresses of objects as a source declares them."""

from __future__ import annotations

from glob import has_magic

from runner.core.suggest import quoted_word
from runner.object_stores import addresses
from runner.sources.interface import Declaration, Step

THERE = "check the name of the bucket, the path and its wildcards"
"""The hint where nothing is found."""


def address(url: str, written: Declaration, *steps: Step) -> str:
    """The address as it is; what can mean no object and a hidden part are refused at the place that the steps lead
    to."""
    flaw, hidden = addresses.flaw(url), addresses.hidden(url)
    if flaw:
        written.refuse("object-address", f"{flaw}; write it as s3://bucket/folder/*.parquet", *steps)
    elif hidden:
        message = f"{quoted_word(hidden)} is hidden, and nothing hidden is read; keep the data under another name"
        written.refuse("path-not-allowed", message, *steps)
    return url


def nothing_there(pattern: str) -> str:
    """The sentence for a pattern that means no object."""
    return f"{'no object matches' if has_magic(pattern) else 'there is no object'} {pattern}"
