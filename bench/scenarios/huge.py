"""How far one machine goes: a plan and a first apply of more people than one would usually send, once each."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import alternating
from bench.project import Project, people, sandbox
from bench.results import Row
from bench.scenarios import Bench
from bench.scenarios.initial import CRITEO_A_MINUTE


def plan_and_apply(bench: Bench) -> list[Row]:
    """A first plan, a first apply without pacing, and a plan after it, with the room that each takes on the disk."""
    scratch = bench.folder / "huge-scratch"
    scratch.mkdir(exist_ok=True)
    rows: list[Row] = []
    with sandbox() as criteo:
        project = Project(bench.folder / "huge", criteo.url, TMPDIR=str(scratch), HEADCOUNT_TIME_LIMIT="3600")
        project.activation("everyone", "select email from shop.people")
        project.people(people(bench.folder, bench.rows))
        at_the_limit = bench.rows / CRITEO_A_MINUTE * 60
        for what, command in (
            ("first plan", ("plan",)),
            ("first apply, no pacing", ("apply", "--yes")),
            ("plan after it", ("plan",)),
        ):
            with _room(scratch, project.folder) as room:
                [costs] = alternating(1, project.command(*command))
            rows.append(
                Row(
                    f"{what}, {bench.scale}",
                    f"on the disk at the peak: {max(room) / 1e9:.1f} GB",
                    f"{costs.seconds:.0f} s, CPU {costs.cpu:.0f} s",
                    f"{at_the_limit:.0f} s at Criteo's limit",
                    f"{costs.seconds / at_the_limit:.2f}",
                    peak=costs.peak,
                )
            )
        rows.append(Row(f"state, {bench.scale}", "", f"{project.state_bytes() / bench.rows:.1f} bytes a member"))
    return rows


@contextmanager
def _room(*folders: Path) -> Iterator[list[int]]:
    """Bytes in the folders' files, looked at several times a second."""
    found, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            found.append(sum(_size(path) for folder in folders for path in folder.rglob("*.*")))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield found
    finally:
        over.set()
        looking.join()


def _size(path: Path) -> int:
    """The size of a file; nothing of one that is gone by now, or that only has a second name here."""
    try:
        stat = path.stat()
    except OSError:
        return 0
    return stat.st_size if path.is_file() and stat.st_nlink == 1 else 0
