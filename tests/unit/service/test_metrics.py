"""What Prometheus is told, and that the alerts of the documents ask for what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.core.records import ActivationRun, Outcome
from runner.service.health import ActivationHealth, HealthBoard, HealthView, Reason, SuppressionHealth
from runner.service.metrics import Metrics
from tests.builders import NOON

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "docs" / "alerts" / "headcount.rules.yaml"
LOYAL = ActivationHealth("loyal", 10, NOON, NOON, freshness=3600, stale=True, suppressed=3, held_out=2)
VIEW = HealthView(
    (LOYAL, ActivationHealth("new")),
    (SuppressionHealth("no-consent", NOON, failing=True),),
    {"on-call": 2},
    (Reason("skipped", "waits", "loyal"), Reason("drift", "far off", "loyal")),
    open_receipts=1,
)


def samples(view: HealthView = VIEW) -> dict[str, float]:
    metrics = Metrics(HealthBoard(view))
    metrics.count((ActivationRun("loyal", "sync", Outcome.DONE, added=1),))
    lines = [line for line in metrics.text().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_age_is_told_with_the_limit_that_an_audience_has() -> None:
    found = samples()
    assert found['headcount_freshness_limit_seconds{activation="loyal"}'] == 3600
    assert found['headcount_stale{activation="loyal"}'] == 1
    assert 'headcount_freshness_limit_seconds{activation="new"}' not in found


def test_what_is_left_out_skipped_and_undelivered_is_counted() -> None:
    found = samples()
    assert found['headcount_rows_suppressed{activation="loyal"}'] == 3
    assert found['headcount_rows_held_out{activation="loyal"}'] == 2
    assert found['headcount_last_outcome_bad{activation="loyal",outcome="skipped"}'] == 1
    assert found['headcount_suppression_failing{suppression="no-consent"}'] == 1
    assert found['headcount_suppression_evaluated_timestamp_seconds{suppression="no-consent"}'] == NOON.timestamp()
    assert found['headcount_notices_undelivered{receiver="on-call"}'] == 2
    assert found["headcount_open_receipts"] == 1
    assert not any("drift" in name and "outcome" in name for name in found)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_there_are_and_says_what_to_do(rule: dict[str, Any]) -> None:
    there = {name.partition("{")[0] for name in samples()}
    asked = set(re.findall(r"headcount_\w+", rule["expr"]))
    assert asked
    assert asked <= there
    assert rule["expr"].count("(") == rule["expr"].count(")")
    assert re.fullmatch(r"\d+[mhd]", rule["for"])
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]
    labels = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    series = [name for name in samples() if name.partition("{")[0] in asked]
    assert all(any(f'{label}="' in name for name in series) for label in labels)


def test_every_metric_is_in_the_reference() -> None:
    reference = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    names = {name.partition("{")[0] for name in samples()}
    names = {re.sub(r"_(sum|count)$", "", name) for name in names if not name.endswith("_created")}
    assert {name for name in names if f"`{name}" not in reference} == set()
