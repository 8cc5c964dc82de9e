"""`headcount --help` starts at once: heavy libraries are imported by the commands that use them."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    *("duckdb", "requests", "jinja2", "jsonschema", "yaml", "rich", "starlette", "uvicorn", "sqlite3", "cronsim"),
    *("prometheus_client", "watchfiles", "runner.planning.plan", "runner.core.project"),
)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["plan", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from runner.cli.app import run; "
        f"run({arguments!r}); print(sorted(set(sys.modules) & set({HEAVY!r})), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
