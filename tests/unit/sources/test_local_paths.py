"""Which files a path or a pattern of a source means: those that are declared, and no others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.disk.path_rule import NotAllowed
from runner.sources import local_paths
from runner.sources.local_paths import file_at, matching


def names(folder: Path, *paths: str) -> tuple[str, ...]:
    return tuple(str(folder / path) for path in paths)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A folder with data, beside one that nothing may reach."""
    for path in (
        "lake/a.csv",
        "lake/2025/b.csv",
        "lake/2026/11/c.csv",
        "lake/.git/d.csv",
        "lake/.e.csv",
        "private/f.csv",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("email\n")
    return tmp_path / "lake"


def test_a_pattern_means_what_a_shell_makes_of_it_and_nothing_hidden(lake: Path) -> None:
    cases = {
        "*.csv": ("a.csv",),
        "*/*.csv": ("2025/b.csv",),
        "**/*.csv": ("2025/b.csv", "2026/11/c.csv", "a.csv"),
        "202[56]/**/*.csv": ("2025/b.csv", "2026/11/c.csv"),
        "20?6/11/c.csv": ("2026/11/c.csv",),
        "**": ("2025/b.csv", "2026/11/c.csv", "a.csv"),
        "**/11/*": ("2026/11/c.csv",),
        "*/nothing": (),
    }
    for pattern, expected in cases.items():
        assert matching(f"{lake}/{pattern}") == names(lake, *expected), pattern


def test_wildcards_in_the_name_of_a_folder_can_be_written_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "[x]*").mkdir()
    (tmp_path / "[x]*/a.csv").write_text("")
    assert matching(f"{tmp_path}/[[]x][*]/*.csv") == names(tmp_path, "[x]*/a.csv")
    assert matching(f"{tmp_path}/[[]x][*]/a.csv") == names(tmp_path, "[x]*/a.csv")


def test_a_file_that_links_out_of_its_folder_is_refused_by_name(lake: Path) -> None:
    (lake / "link.csv").symlink_to("../private/f.csv")
    for pattern in ("link.csv", "*.csv", "**/*.csv"):
        with pytest.raises(NotAllowed) as caught:
            matching(f"{lake}/{pattern}")
        assert (caught.value.filename, caught.value.strerror) == (
            f"{lake}/link.csv",
            "is or goes through a link that leads out of the folder lake",
        )


def test_a_link_to_what_is_hidden_is_refused(lake: Path) -> None:
    (lake / "link.csv").symlink_to(".git/d.csv")
    with pytest.raises(NotAllowed, match=r"leads to \.git, which is hidden"):
        matching(f"{lake}/*.csv")


def test_a_folder_that_links_out_is_refused_without_a_look_into_it(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (lake / "everything").symlink_to("/")
    looked_into: list[str] = []
    scan = os.scandir
    monkeypatch.setattr(local_paths.os, "scandir", lambda path: (looked_into.append(str(path)), scan(path))[1])
    for pattern in ("*/*.csv", "**/*.csv", "everything/**/*.csv"):
        with pytest.raises(NotAllowed, match="leads out of the folder lake"):
            matching(f"{lake}/{pattern}", str(lake))
    assert all(Path(path).is_relative_to(lake) and "everything" not in path for path in looked_into)


def test_links_inside_are_followed_and_give_each_file_once(lake: Path) -> None:
    (lake / "latest").symlink_to("2026/11")
    (lake / "again.csv").symlink_to("a.csv")
    (lake / "2025/up").symlink_to("..")
    assert matching(f"{lake}/latest/c.csv") == names(lake, "2026/11/c.csv")
    assert matching(f"{lake}/*/c.csv") == names(lake, "2026/11/c.csv")
    assert matching(f"{lake}/*.csv") == names(lake, "a.csv")
    assert matching(f"{lake}/**/*.csv") == names(lake, "2025/b.csv", "2026/11/c.csv", "a.csv")


def test_the_folder_of_a_relative_path_may_not_link_out_of_where_its_dots_end(lake: Path) -> None:
    project = lake.parent / "project"
    (project / "activations").mkdir(parents=True)
    (project / "data").symlink_to("../private")
    for pattern in ("f.csv", "*.csv"):
        with pytest.raises(NotAllowed, match="leads out of the folder project"):
            matching(f"{project}/data/{pattern}", str(project))
        assert matching(f"{project}/data/{pattern}") == names(lake.parent, "private/f.csv")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a system without /proc")
@pytest.mark.parametrize("path", ["/proc/self/environ", "/dev/fd/0", "/sys/kernel/notes"])
def test_what_the_kernel_shows_as_files_is_no_data(path: str) -> None:
    with pytest.raises(OSError, match=r"no data|leads out|No such file"):
        file_at(path)


def test_a_walk_comes_to_an_end(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_paths, "MOST_LOOKED_AT", 5)
    with pytest.raises(NotAllowed, match="holds more than 5 files and folders"):
        matching(f"{lake}/**/*.csv")


def test_wildcards_one_after_the_other_do_not_multiply(lake: Path) -> None:
    deep = lake
    for _ in range(12):
        deep = deep / "d"
    deep.mkdir(parents=True)
    assert matching(f"{lake}/{'**/' * 12}x.csv") == ()
