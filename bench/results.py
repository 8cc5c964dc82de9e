"""The table of results, as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench.measure import Costs


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. `ours` and `other` are measured in the same run; `ratio` is ours over the other one's, by the
    clock, and `cpu` the same in CPU time, which other work on the machine disturbs less. `met` is None where nothing
    was aimed at, a text where a yes or no says too little; `peak` is Headcount's."""

    scenario: str
    what: str
    ours: str
    other: str = ""
    ratio: str = ""
    cpu: str = ""
    target: str = ""
    met: bool | str | None = None
    peak: float | None = None

    @classmethod
    def of(cls, scenario: str, what: str, ours: Costs, other: Costs, name: str, most: float | None = None) -> Row:
        """A comparison of times; with `most`, the greatest ratio that is aimed at."""
        ratio, cpu = ours.seconds / other.seconds, ours.cpu / other.cpu
        return cls(
            scenario,
            what,
            ours=_seconds(ours),
            other=f"{name}: {_seconds(other)}, {other.peak:,.0f} MB",
            ratio=f"{ratio:.2f}",
            cpu=f"{cpu:.2f}",
            target="" if most is None else f"at most {most:g}",
            met=None if most is None else verdict(ratio <= most, cpu <= most),
            peak=ours.peak,
        )


def verdict(clock: bool, cpu: bool) -> bool | str:
    """Whether an aim was met by the clock; what missed it only there is called so, for the machine was busy."""
    return "in CPU time" if cpu and not clock else clock


def _seconds(costs: Costs) -> str:
    spread = f" ({costs.spread})" if len(costs.runs) > 1 else ""
    return f"{costs.seconds:.2f} s{spread}"


_HEADINGS = ("scenario", "what", "Headcount", "limit or peer", "ratio", "CPU ratio", "target", "met", "peak MB")
_MET = {True: "yes", False: "**no**", None: ""}


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table, its columns aligned so that it reads as text too."""
    lines = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    rendered = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    rendered.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(rendered)


def _cells(row: Row) -> tuple[str, ...]:
    peak = "" if row.peak is None else f"{row.peak:,.0f}"
    met = row.met if isinstance(row.met, str) else _MET[row.met]
    return (row.scenario, row.what, row.ours, row.other, row.ratio, row.cpu, row.target, met, peak)
