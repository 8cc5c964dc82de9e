from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.core.errors import StateError
from runner.engine.embedded import EmbeddedEngine

KILLED = """
import os, signal, sys
from pathlib import Path
from runner.engine.embedded import EmbeddedEngine
engine = EmbeddedEngine(Path(sys.argv[1]))
(next(Path(sys.argv[1]).iterdir()) / "wire.parquet").write_text("people")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    [left] = tmp_path.iterdir()

    EmbeddedEngine(tmp_path).close()

    assert not left.exists()


def test_folders_of_the_living_and_of_others_are_left_alone(tmp_path: Path) -> None:
    first = EmbeddedEngine(tmp_path)
    kept = [*tmp_path.iterdir(), tmp_path / f"headcount-{os.getppid()}-abc", tmp_path / "headcount-bench"]
    for folder in kept[1:]:
        folder.mkdir()
    link = tmp_path / "headcount-4194305-abc"
    link.symlink_to(kept[-1])

    EmbeddedEngine(tmp_path).close()

    assert sorted(tmp_path.iterdir()) == sorted([*kept, link])
    first.close()


def test_the_same_process_id_in_another_container_is_told_apart_by_the_lock(tmp_path: Path) -> None:
    left = tmp_path / f"headcount-{os.getpid()}-abc"
    left.mkdir()

    EmbeddedEngine(tmp_path).close()

    assert not left.exists()


def test_a_folder_for_temporary_files_that_is_no_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StateError, match=r"the folder for temporary files .* cannot be used: "):
        EmbeddedEngine(tmp_path / "file")
