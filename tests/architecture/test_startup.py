"""`headcount --help` starts at once: heavy libraries are imported by the commands that use them."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    *("sqlglot", "adbc_driver_manager"),
    *("duckdb", "requests", "jinja2", "jsonschema", "yaml", "rich", "starlette", "uvicorn", "sqlite3", "cronsim"),
    *(
        "prometheus_client",
        "watchfiles",
        "altair",
        "vl_convert",
        "runner.planning.plan",
        "runner.core.project",
        "runner.core.records",
    ),
)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from runner.cli.app import run; "
        "[run(arguments) for arguments in (['--help'], ['--version'], ['plan', '--help'])]; "
        f"print(sorted(set(sys.modules) & set({HEAVY!r})), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Show the version" in done.stdout
    assert "--detailed-exitcode" in done.stdout
    assert done.stderr.strip() == "[]"
