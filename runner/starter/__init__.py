"""The starter project that `headcount init` writes."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from runner.config import schema_folder
from runner.errors import UsageError

_YAML = ("destination.yaml", "source.yaml", "recent-buyers.yaml")


def write_starter(folder: Path) -> tuple[Path, ...]:
    """Write the starter's files and return their paths; raises UsageError, and writes nothing, when one exists.

    The YAML goes into `folder`, the sample data into `data/` beside it, the schemas for editors into `.schemas/` in it.
    """
    here = files(__name__)
    content = {folder / name: (here / name).read_text(encoding="utf-8") for name in _YAML}
    content[folder.parent / "data" / "customers.csv"] = _customers()
    for schema in sorted(schema_folder().glob("*.schema.json")):
        content[folder / ".schemas" / schema.name] = schema.read_text(encoding="utf-8")
    existing = sorted(path for path in content if path.exists())
    if existing:
        raise UsageError(f"{existing[0]} exists already", "choose another folder with --dir; nothing was written")
    for path, text in content.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tuple(path for path in content if ".schemas" not in path.parts)


def _customers() -> str:
    """A few made-up customers whose last purchases lie around today, so that the sample segment is never empty."""
    from datetime import UTC, datetime, timedelta

    today = datetime.now(UTC).date()
    rows = [f"customer-{n}@example.com,{today - timedelta(days=n * 9)}" for n in range(1, 41)]
    return "\n".join(["email,last_purchase", *rows]) + "\n"
