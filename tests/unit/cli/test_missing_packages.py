"""A command whose extra is not installed, or only in part, says what to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT_EACH = """
import os, sys
from runner.cli.app import run

command, *packages = sys.argv[1:]
for package in packages:
    child = os.fork()
    if not child:
        sys.modules[package] = None
        os._exit(run([command, "--port", "0"]))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize(
    ("command", "packages"),
    [
        ("serve", ["anyio", "prometheus_client", "starlette", "uvicorn", "watchfiles"]),
        ("sandbox", ["anyio", "h11", "starlette", "uvicorn"]),
    ],
)
def test_a_command_without_a_package_of_its_extra_says_what_to_install(
    command: str, packages: list[str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EACH, command, *packages],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    user = {"serve": "serve", "sandbox": "the sandbox"}[command]
    assert done.stdout.split() == ["1"] * len(packages)
    assert done.stderr.splitlines() == [
        line
        for package in packages
        for line in (
            f"error: {user} needs the package {package}, which is not installed",
            f"  -> install Headcount again, from your clone or wheel: pip install 'PATH[{command}]'",
        )
    ]
