"""`python -m bench`: run the scenarios, print the table, write it to bench/results.md."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from bench import machine
from bench.measure import CommandFailed
from bench.peers import PeerMissing, headcount
from bench.results import Row, table
from bench.scenarios import LONG_ONES, NAMES, Bench, scenario

SCALES = {
    "100k": 100_000,
    "1M": 1_000_000,
    "10M": 10_000_000,
    "30M": 30_000_000,
    "50M": 50_000_000,
    "100M": 100_000_000,
    "200M": 200_000_000,
}
RESULTS = Path(__file__).with_name("results.md")
ROOT = Path(__file__).resolve().parent.parent

ALONE = "HEADCOUNT_BENCH_ALONE"
"""Set in the environment once it is settled where the commands run: "yes" in one of their own."""


def main() -> int:
    chosen = _arguments()
    folder = Path(chosen.folder)
    folder.mkdir(parents=True, exist_ok=True)
    if ALONE not in os.environ:
        _begin_alone(folder.resolve())
    bench = Bench(folder.resolve(), SCALES[chosen.scale], chosen.times, chosen.scale)
    rows: list[Row] = []
    failed = False
    for name in chosen.only or NAMES:
        began = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            rows += scenario(name)(bench)
        except CommandFailed as error:
            failed = True
            print(f"{name} failed: {error}", file=sys.stderr)
            rows.append(Row(name, "could not be measured", ours="failed"))
        print(f"{name} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    text = _report(rows, bench)
    print(text)
    Path(chosen.results).write_text(text, encoding="utf-8")
    return 1 if failed else 0


def _begin_alone(folder: Path) -> None:
    """Begin anew in an environment that has what a user of Headcount has, as each peer runs in one of its own.

    Libraries look for others: Typer imports pydantic where it is installed, which takes a tenth of a second.
    """
    try:
        programs = headcount(ROOT).installed(folder)
    except PeerMissing as missing:
        print(f"measured among the developers' packages: {missing}", file=sys.stderr)
        os.environ[ALONE] = "no"
        return
    environment = os.environ | {ALONE: "yes", "PYTHONPATH": str(ROOT)}
    os.execve(programs / "python", [str(programs / "python"), "-m", "bench", *sys.argv[1:]], environment)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--scale", choices=SCALES, default="1M", help="people in a segment (default: 1M)")
    parser.add_argument(
        "--only", action="append", choices=(*NAMES, *LONG_ONES), metavar="NAME", help="one scenario; repeatable"
    )
    parser.add_argument("--times", type=int, default=5, help="runs of each command; the median counts (default: 5)")
    parser.add_argument("--results", default=str(RESULTS), help="where the table goes (default: bench/results.md)")
    # Not in the system's folder for temporary files where that is memory.
    default = os.environ.get("HEADCOUNT_BENCH") or str(Path(tempfile.gettempdir()) / "headcount-bench")
    parser.add_argument("--folder", default=default, help=f"data, projects and peers (default: {default})")
    return parser.parse_args()


def _report(rows: list[Row], bench: Bench) -> str:
    lines = (
        "# Results",
        "",
        f"Made by `python -m bench` with {bench.scale} people, {bench.times} runs of each command in turn. Times are "
        "medians with the smallest and greatest, of whole processes, Python's start included; memory is the resident "
        "memory at the peak of the command's own process.",
        "",
        *(f"- {line}" for line in machine.description(alone=os.environ[ALONE] == "yes")),
        "",
        table(rows),
        "",
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
