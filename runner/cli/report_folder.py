"""The folder of a report: a new one, or an earlier report that is replaced whole; nothing else is ever touched."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from runner.core.errors import HeadcountError, UsageError
from runner.reports.html.page_frame import GENERATOR
from runner.reports.html.pages import FOLDER, INDEX, SUPPRESSIONS

_HEAD = 4_096
"""Bytes of a page in which its generator is named."""


def require_report_folder(out: Path) -> None:
    """Raise UsageError, before anything is done, unless the folder is new, empty, or holds an earlier report."""
    if not out.absolute().parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.absolute().parent}", "make the folder first")
    if out.is_symlink() or (os.path.lexists(out) and not out.is_dir()):
        raise UsageError(f"--out {out} is no folder", "name a new folder: a report is several files")
    if out.is_dir() and any(out.iterdir()) and not _is_report(out):
        hint = "name a new folder; only an earlier report is replaced"
        raise UsageError(f"--out {out} holds other things than a report", hint)


def _is_report(folder: Path) -> bool:
    """Whether a folder holds the pages of a report and nothing else."""
    folders = [folder / name for name in (FOLDER, SUPPRESSIONS)]
    if {one.name for one in folder.iterdir()} - {INDEX, FOLDER, SUPPRESSIONS}:
        return False
    if any(pages.is_symlink() for pages in folders):
        return False
    files = [folder / INDEX, *(page for pages in folders if pages.is_dir() for page in pages.iterdir())]
    return all(one.suffix == ".html" and one.is_file() and not one.is_symlink() and _is_page(one) for one in files)


def _is_page(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return f'content="{GENERATOR} '.encode() in file.read(_HEAD)
    except OSError:
        return False


def write_report(out: Path, pages: Iterable[tuple[str, str]]) -> int:
    """Write the pages beside the folder, and put them in its place once all are there; gives their size in bytes.

    Raises HeadcountError, and leaves what was there.
    """
    out = out.absolute()
    try:
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", suffix=".tmp", dir=out.parent))
        try:
            size = _write(draft, pages)
            _put_in_place(draft, out)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise HeadcountError(f"cannot write {out}: {error.strerror}") from None
    return size


def _write(draft: Path, pages: Iterable[tuple[str, str]]) -> int:
    size = 0
    for name, content in pages:
        data = content.encode()
        (draft / name).parent.mkdir(exist_ok=True)
        (draft / name).write_bytes(data)
        size += len(data)
    mask = os.umask(0)
    os.umask(mask)
    draft.chmod(0o777 & ~mask)
    return size


def _put_in_place(draft: Path, out: Path) -> None:
    """Rename, so that the folder holds the old report or the new one; what was there stays if that fails."""
    if not out.is_dir():
        draft.rename(out)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}-", suffix=".old", dir=out.parent))
    try:
        out.rename(old / out.name)
        try:
            draft.rename(out)
        except OSError:
            with suppress(OSError):
                (old / out.name).rename(out)
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
