"""Who is notified: of the Project document, and of the target that was chosen over it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from runner.config import declared_receivers, load
from runner.core.destination import MissingSecret, Secret
from runner.core.project import Limit
from runner.core.receivers import NoticeCondition, Receiver
from tests.unit.config.projects import ACTIVATION, DEFAULTS

TODAY = date(2026, 11, 28)
URL = "{{ env('HEADCOUNT_ENV_ON_CALL') }}"
ENVIRON = {"HEADCOUNT_ENV_ON_CALL": "https://hooks.example.com/s3cr3t"}


def receivers(tmp_path: Path, target: str = "", **fields: Any) -> dict[str, Receiver]:
    folder = tmp_path / "activations"
    folder.mkdir(exist_ok=True)
    for name, text in (("d", DEFAULTS), ("a", ACTIVATION), ("p", json.dumps({"kind": "Project", **fields}))):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    project = load(folder, today=TODAY, environ=ENVIRON, target=target)
    again = declared_receivers(folder, today=TODAY, target=target, environ=ENVIRON)
    assert again == project.receivers
    return {one.name: one for one in project.receivers}


def test_a_receiver_that_says_nothing_else_is_notified_of_all_but_turnover(tmp_path: Path) -> None:
    [one] = receivers(tmp_path, notify={"on-call": {"url": URL}}).values()
    assert one.when == frozenset(NoticeCondition) - {NoticeCondition.TURNOVER}
    assert (one.recovered, one.max_turnover, one.url) == (True, None, Secret(ENVIRON["HEADCOUNT_ENV_ON_CALL"]))
    assert "s3cr3t" not in repr(one)


def test_what_it_says_is_what_it_is_notified_of(tmp_path: Path) -> None:
    written = {"url": URL, "format": "slack", "when": ["failed"], "max_turnover": "20%"}
    [one] = receivers(tmp_path, notify={"on-call": written}).values()
    assert (one.when, one.recovered) == (frozenset({NoticeCondition.FAILED}), False)
    assert (one.format, one.max_turnover) == ("slack", Limit(20, percent=True))


def test_a_variable_that_is_not_set_is_no_finding(tmp_path: Path) -> None:
    [one] = receivers(tmp_path, notify={"on-call": {"url": "{{ env('HEADCOUNT_ENV_OTHER') }}"}}).values()
    assert isinstance(one.url, MissingSecret)


@pytest.mark.parametrize(
    ("of_target", "names"),
    [
        ({}, ["crm", "on-call"]),
        ({"notify": None}, []),
        ({"notify": {"crm": None}}, ["on-call"]),
        ({"notify": {"extra": {"url": URL}}}, ["crm", "extra", "on-call"]),
    ],
)
def test_a_target_adds_receivers_and_switches_them_off(
    tmp_path: Path, of_target: dict[str, Any], names: list[str]
) -> None:
    both = {"on-call": {"url": URL}, "crm": {"url": URL}}
    found = receivers(tmp_path, "prod", notify=both, targets={"prod": of_target, "staging": {}})
    assert sorted(found) == names


def test_a_target_changes_fields_of_a_receiver_and_leaves_the_others(tmp_path: Path) -> None:
    own = {"notify": {"on-call": {"max_turnover": 50}}}
    below = {"on-call": {"url": URL, "when": ["failed"], "max_turnover": "20%"}}
    found = receivers(tmp_path, "prod", notify=below, targets={"prod": own})
    assert found["on-call"].max_turnover == Limit(50, percent=False)
    assert found["on-call"].when == frozenset({NoticeCondition.FAILED})


def test_receivers_are_found_whatever_is_wrong_with_the_rest_of_the_files(tmp_path: Path) -> None:
    receivers(tmp_path, notify={"on-call": {"url": URL}})
    (tmp_path / "activations" / "a.yaml").write_text("kind: Activation\nid: [", encoding="utf-8")
    found = declared_receivers(tmp_path / "activations", today=TODAY, target="", environ=ENVIRON)
    assert [one.name for one in found] == ["on-call"]
