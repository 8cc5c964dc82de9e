"""Commands start at once: heavy libraries are imported by the commands that use them, and by the process that does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


NOT_FOR_VALID_FILES = (
    "rich",
    "jsonschema",
    "sqlglot",
    "duckdb",
    "requests",
    "adbc_driver_manager",
    "runner.engine.given",
    "runner.conditions.compile_statement",
    "runner.cli.commands.plan_apply_sync",
    "runner.cli.commands.serve",
    "runner.cli.commands.state",
)

PROJECT = """\
kind: Destination
name: criteo
type: criteo
advertiser_id: "12345"
credentials: {client_id: "{{ env('CRITEO_CLIENT_ID') }}", client_secret: "{{ env('CRITEO_CLIENT_SECRET') }}"}
---
kind: Source
name: shop
type: files
tables: {people: people.csv}
---
kind: Activation
id: everybody
segment: {name: Everybody, sql: select email from shop.people}
mapping: {email: email}
"""


def test_valid_files_are_judged_without_what_only_explains_them(tmp_path: Path) -> None:
    (tmp_path / "activations").mkdir()
    (tmp_path / "activations/all.yaml").write_text(PROJECT)
    code = (
        "import sys; from runner.cli.app import run; run(['validate', '--no-sources']); "
        f"print(sorted(set(sys.modules) & set({NOT_FOR_VALID_FILES!r})), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "is valid: 1 activation" in done.stdout
    assert done.stderr.strip() == "[]"


NOT_FOR_SEGMENTS = (
    *("duckdb", "jsonschema", "yaml", "requests", "typer", "rich", "sqlglot", "sqlite3", "subprocess"),
    *(("dataclasses", "inspect") if sys.version_info < (3, 14) else ()),
    *("shutil", "traceback", "secrets", "logging", "socket", "fractions", "gzip", "difflib"),
    *("runner.config", "runner.state", "runner.workflows", "runner.destinations", "runner.engine.memberships"),
    *("runner.sources.registry", "runner.sources.warehouse", "runner.engine.segments.warehouse_policy"),
)


def test_the_process_that_runs_segments_imports_little() -> None:
    code = (
        "import sys; import runner.engine.segments.query_worker, runner.engine.duckdb.compiled; "
        f"print(sorted(set(sys.modules) & set({NOT_FOR_SEGMENTS!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
