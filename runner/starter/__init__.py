"""The starter project that `headcount init` writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from importlib.resources import files
from pathlib import Path

from runner.config import schema_folder
from runner.core.errors import HeadcountError, UsageError
from runner.core.suggest import quoted_word
from runner.quick_dataclass import dataclass

FILES = "files"
"""The source that a starter has unless another is asked for: the only one with sample data."""

_SINCE = {
    "": "date '{{ today }}' - interval 90 day",
    "postgres": "date '{{ today }}' - 90",
    "redshift": "dateadd(day, -90, date '{{ today }}')",
    "snowflake": "dateadd(day, -90, date '{{ today }}')",
    "bigquery": "date_sub(date '{{ today }}', interval 90 day)",
    "databricks": "date_sub(date '{{ today }}', 90)",
    "spark": "date_sub(date '{{ today }}', 90)",
    "flightsql": "date '{{ today }}' - interval '90' day",
}
"""The day 90 days ago, in the SQL of a warehouse; in DuckDB's, which runs segments over all other sources."""

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


def source_types() -> tuple[str, ...]:
    """The kinds of source that a starter can have."""
    return tuple(sorted(Path(entry.name).stem for entry in (files(__name__) / "sources").iterdir()))


def write_starter(folder: Path, *, sample: bool = True, source: str = FILES) -> tuple[Step, ...]:
    """Write the starter's files and say what was done; raises HeadcountError, and leaves nothing behind, if it cannot.

    The YAML goes into `folder`, the schemas for editors into `.schemas/` in it (of which the folder alone is named),
    `sample` data into `data/` next to it, under another name where data of that name is there; a source of another type
    than files has none. `.gitignore` next to `folder` is made or extended, so that the state is not committed.
    UsageError when one of the other files exists, or there is no such type of source.
    """
    if source not in source_types():
        listed = ", ".join(source_types())
        raise UsageError(f"there is no source of type {quoted_word(source)}", f"name one of: {listed}")
    sample = sample and source == FILES
    data = folder.parent / "data"
    taken = sample and (data / _SAMPLE).exists()
    chosen = _OTHER_SAMPLE if taken else _SAMPLE
    content = {
        folder / "destination.yaml": _text("destination.yaml"),
        folder / "source.yaml": _text(f"sources/{source}.yaml").replace(f"../data/{_SAMPLE}", f"../data/{chosen}"),
        folder / "recent-buyers.yaml": _activation(source),
    }
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


def _text(name: str) -> str:
    return (files(__name__) / name).read_text(encoding="utf-8")


def _activation(source: str) -> str:
    """The activation, in the SQL of the source."""
    text = _text("recent-buyers.yaml")
    if source not in _SINCE:
        return text
    return (
        text.replace("leave this machine, e-mail", "leave the warehouse; this machine sends e-mail")
        .replace("shop.customers", "customers")
        .replace(_SINCE[""], _SINCE[source])
    )


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
