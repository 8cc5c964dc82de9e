"""Which files belong to a project, and their text: the YAML below a folder, read as UTF-8, never from outside of it."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import Span, TextFile
from runner.core.unprintable import code_point, first_unprintable
from runner.disk.path_rule import NotAllowed, allowed, read_allowed
from runner.disk.regular_files import NotRegular, TooLarge

MAX_BYTES = 1_048_576
"""No file that a person writes is larger."""

MOST_BYTES = 33_554_432
"""All files of a project together: ten thousand activations come to a fifth of that."""

MOST_LOOKED_AT = 100_000
"""Files and folders of a project, hidden ones counted: more are not what was meant, and looking takes seconds."""

_SUFFIXES = (".yaml", ".yml")


def yaml_files(folder: Path, found: Findings) -> Iterator[Path]:
    """Every YAML file below the folder, hidden ones left out, in the order of their paths.

    A link to a folder is followed inside of the project, and a finding where it leads out.
    """
    for here, names in _walked(folder, found):
        for name in sorted(names):
            if Path(name).suffix.lower() in _SUFFIXES and not name.startswith("."):
                yield here / name


def project_folders(folder: Path) -> frozenset[Path]:
    """The folder and those below it in which YAML files are looked for, links followed by the same rule."""
    return frozenset(here.resolve() for here, _ in _walked(folder, Findings()))


def _walked(folder: Path, found: Findings) -> Iterator[tuple[Path, list[str]]]:
    """Each folder once, with the names of the files in it."""
    seen: set[tuple[int, int]] = set()
    looked_at = 0
    tree = folder.resolve().parent
    for here, folders, names in os.walk(folder, followlinks=True, onerror=lambda error: _add_folder(error, found)):
        try:
            status = Path(here).stat()
        except OSError as error:  # it has just been removed
            _add_folder(error, found)
            continue
        looked_at += len(folders) + len(names)
        if looked_at > MOST_LOOKED_AT:
            message = (
                f"more than {MOST_LOOKED_AT:,} files and folders lie here; name the folder that holds the YAML files"
            )
            found.add_nowhere(shown_path(folder), "too-many-files", message)
            return
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()  # a link that leads back into the tree
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and _stays(Path(here) / name, tree, found)
        )
        yield Path(here), names


def _stays(folder: Path, tree: Path, found: Findings) -> bool:
    """Whether a folder is none that a link brings in from outside of the project; a finding where it is."""
    if not folder.is_symlink():
        return True
    try:
        allowed(folder, tree)
    except OSError as error:
        found.add_nowhere(
            shown_path(folder), "outside-project", f"the folder {error.strerror}; put a plain folder there"
        )
        return False
    return True


def _add_folder(error: OSError, found: Findings) -> None:
    found.add_nowhere(
        shown_path(str(error.filename)), "unreadable-file", f"the folder cannot be read: {error.strerror}"
    )


def shown_path(path: str | Path) -> str:
    """A path as text that any terminal and any encoding can show."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def read_text(
    path: Path, name: str, tree: Path, found: Findings, suffixes: Collection[str] = _SUFFIXES
) -> TextFile | None:
    """The text of a file, or None after a finding about it, under the name that the user knows it by.

    `tree` is the resolved folder that the file must lie in, links followed, as a file with one of the suffixes that is
    not hidden: what a pull request links to, in the project or outside, must not end up in an excerpt.
    """
    try:
        data = read_allowed(path, tree, suffixes, MAX_BYTES)
    except NotAllowed as error:
        found.add_nowhere(name, "outside-project", f"the file {error.strerror}; put a plain file there")
    except NotRegular:
        found.add_nowhere(name, "unreadable-file", "this is no regular file; put a plain text file here")
    except TooLarge:
        found.add_nowhere(name, "file-too-large", f"the file has more than {MAX_BYTES:,} bytes; split it")
    except OSError as error:
        found.add_nowhere(name, "unreadable-file", f"the file cannot be read: {error.strerror}")
    else:
        return _decoded(name, path, data, found)
    return None


Texts = dict[tuple[Path, tuple[str, ...]], TextFile]
"""The files that a command has read, by their path and the suffixes that were allowed: what is looked at before the
project is resolved, or for several targets, is read once."""


class ProjectFiles:
    """The files of one loading below `tree`, the resolved folder they must lie in: no more than MOST_BYTES of them all,
    and each is read once. `read` are those read before; those read here are added to them."""

    def __init__(self, tree: Path, read: Texts | None = None) -> None:
        self.tree = tree
        self._read_before: Texts = {} if read is None else read
        self._texts: dict[Path, TextFile | None] = {}
        self._left = MOST_BYTES

    def read(self, path: Path, name: str, found: Findings, suffixes: tuple[str, ...] = _SUFFIXES) -> TextFile | None:
        """The text of a file, or None after a finding about it, as `read_text` gives it."""
        if path not in self._texts:
            self._texts[path] = self._read(path, name, found, suffixes) if self._left >= 0 else None
        return self._texts[path]

    def _read(self, path: Path, name: str, found: Findings, suffixes: tuple[str, ...]) -> TextFile | None:
        file = self._read_before.get((path, suffixes)) or read_text(path, name, self.tree, found, suffixes)
        if file is not None:
            self._read_before[path, suffixes] = file
        self._left -= len(file.text) if file is not None else 0
        if self._left < 0:
            what = (
                f"with this file, those of the project come to more than {MOST_BYTES:,} characters; no further is read"
            )
            found.add_nowhere(name, "project-too-large", what, "name the folder that holds the YAML files with --dir")
            return None
        return file

    def mention(self, word: str) -> bool:
        """Whether a file that was read has the word in it."""
        return any(file is not None and word in file.text for file in self._texts.values())

    def may_mention(self, word: str, among: Collection[str]) -> bool:
        """Whether one of the files of these names has the word in it, or any file could not be read at all."""
        return any(file is None or (file.name in among and word in file.text) for file in self._texts.values())


def _decoded(name: str, path: Path, data: bytes, found: Findings) -> TextFile | None:
    try:
        file = TextFile(name, path.absolute(), data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        replaced = TextFile(name, path.absolute(), data.decode("utf-8-sig", "replace"))
        span = _span_after(data[: error.start].decode("utf-8-sig", "replace"))
        utf_16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        what = "the file is UTF-16" if utf_16 else f"byte 0x{data[error.start]:02X} is not UTF-8"
        found.add(replaced, span, "not-utf-8", f"{what}; save the file as UTF-8")
        return None
    odd = first_unprintable(file.text)
    if odd is not None:
        found.add(
            file,
            _span_after(file.text[:odd]),
            "control-character",
            f"the character {code_point(file.text, odd)} cannot be part of a file; remove it",
        )
        return None
    return file


def _span_after(before: str) -> Span:
    lines = re.split(r"\r\n|\r|\n", before)
    return Span(len(lines), len(lines[-1]) + 1)
