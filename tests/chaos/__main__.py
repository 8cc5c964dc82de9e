"""`python -m tests.chaos --histories 200 --seed N`: many histories, each from a seed of its own that follows on N."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from tests.chaos.history import Tally, played


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--histories", type=int, default=200, help="how many histories (200)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="seed of the first one (the time)")
    parser.add_argument("--steps", type=int, default=5, help="disturbed runs per history (5)")
    parser.add_argument("--minutes", type=float, default=1e6, help="begin no further history after this time")
    parser.add_argument("--jobs", type=int, default=2, help="histories at a time (2)")
    parser.add_argument("--bucket", action="store_true", help="keep the state in a bucket (a local stand-in of S3)")
    options = parser.parse_args()
    began, tally, broken = time.monotonic(), Tally(), 0
    until = time.time() + 60 * options.minutes
    seeds = range(options.seed, options.seed + options.histories)
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(played, seed, options.steps, until, options.bucket) for seed in seeds]):
            lived, violation = future.result()
            tally.add(lived)
            if violation:
                broken += 1
                sys.stdout.write(f"VIOLATION\n{violation}\n\n")
                sys.stdout.flush()
    sys.stdout.write(report(tally, time.monotonic() - began, options.seed, broken) + "\n")
    return 1 if broken else 0


def report(tally: Tally, seconds: float, seed: int, broken: int) -> str:
    """One line that says what was gone through."""

    def listed(counts: dict[str, int]) -> str:
        return ", ".join(f"{name} {number}" for name, number in sorted(counts.items(), key=lambda item: -item[1]))

    return (
        f"seed {seed}: {tally.histories} histories, {tally.runs} runs, {sum(tally.kills.values())} kills"
        f" ({listed(tally.kills)}); {sum(tally.mishaps.values())} other mishaps ({listed(tally.mishaps)});"
        f" {sum(tally.faults.values())} faults ({listed(tally.faults)});"
        f" exit codes {dict(sorted(tally.codes.items()))}; {broken} violations; {seconds:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
