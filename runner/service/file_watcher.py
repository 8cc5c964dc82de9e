"""Seeing files change: where the project was read from, links that come to lead elsewhere included."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from watchfiles import Change, watch

LOOK_AGAIN = 2_000
"""Milliseconds until links are looked at again: that one leads elsewhere now, nothing tells."""

_SUFFIXES = {".yml", ".yaml", ".sql"}


@contextmanager
def watching(folders: Callable[[], frozenset[Path]], on_change: Callable[[], None]) -> Iterator[None]:
    """Call `on_change`, from a thread, when a YAML or SQL file in a folder has changed, or the folders are others."""
    stop = threading.Event()
    thread = threading.Thread(target=_watch, args=(folders, on_change, stop), name="headcount-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def folders_of(project: frozenset[Path], files: frozenset[str]) -> frozenset[Path]:
    """The folders of the project, and those of its files wherever a link leads: all that are there.

    Each is watched by itself and none with what is below it: a watch that goes down follows every link, also one to /.
    """
    homes = {Path(file).resolve().parent for file in files}
    return frozenset(path for path in project | homes if path.is_dir())


def _watch(folders: Callable[[], frozenset[Path]], on_change: Callable[[], None], stop: threading.Event) -> None:
    while not stop.is_set():
        watched = folders()
        if watched:
            _watch_these(watched, folders, on_change, stop)
        else:
            stop.wait(LOOK_AGAIN / 1_000)
        if not stop.is_set() and folders() != watched:
            on_change()


def _watch_these(
    watched: frozenset[Path],
    folders: Callable[[], frozenset[Path]],
    on_change: Callable[[], None],
    stop: threading.Event,
) -> None:
    """Returns when the folders are others now, or it is time to stop.

    Changes before the first look are not reported, so that look counts as a change.
    """
    first = True
    changes = watch(
        *watched,
        recursive=False,
        watch_filter=_concerns,
        stop_event=stop,
        step=100,
        debounce=1_000,
        rust_timeout=LOOK_AGAIN,
        yield_on_timeout=True,
        raise_interrupt=False,
        ignore_permission_denied=True,
    )
    with suppress(FileNotFoundError):  # one of them has just been removed
        for seen in changes:
            if stop.is_set() or folders() != watched:
                return
            if seen or first:
                on_change()
            first = False


def _concerns(_: Change, path: str) -> bool:
    """Whether it may be a file of the project; `..data` is how Kubernetes swaps all files of a volume."""
    name = Path(path)
    if any(part in (".headcount", ".git") for part in name.parts):
        return False
    return name.suffix.lower() in _SUFFIXES or name.name.startswith("..")
