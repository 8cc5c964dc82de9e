"""The starter project that `headcount init` writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

from runner.config import schema_folder
from runner.core.errors import HeadcountError, UsageError

_YAML = ("destination.yaml", "source.yaml", "recent-buyers.yaml")
_SAMPLE = "customers.csv"
_OTHER_SAMPLE = "sample-customers.csv"

STATE_FOLDER = ".headcount/"
"""What git must not keep: who is in which audience."""

_IGNORED = {".headcount", ".headcount/", "/.headcount", "/.headcount/", "**/.headcount", "**/.headcount/"}


@dataclass(frozen=True, slots=True)
class Step:
    """What was done about one path: `did` is "wrote", "kept" (it was there and is not used) or "extended"."""

    did: str
    path: Path


def write_starter(folder: Path, *, sample: bool = True) -> tuple[Step, ...]:
    """Write the starter's files and say what was done; raises HeadcountError, and leaves nothing behind, if it cannot.

    The YAML goes into `folder`, the schemas for editors into `.schemas/` in it (of which the folder alone is named),
    `sample` data into `data/` next to it, under another name where data of that name is there. `.gitignore` next to
    `folder` is made or extended, so that the state is not committed. UsageError when one of the other files exists.
    """
    data = folder.parent / "data"
    taken = sample and (data / _SAMPLE).exists()
    chosen = _OTHER_SAMPLE if taken else _SAMPLE
    content = {folder / name: _yaml(name, chosen) for name in _YAML}
    if sample:
        content[data / chosen] = _customers()
    existing = [path for path in content if path.exists()]
    schemas = folder / ".schemas"
    content |= {
        schemas / schema.name: schema.read_text(encoding="utf-8")
        for schema in sorted(schema_folder().glob("*.schema.json"))
    }
    existing += [schemas] if not existing and any(path.exists() for path in content) else []
    if existing:
        raise UsageError(
            f"{existing[0]} exists already; nothing was written",
            "move it away, or choose another folder with --dir",
        )
    with ExitStack() as undo:
        _write_all(content, undo)
        ignored = _ignore_state(folder.parent / ".gitignore", undo)
        undo.pop_all()
    written = (Step("wrote", path) for path in (*(path for path in content if path.parent != schemas), schemas))
    return (*written, *([Step("kept", data / _SAMPLE)] if taken else []), *ignored)


def _yaml(name: str, sample: str) -> str:
    text = (files(__name__) / name).read_text(encoding="utf-8")
    return text.replace(f"../data/{_SAMPLE}", f"../data/{sample}")


def _write_all(content: Mapping[Path, str], undo: ExitStack) -> None:
    for path, text in content.items():
        try:
            for folder in reversed([path.parent, *path.parent.parents]):
                if not folder.exists():
                    folder.mkdir()
                    undo.callback(_gone, folder.rmdir)
            with path.open("x", encoding="utf-8") as file:
                undo.callback(_gone, path.unlink)
                file.write(text)
        except OSError as error:
            raise _not_written(path, error) from None


def _ignore_state(path: Path, undo: ExitStack) -> tuple[Step, ...]:
    """Add the state's folder to `.gitignore`, unless a line of it names that already."""
    try:
        before = path.read_bytes() if path.exists() else None
        if before is None:
            path.write_text(f"{STATE_FOLDER}\n", encoding="utf-8")
            undo.callback(_gone, path.unlink)
            return (Step("wrote", path),)
        if _IGNORED & {line.strip() for line in before.decode("utf-8", "replace").splitlines()}:
            return ()
        undo.callback(_gone, partial(path.write_bytes, before))
        newline = b"" if not before or before.endswith(b"\n") else b"\n"
        path.write_bytes(before + newline + f"{STATE_FOLDER}\n".encode())
    except OSError as error:
        raise _not_written(path, error) from None
    return (Step("extended", path),)


def _not_written(path: Path, error: OSError) -> HeadcountError:
    return HeadcountError(
        f"cannot write {path}: {error.strerror}; nothing was written",
        "choose a folder that you may write to with --dir",
    )


def _gone(remove: Callable[[], object]) -> None:
    with suppress(OSError):
        remove()


def _customers() -> str:
    """A few made-up customers whose last purchases lie around today, so that the sample segment is never empty."""
    from datetime import UTC, datetime, timedelta

    today = datetime.now(UTC).date()
    rows = [f"customer-{n}@example.com,{today - timedelta(days=n * 9)}" for n in range(1, 41)]
    return "\n".join(["email,last_purchase", *rows]) + "\n"
