"""Older versions in a bucket, for the person who has to remove them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.core.older_versions import HowKnown, OlderVersions, OldVersion
from runner.reports.line_breaks import folded
from runner.reports.older_versions_text import SHOWN, older_versions_text
from runner.state.remote.s3_versions import shown_endpoint
from tests.builders import NOON

PLACE = "s3://audiences/some state"


def listed(count: int) -> OlderVersions:
    versions = tuple(OldVersion(f"members/loyal/{n:06}.parquet", f"v{n}", NOON, n != 1) for n in range(count))
    return OlderVersions(HowKnown.LISTED, PLACE, (f"{PLACE}/members/",), versions)


def test_each_has_its_command_which_stays_whole_in_a_narrow_terminal() -> None:
    text = folded(older_versions_text(listed(2)).plain, 60)
    for number in range(2):
        key = f"'some state/members/loyal/{number:06}.parquet'"
        command = f"aws s3api delete-object --bucket audiences --key {key} --version-id v{number}"
        assert f"    -> {command}\n" in text
    assert "could not be read, and may hold them" in " ".join(text.split())


def test_a_store_of_ones_own_is_named_in_each_command() -> None:
    text = older_versions_text(replace(listed(1), endpoint="http://127.0.0.1:9000")).plain
    assert "-> aws s3api delete-object --endpoint-url http://127.0.0.1:9000 --bucket audiences" in text


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://s3.example.com:9000/path", "https://s3.example.com:9000/path"),
        ("https://user:secret@s3.example.com", ""),
        ("https://s3.example.com/?token=secret", ""),
        ("", ""),
    ],
)
def test_an_endpoint_that_may_hold_a_secret_is_not_shown(address: str, shown: str) -> None:
    assert shown_endpoint({"AWS_ENDPOINT_URL": address}) == shown


def test_of_very_many_the_rest_is_counted() -> None:
    text = older_versions_text(listed(SHOWN + 3)).plain
    assert text.count("delete-object") == SHOWN
    assert "and 3 more" in text


def test_nothing_is_said_of_a_place_that_keeps_none() -> None:
    assert older_versions_text(OlderVersions()).plain == ""
