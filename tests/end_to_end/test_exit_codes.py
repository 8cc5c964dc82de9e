"""What a command ends with: a script must learn from it what a person would read in the output."""

from __future__ import annotations

import pytest

from tests.end_to_end.shop import Shop
from tests.sandbox_client import Sandbox


@pytest.fixture
def applied(shop: Shop) -> Shop:
    shop.activation("loyal", schedule={"every": "1h"})
    shop.activation("lapsed", schedule={"every": "1h"})
    shop.apply()
    return shop


class TestASyncThatLeavesSomethingAloneEndsWithSeven:
    def test_a_changed_definition(self, applied: Shop) -> None:
        applied.activation("loyal", sql="select email from shop.people where kind = 'all'", schedule={"every": "1h"})
        result = applied.run("sync", code=7)
        assert "loyal  skipped  its definition is not the applied one (SQL changed)" in result.out
        assert "1 unchanged, 1 skipped" in result.out
        applied.run("sync", "--select", "lapsed")

    def test_a_changed_definition_that_is_due(self, applied: Shop) -> None:
        applied.activation("loyal", name="Other", schedule={"every": "1h"})
        applied.run("sync", "--due")
        applied.run("sync", "--due", "--at", "2031-02-03T00:30", code=7)

    def test_an_audience_that_is_gone(self, applied: Shop, sandbox: Sandbox) -> None:
        sandbox.delete_segment(next(one.id for one in sandbox.segments() if one.name == "Loyal"))
        assert "loyal  skipped  its audience is gone in Criteo" in applied.run("sync", code=7).out

    @pytest.mark.parametrize("due", [(), ("--due",)])
    def test_what_was_never_applied(self, applied: Shop, due: tuple[str, ...]) -> None:
        applied.activation("new", schedule={"every": "1h"})
        assert "new  skipped  not applied yet" in applied.run("sync", *due, code=7).out

    def test_a_rebuild_that_was_asked_for(self, applied: Shop) -> None:
        applied.activation("loyal", name="Other")
        applied.run("sync", "--rebuild", "loyal", code=7)

    def test_what_a_person_runs_by_hand_is_not_left_alone(self, applied: Shop) -> None:
        applied.activation("loyal", schedule="manual")
        applied.run("sync")
        applied.run("sync", "--due", "--at", "2031-02-03T00:30")

    def test_what_failed_or_was_blocked_weighs_more(self, applied: Shop, sandbox: Sandbox) -> None:
        applied.activation("new", schedule={"every": "1h"})
        applied.people([])
        applied.run("sync", code=4)
        sandbox.fault("403", path="audience-segments/search", times=None)
        assert "new  skipped" in applied.run("sync", "--due", "--at", "2031-02-03T00:30", code=1).out


class TestAnOrphanThatKeepsPeople:
    @pytest.fixture
    def orphaned(self, applied: Shop) -> Shop:
        applied.remove("activations/lapsed.yaml")
        return applied

    def test_is_something_to_do_for_a_plan(self, orphaned: Shop) -> None:
        orphaned.run("plan")
        orphaned.run("plan", "--detailed-exitcode", code=2)
        orphaned.apply("--prune")
        orphaned.run("plan", "--detailed-exitcode")

    @pytest.mark.parametrize("due", [(), ("--due",)])
    def test_is_named_by_every_sync(self, orphaned: Shop, due: tuple[str, ...]) -> None:
        said = "lapsed  orphaned  audience "
        (line,) = [line for line in orphaned.run("sync", *due).out.splitlines() if said in line]
        assert "keeps 3 email and no activation declares it any more" in line
        (orphan,) = orphaned.run("sync", *due, "--format", "json").json["orphans"]
        assert (orphan["activation"], orphan["members"]) == ("lapsed", {"email": 3})
        assert said not in orphaned.run("sync", *due, "--select", "loyal").out

    def test_is_not_named_when_nobody_is_in_it(self, orphaned: Shop) -> None:
        orphaned.activation("lapsed")
        orphaned.people([])
        orphaned.apply("--allow-removals", "loyal", "--allow-removals", "lapsed")
        orphaned.remove("activations/lapsed.yaml")
        assert "orphaned" not in orphaned.run("sync").out
