"""The service in Prometheus' terms. Labels are ids of activations, names of suppressions and receivers, outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Summary, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from runner.core.records import ActivationRun
from runner.service.health import ActivationHealth, HealthBoard, HealthView

_BAD = ("failed", "blocked", "skipped", "interrupted")

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What has been counted since the process started, and what the board shows."""

    def __init__(self, board: HealthBoard) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_BoardCollector(board))

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"headcount_{name}", meaning, ("activation", *labels), registry=self._registry)

        self._runs = counter("runs", "Runs of an activation, by how they ended.", "outcome")
        self._added = counter("identifiers_added", "Identifiers added to the audience.")
        self._removed = counter("identifiers_removed", "Identifiers removed from the audience.")
        self._rejected = counter("identifiers_rejected", "Malformed identifiers left out, counted in every run.")
        self._duration = Summary(
            "headcount_run_duration_seconds",
            "How long definitions and members took to send.",
            ("activation",),
            registry=self._registry,
        )

    def count(self, outcomes: tuple[ActivationRun, ...]) -> None:
        """Add what a run did."""
        for run in outcomes:
            self._runs.labels(run.activation, str(run.outcome)).inc()
            self._added.labels(run.activation).inc(run.added)
            self._removed.labels(run.activation).inc(run.removed)
            self._rejected.labels(run.activation).inc(run.rejected)
            self._duration.labels(run.activation).observe(run.seconds)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)


class _BoardCollector(Collector):
    def __init__(self, board: HealthBoard) -> None:
        self._board = board

    def collect(self) -> Iterator[GaugeMetricFamily]:
        view = self._board.view
        invalid = float(view.invalid_project)
        yield GaugeMetricFamily("headcount_project_invalid", "1 while the files are not valid.", value=invalid)
        yield GaugeMetricFamily("headcount_degraded", "1 while /healthz has reasons.", value=float(bool(view.reasons)))
        failing = float(view.failing_since is not None)
        yield GaugeMetricFamily("headcount_failing", "1 while nothing works.", value=failing)
        yield _gauge("members", "Identifiers that the audience holds.", view.rows, lambda row: row.members)
        yield _gauge(
            "drift_suspected",
            "1 where the destination counts far more or fewer identifiers than were sent.",
            view.rows,
            lambda row: float(row.drifted),
        )
        yield _gauge(
            "last_success_timestamp_seconds",
            "When the last good run began.",
            view.rows,
            lambda row: _seconds(row.last_success),
        )
        yield _gauge(
            "next_due_timestamp_seconds",
            "When the next run is to begin.",
            view.rows,
            lambda row: _seconds(row.next_due),
        )
        yield from _of_age(view.rows)
        yield from _left_out(view)
        yield from _of_suppressions(view)
        undelivered = GaugeMetricFamily(
            "headcount_notices_undelivered", "Notices that wait to be delivered.", labels=("receiver",)
        )
        for receiver, count in view.undelivered.items():
            undelivered.add_metric((receiver,), count)
        yield undelivered
        unfinished = "Receipts of erasures that did not come to a good end."
        yield GaugeMetricFamily("headcount_open_receipts", unfinished, value=view.open_receipts)


def _of_age(rows: tuple[ActivationHealth, ...]) -> Iterator[GaugeMetricFamily]:
    limit = "How long ago the last good run may be; absent where the files set no freshness."
    yield _gauge("freshness_limit_seconds", limit, rows, lambda row: row.freshness)
    yield _gauge("stale", "1 while the last good run is longer ago than that.", rows, lambda row: float(row.stale))


def _left_out(view: HealthView) -> Iterator[GaugeMetricFamily]:
    rows = view.rows
    named = "Rows left out of the segment because suppressions name them, when it was evaluated last."
    yield _gauge("rows_suppressed", named, rows, lambda row: row.suppressed)
    held = "Rows held out of the segment, when it was evaluated last."
    yield _gauge("rows_held_out", held, rows, lambda row: row.held_out)
    family = GaugeMetricFamily(
        "headcount_last_outcome_bad",
        "1 while the last try ended so: failed, blocked, skipped or interrupted.",
        labels=("activation", "outcome"),
    )
    for reason in view.reasons:
        if reason.activation and reason.code in _BAD:
            family.add_metric((reason.activation, reason.code), 1.0)
    yield family


def _of_suppressions(view: HealthView) -> Iterator[GaugeMetricFamily]:
    failing = GaugeMetricFamily(
        "headcount_suppression_failing",
        "1 while a suppression cannot take effect: nobody is added where it applies.",
        labels=("suppression",),
    )
    evaluated = GaugeMetricFamily(
        "headcount_suppression_evaluated_timestamp_seconds",
        "When a suppression in effect was last evaluated.",
        labels=("suppression",),
    )
    for one in view.suppressions:
        failing.add_metric((one.name,), float(one.failing))
        evaluated.add_metric((one.name,), one.evaluated_at.timestamp())
    yield failing
    yield evaluated


def _gauge(
    name: str, meaning: str, rows: tuple[ActivationHealth, ...], value: Callable[[ActivationHealth], float | None]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"headcount_{name}", meaning, labels=("activation",))
    for row in rows:
        number = value(row)
        if number is not None:
            family.add_metric((row.activation,), number)
    return family


def _seconds(when: datetime | None) -> float | None:
    return None if when is None else when.timestamp()
