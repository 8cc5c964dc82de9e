"""The main job on real data, from nothing to audiences that follow their segments: what `make demo` runs.

It makes a project of its own in demo/ (or in the folder that is given), a git repository with the example's files and
their data, starts the sandbox, and runs the commands that a person would type there, in order. Who goes there can type
them again, and go on. Every demo begins with a new folder.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import demo_data

ROOT = Path(__file__).resolve().parent.parent
USUAL_PORT = 8787
SANDBOX_DATA = "sandbox-data"

FIRST_DAY, LATER_DAY, NEXT_DAY = "2017-10-01", "2017-11-01", "2017-12-01"
SECONDS_BETWEEN = 31 * 86_400
SOMEBODY = "household-33@example.com"


@dataclass(frozen=True)
class Step:
    """What is said before it, the command, and the exit codes that are as expected (4: a guardrail blocked something).

    Of a `summary` only the last line is shown, for the demo has three screens.
    """

    said: str
    command: tuple[str, ...]
    expected: tuple[int, ...] = (0,)
    summary: bool = False


FIRST = Step("", ("apply", "--yes", "--today", FIRST_DAY), summary=True)
A_MONTH_LATER = (
    Step(
        "A month goes by: people come and go. Look at one audience, then update all.",
        ("plan", "--today", LATER_DAY, "--select", "snack-buyers"),
    ),
    Step("", ("apply", "--yes", "--today", LATER_DAY), (0, 4)),
    Step("Who is on call asks: what is broken, since when, why, what to do?", ("status",)),
    Step("Who answers for data protection: who is in, since when, by which query?", ("why", SOMEBODY)),
    Step("Who plans campaigns would rather look: size, turnover, share matched.", ("report", "--out", "report")),
)

IGNORED = ("/.headcount/", "/data/", "/report/", f"/{SANDBOX_DATA}")


def main(folder: Path = ROOT / "demo") -> int:
    say("In demo/: a year at a grocer's. A sandbox is Criteo. Nine audiences are made.", first=True)
    make_project(folder)
    os.chdir(folder)
    with sandbox() as url:
        environment = {**os.environ, "CRITEO_API_URL": url}
        for name in ("HEADCOUNT_STATE", "HEADCOUNT_DIR", "HEADCOUNT_TARGET"):
            environment.pop(name, None)
        # The audiences are a month old in the sandbox by the second part, so that it is asked what it matched of them.
        move_clock(url, -SECONDS_BETWEEN)
        done = run(FIRST, environment)
        move_clock(url, SECONDS_BETWEEN)
        if not (done and all(run(step, environment) for step in A_MONTH_LATER)):
            return 1
    say("Your turn. Open demo/report/index.html in a browser, or type and go on:")
    print("\n".join(way_on(url)))
    return 0


def way_on(url: str) -> tuple[str, ...]:
    """What a person types to repeat each command of the demo, and to go on."""
    port = url.rpartition(":")[2]
    elsewhere = "" if port == str(USUAL_PORT) else f" --port {port}"
    return (
        "cd demo && source ../.venv-demo/bin/activate",
        f"export CRITEO_API_URL={url}",
        f"headcount sandbox --quiet --data {SANDBOX_DATA}{elsewhere} &",
        f"headcount plan --today {NEXT_DAY}   # its purchases are of 2017",
    )


def make_project(folder: Path) -> None:
    """A new folder with the example's files, in a repository of its own where there is git, and their data."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("activations", "schemas"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / ".gitignore").write_text("".join(f"{line}\n" for line in IGNORED), encoding="utf-8")
    if shutil.which("git") is not None:
        git(folder, "init", "--quiet")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--message", "The example")
    demo_data.main(folder / "data")


def git(folder: Path, *command: str) -> None:
    """Run git in the folder, whatever this person's settings say of names, signatures and hooks."""
    who = ("user.name=Headcount", "user.email=demo@example.com")
    plain = ("commit.gpgsign=false", "core.hooksPath=/dev/null", "init.defaultBranch=main")
    given = (part for setting in (*who, *plain) for part in ("-c", setting))
    subprocess.run(["git", *given, *command], cwd=folder, check=True)


def say(sentence: str, *, first: bool = False) -> None:
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    print(f"{'' if first else chr(10)}{bold}# {sentence}{plain}", flush=True)


def run(step: Step, environment: dict[str, str]) -> bool:
    """Say what comes, run a command as a person would, and give whether it ended as expected."""
    if step.said:
        say(step.said)
    typed = f"headcount {' '.join(step.command)}"
    print(f"$ {typed}{' | tail -1' if step.summary else ''}", flush=True)
    command = [sys.executable, "-m", "runner", *step.command]
    output = subprocess.PIPE if step.summary else None
    done = subprocess.run(command, env=environment, stdout=output, text=True, check=False)
    if step.summary:
        print("".join(done.stdout.splitlines()[-1:]), flush=True)
    if done.returncode not in step.expected:
        print(f"\nThe demo stopped: `{typed}` did not end as expected.", file=sys.stderr)
    return done.returncode in step.expected


@contextmanager
def sandbox() -> Iterator[str]:
    """A sandbox in a process of its own, as a person would start it; yields its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    arguments = ("sandbox", "--quiet", "--data", SANDBOX_DATA, *(("--port", str(port)) if port != USUAL_PORT else ()))
    print(f"$ headcount {' '.join(arguments)} &", flush=True)
    with subprocess.Popen([sys.executable, "-m", "runner", *arguments], stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(url, process)
            yield url
        finally:
            process.terminate()


def free_port() -> int:
    """The port that the sandbox listens on by default, or another one where somebody else does."""
    for wanted in (USUAL_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RuntimeError("no port is free")


def wait_for(url: str, process: subprocess.Popen[bytes], seconds: float = 30.0) -> None:
    """Wait until the sandbox answers. Raises RuntimeError when it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/__sandbox__/segments", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the sandbox did not start")


def move_clock(url: str, seconds: int) -> None:
    """Set the sandbox's clock ahead by so many seconds, or back."""
    body = f'{{"advance": {seconds}}}'.encode()
    urllib.request.urlopen(f"{url}/__sandbox__/clock", data=body, timeout=10).close()


if __name__ == "__main__":
    raise SystemExit(main(*map(Path, sys.argv[1:2])))
