from __future__ import annotations

import os
import subprocess
import sys

import pytest

COMMAND = """
import os, sys
sys.argv = ["headcount", "--version"]
os._exit = lambda code: None
from runner.__main__ import main
main()
"""
CORE = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"
DUMPABLE = "import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
BECOME_NOBODY = "import ctypes, os; os.setuid(65_534); ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)"
"""A process that changes its user is not dumpable from then on, unless it says otherwise."""


def python(script: str) -> str:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout


def test_a_command_leaves_no_core_file() -> None:
    assert python(COMMAND + CORE).splitlines()[-1] == "(0, 0)"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this")
def test_a_command_gives_no_program_its_memory_either() -> None:
    assert python(DUMPABLE) == "1\n"
    assert python(COMMAND + DUMPABLE).splitlines()[-1] == "0"


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs Linux and a second user")
def test_the_environment_of_a_command_is_closed_to_other_processes_of_its_user() -> None:
    for script, code in (("", 0), ("from runner.process_limits import keep_memory_private; keep_memory_private()", 1)):
        waiting = f"{BECOME_NOBODY}\n{script}\nprint(flush=True); input()"
        with subprocess.Popen(
            [sys.executable, "-c", waiting], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            look = ["/bin/cat", f"/proc/{process.pid}/environ"]
            assert subprocess.run(look, user=65_534, capture_output=True, check=False).returncode == code
            process.communicate("\n")
