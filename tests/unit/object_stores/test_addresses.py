"""What an address means: what the same pattern would mean on a disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.object_stores.addresses import Matcher, flaw, hidden, is_object, means, taken_apart
from runner.sources.local_paths import matching

NAMES = ("a.csv", "b.csv", "[x].csv", "year=1", "deep", ".hidden")
WILD = ("*", "**", "*.csv", "?.csv", "[ab].csv", "year=*", "[[]x].csv", ".h*", "deep", "[!a].csv")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every name in every folder, two deep."""
    root = tmp_path_factory.mktemp("lake")
    for above in ("", "year=1/", "deep/", ".hidden/", "deep/year=1/"):
        for name in NAMES:
            if name.endswith(".csv"):
                path = root / above / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("")
    return root


@settings(deadline=None)
@given(wild=st.lists(st.sampled_from(WILD), min_size=1, max_size=4))
def test_a_pattern_means_what_it_means_on_a_disk(tree: Path, wild: list[str]) -> None:
    pattern = "/".join(wild)
    keys = [path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()]

    remote = {key for key in keys if means(f"s3://lake/{pattern}", f"s3://lake/{key}")}

    assert remote == {Path(path).relative_to(tree).as_posix() for path in matching(f"{tree}/{pattern}")}


def test_a_pattern_with_many_stars_ends_soon() -> None:
    assert not Matcher(["**"] * 200 + ["x"]).fits(["a"] * 500)


def test_another_bucket_or_another_store_is_not_meant() -> None:
    assert means("s3://lake/a/*.csv", "s3://lake/a/b.csv")
    assert not means("s3://lake/a/*.csv", "gs://lake/a/b.csv")
    assert not means("s3://lake/a/*.csv", "s3://lake2/a/b.csv")
    assert not means("s3://lake/a/*.csv", "s3://lake/ab/b.csv")


def test_an_address_is_one_of_a_store_that_is_read() -> None:
    assert [one for one in ("s3://a/b", "gs://a/b", "az://a/b") if is_object(one)] == [
        "s3://a/b",
        "gs://a/b",
        "az://a/b",
    ]
    assert [one for one in ("S3://a/b", "https://a/b", "s3:/a/b", "data/s3.csv") if is_object(one)] == []


def test_the_part_above_the_first_wildcard_is_what_is_listed() -> None:
    found = taken_apart("s3://lake/a/[[]b]/year=*/x.csv")

    assert (found.bucket, found.prefix, found.wild) == ("s3://lake", "a/[b]", ("year=*", "x.csv"))
    assert taken_apart("s3://lake/a/b.csv").wild == ()


@pytest.mark.parametrize(
    "url", ["s3://", "s3://lake", "s3://lake/", "s3://la*ke/x", "s3://lake/a//b", "s3://lake/../b"]
)
def test_an_address_that_can_mean_no_object_has_a_flaw(url: str) -> None:
    assert flaw(url)


def test_what_is_hidden_is_named() -> None:
    assert hidden("s3://lake/a/.b/c") == ".b"
    assert hidden("s3://lake/a/b.c") == ""
