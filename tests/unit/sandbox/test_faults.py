from __future__ import annotations

import pytest

from runner.core.errors import UsageError
from runner.sandbox.fault_injection import Fault, FaultKind, Faults, Occasion, Rule, fault_named


def _occasion(path: str = "/x", method: str = "PATCH", operation: str | None = None) -> Occasion:
    return Occasion(method, path, lambda: (operation, None))


def _unread() -> tuple[str | None, str | None]:
    raise AssertionError("the body was looked at")


def test_every_fault_has_a_name_that_leads_back_to_it() -> None:
    for name in ("429", "599", *(kind.value for kind in FaultKind if kind is not FaultKind.STATUS)):
        assert fault_named(name).name == name


@pytest.mark.parametrize("name", ["", "status", "200", "399", "600", "5xx", "\u0664\u0662\u0669"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        fault_named(name)


def test_rules_come_before_rates_and_in_their_order() -> None:
    faults = Faults({"500": 1.0}, seed=0)
    faults.add(Rule(fault_named("html"), path="/a"))
    faults.add(Rule(fault_named("empty")))
    met = [faults.pick(_occasion("/a")), faults.pick(_occasion("/a")), faults.pick(_occasion("/a"))]
    assert [fault.name if fault else None for fault in met] == ["html", "empty", "500"]


def test_a_call_that_is_let_pass_can_meet_the_next_rule() -> None:
    faults = Faults({}, seed=0)
    faults.add(Rule(fault_named("500"), skip=1))
    faults.add(Rule(fault_named("503")))
    assert [faults.pick(_occasion()) for _ in range(3)] == [fault_named("503"), fault_named("500"), None]
    assert faults.rules == []


def test_the_body_is_only_looked_at_when_a_rule_asks_for_what_is_in_it() -> None:
    faults = Faults({}, seed=0)
    faults.add(Rule(fault_named("500"), path="/a"))
    faults.add(Rule(fault_named("500"), path="/b", operation="add"))
    assert faults.pick(Occasion("PATCH", "/a", _unread)) == Fault(FaultKind.STATUS, 500)
    assert faults.pick(Occasion("PATCH", "/c", _unread)) is None
    with pytest.raises(AssertionError, match="looked at"):
        faults.pick(Occasion("PATCH", "/b", _unread))


def test_rates_are_met_about_as_often_as_they_say() -> None:
    faults = Faults({"429": 0.2, "drop-after": 0.1}, seed=7)
    names = [fault.name if (fault := faults.pick(_occasion())) else None for _ in range(5_000)]
    assert names.count("429") == pytest.approx(1_000, rel=0.15)
    assert names.count("drop-after") == pytest.approx(500, rel=0.15)
