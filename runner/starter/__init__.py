"""The starter project that `headcount init` writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from importlib.resources import files
from pathlib import Path

from runner.config import schema_folder
from runner.core.errors import HeadcountError, UsageError

_YAML = ("destination.yaml", "source.yaml", "recent-buyers.yaml")


def write_starter(folder: Path) -> tuple[Path, ...]:
    """Write the starter's files and return their paths; raises HeadcountError, and leaves nothing behind, if it cannot.

    The YAML goes into `folder`, sample data into `data/` next to it, the schemas for editors into `.schemas/` in it;
    of these the folder alone is returned. UsageError when one of the files exists.
    """
    here = files(__name__)
    content = {folder / name: (here / name).read_text(encoding="utf-8") for name in _YAML}
    content[folder.parent / "data" / "customers.csv"] = _customers()
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
    _write_all(content)
    return (*(path for path in content if path.parent != schemas), schemas)


def _write_all(content: Mapping[Path, str]) -> None:
    """Write every file, or none; raises HeadcountError."""
    with ExitStack() as undo:
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
                raise HeadcountError(
                    f"cannot write {path}: {error.strerror}; nothing was written",
                    "choose a folder that you may write to with --dir",
                ) from None
        undo.pop_all()


def _gone(remove: Callable[[], None]) -> None:
    with suppress(OSError):
        remove()


def _customers() -> str:
    """A few made-up customers whose last purchases lie around today, so that the sample segment is never empty."""
    from datetime import UTC, datetime, timedelta

    today = datetime.now(UTC).date()
    rows = [f"customer-{n}@example.com,{today - timedelta(days=n * 9)}" for n in range(1, 41)]
    return "\n".join(["email,last_purchase", *rows]) + "\n"
