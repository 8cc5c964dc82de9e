"""How much of a segment an audience holds."""

from __future__ import annotations

from pathlib import Path

from runner.core.identifiers import IdentifierType
from runner.core.membership import Sampled
from runner.planning.overlap import SharedWith, shared_with

EMAIL, MOBILE = IdentifierType.EMAIL, IdentifierType.MOBILE_AD_ID


def test_it_is_a_share_of_all_identifiers_also_where_the_audience_has_none_of_a_type() -> None:
    sample = {EMAIL: Sampled(Path("email"), 60, 60), MOBILE: Sampled(Path("mobile"), 40, 40)}
    assert shared_with("regulars", sample, {EMAIL: 30}) == SharedWith("regulars", 30, 100)


def test_where_some_were_looked_for_it_is_scaled_and_stays_a_share_of_all() -> None:
    sample = {EMAIL: Sampled(Path("email"), 400, 100, one_in=4), MOBILE: Sampled(Path("mobile"), 100, 100)}
    shared = shared_with("regulars", sample, {EMAIL: 50, MOBILE: 50})
    assert shared is not None
    assert (shared.identifiers, shared.among, shared.percent) == (250, 500, 50)
