"""`holdout` of an activation to the share of its people that is kept out."""

from __future__ import annotations

import re
from fractions import Fraction

from runner.config.document import Document
from runner.config.yaml.nodes import MapNode, Node, ScalarNode, Span
from runner.core.holdout import Holdout

_TODAY = re.compile(r"\btoday\b")


def build_holdout(document: Document, key: str | None) -> Holdout | None:
    """The holdout of an activation's document, None where there is none or after a finding.

    `key` is the column by which it decides where `by` is left out: that of the segment's entity, empty where it has
    none, None where that is not known.
    """
    node = document.root.map("holdout")
    if node is None or not document.sound("holdout"):
        return None
    share, by = node.text("share") or "", (node.text("by") or key or "").strip()
    part = _share(share)
    if part is None:
        message = f"holdout.share is {share}, which holds out nobody or everybody; write one such as 10%"
        document.refuse(_span_of(node, "share"), "invalid-value", message)
    if not by and key is not None:
        message = "holdout needs `by`, the segment's column that says who a person is; write `by: customer_id`"
        document.refuse(document.root.entries["holdout"].key, "missing-field", message)
    if _moves(node.get("name")):
        message = "holdout.name moves with the day, and so would who is held out; write a name that stays"
        document.refuse(_span_of(node, "name"), "invalid-value", message)
        return None
    if part is None or not by:
        return None
    name = (node.text("name") or document.root.text("id") or "").strip()
    return Holdout(part, by, name, document.location(_span_of(node, "by")))


def _share(text: str) -> Fraction | None:
    """The share that a percentage says, exactly; None where it is none that leaves somebody on both sides."""
    share = Fraction(text.strip().removesuffix("%").strip()) / 100
    return share if 0 < share < 1 else None


def _moves(name: Node | None) -> bool:
    return isinstance(name, ScalarNode) and name.templated and _TODAY.search(name.text) is not None


def _span_of(node: MapNode, key: str) -> Span:
    entry = node.entries.get(key)
    return entry.value.span if entry else node.span
