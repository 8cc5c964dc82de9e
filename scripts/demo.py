"""The main job on real data, from nothing to audiences that follow their segments: what `make demo` runs.

It prepares the example's data, starts the sandbox on a free port, and runs the commands a person would type, in order.
The state goes to demo/; every demo begins without one.
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
from pathlib import Path

import demo_data

ROOT = Path(__file__).resolve().parent.parent
FIRST_DAY, LATER_DAY = "2017-10-01", "2017-11-01"

CHANGED = ("--select", "coupon-users", "--select", "loyal-shoppers")

STEPS = (
    ("The files are checked first; no network is needed.", ("validate",), (0,)),
    (
        "Nothing exists yet: all audiences are made, on both of Criteo's products.",
        ("apply", "--yes", "--today", FIRST_DAY),
        (0,),
    ),
    ("Plan again: Criteo is as declared.", ("plan", "--today", FIRST_DAY), (0,)),
    (
        "A month goes by: people enter and leave. A plan of two of the audiences:",
        ("plan", "--today", LATER_DAY, *CHANGED),
        (0, 4),
    ),
    ("Apply what changed, in all of them.", ("apply", "--yes", "--today", LATER_DAY), (0, 4)),
    ("What is broken, since when, why, and what to do.", ("status",), (0,)),
    ("What was done with one of them.", ("history", "loyal-shoppers"), (0,)),
    ("The same for those who would rather look.", ("report", "--out", "demo/report"), (0,)),
)
"""What is said, the command, and the exit codes that are as expected (4: a guardrail blocked something)."""


def main() -> int:
    os.chdir(ROOT)
    state = Path("demo") / ".headcount"
    shutil.rmtree(state.parent, ignore_errors=True)
    state.parent.mkdir()
    say("The example's data: the Complete Journey, a year of a grocer's transactions.")
    demo_data.main(ROOT / "data")
    with sandbox() as url:
        environment = {**os.environ, "CRITEO_API_URL": url, "HEADCOUNT_STATE": str(state)}
        for sentence, command, expected in STEPS:
            say(sentence)
            if run(command, environment) not in expected:
                print(f"\nThe demo stopped: `headcount {' '.join(command)}` did not end as expected.", file=sys.stderr)
                return 1
    say("Done. Audiences are kept by files you can read: look into activations/.")
    print(f"Open {ROOT / 'demo' / 'report' / 'index.html'} in a browser.")
    return 0


def say(sentence: str) -> None:
    print(f"\n\033[1m# {sentence}\033[0m" if sys.stdout.isatty() else f"\n# {sentence}", flush=True)


def run(command: tuple[str, ...], environment: dict[str, str]) -> int:
    print(f"$ headcount {' '.join(command)}", flush=True)
    return subprocess.run([sys.executable, "-m", "runner", *command], env=environment, check=False).returncode


@contextmanager
def sandbox() -> Iterator[str]:
    """A sandbox in a process of its own, as a person would start it; yields its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    say("A sandbox stands in for Criteo's API.")
    print(f"$ headcount sandbox --quiet --port {port} &", flush=True)
    command = [sys.executable, "-m", "runner", "sandbox", "--quiet", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(url, process)
            yield url
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


if __name__ == "__main__":
    raise SystemExit(main())
