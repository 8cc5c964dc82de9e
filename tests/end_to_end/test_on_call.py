"""What whoever is on call asks, and one command answers: what is broken, since when, why, what to do, is it over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runner.core.local_time import local_time
from tests.end_to_end.shop import Shop, mail
from tests.sandbox_client import Sandbox

BEGAN = datetime(2031, 2, 3, 6, tzinfo=UTC)


def at(hours: int) -> str:
    return (BEGAN + timedelta(hours=hours)).isoformat()


def status(shop: Shop, hours: int) -> list[str]:
    return shop.run("status", "--at", at(hours)).out.splitlines()


def test_a_source_that_is_gone_and_comes_back(shop: Shop) -> None:
    shop.activation("lapsed")
    shop.activation("loyal")
    shop.apply()
    people = shop.folder / "data/people.csv"
    kept = people.read_text()
    people.unlink()
    for hours in (0, 1):
        shop.run("sync", "--at", at(hours), code=1)
    assert status(shop, 3) == [
        f"x lapsed  failed since {local_time(BEGAN)} (3 h ago)",
        f"x loyal   failed since {local_time(BEGAN)} (3 h ago)",
        "    activations/shop.yaml:5:3: source shop.people: there is no file data/people.csv",
        "    -> put it there, or correct the path: it is relative to this YAML file",
        "    -> then `headcount sync` tries again",
    ]
    people.write_text(kept)
    said = shop.run("sync", "--at", at(4)).out
    assert f"= loyal   unchanged  recovered: it had gone wrong since {local_time(BEGAN)}\n" in said
    assert "recovered" not in shop.run("sync", "--at", at(5)).out
    assert f"= loyal   recovered {local_time(BEGAN + timedelta(hours=4))} (2 h ago)" in status(shop, 6)[1]
    assert status(shop, 6)[-1].startswith("All is fine: 2 audiences, ")
    every = shop.run("status", "--all", "--at", at(6)).out.splitlines()
    assert [line.split()[1] for line in every if line.startswith("= ")] == ["lapsed", "loyal"]
    assert every[-1].startswith("    recovered ")
    assert [line[:11] for line in status(shop, 40)] == ["All is fine"]
    (row, _) = shop.run("status", "--format", "json", "--at", at(6)).json["activations"]
    assert (row["wrong_since"], row["recovered_at"][:19]) == (None, "2031-02-03T10:00:00")


def test_a_blocked_audience_and_an_account_that_refuses(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation("loyal", guardrails={"max_removed": 1})
    shop.apply()
    shop.people(mail(9))
    shop.run("sync", "--at", at(0), code=4)
    assert status(shop, 2)[0] == f"! loyal  blocked since {local_time(BEGAN)} (2 h ago)"
    assert status(shop, 2)[-1].startswith("    -> let it pass once with --allow-removals loyal")
    shop.run("sync", "--at", at(2), code=1, CRITEO_CLIENT_SECRET="wrong")
    first, why, what, then = status(shop, 3)
    before = f"went wrong first {local_time(BEGAN)} (3 h ago), blocked then"
    assert first == f"x loyal  failed since {local_time(BEGAN + timedelta(hours=2))} (60 min ago); {before}"
    (row,) = shop.run("status", "--format", "json").json["activations"]
    assert (row["wrong_since"][11:13], row["outcome_since"][11:13]) == ("06", "08")
    assert before in shop.run("status", "--details", "--at", at(3)).out
    assert "invalid_client" in why
    assert what.startswith("    -> check CRITEO_CLIENT_ID and CRITEO_CLIENT_SECRET")
    assert then == "    -> then `headcount sync` tries again"


def test_an_audience_that_nothing_runs_any_more_is_overdue(shop: Shop) -> None:
    shop.activation("loyal", schedule={"every": "6h"})
    shop.activation("aged", schedule={"every": "6h"}, freshness="30d")
    shop.activation("by-hand")
    shop.apply()
    shop.run("sync", "--at", at(0))
    assert status(shop, 12)[0].startswith("All is fine: 3 audiences")
    assert status(shop, 13)[:2] == [
        f"! loyal  overdue: it was due {local_time(BEGAN + timedelta(hours=6))} (7 h ago), and no run of it has begun"
        " since",
        "    -> see whether anything still runs `headcount sync --due` or `headcount serve`",
    ]
    assert shop.run("status", "--fail-stale", "--at", at(13), code=1).err == "Overdue: loyal.\n"
    assert "\n    overdue: it was due " in shop.run("status", "--details", "--at", at(13)).out
    rows = shop.run("status", "--format", "json", "--at", at(13)).json["activations"]
    since = {row["activation"]: (row["overdue_since"] or "")[:19] for row in rows}
    assert since == {"loyal": "2031-02-03T12:00:00", "aged": "", "by-hand": ""}
    shop.people(mail(9))
    shop.activation("loyal", schedule={"every": "6h"}, guardrails={"max_removed": 1})
    shop.run("sync", "--select", "loyal", "--at", at(14), code=4)
    assert "overdue" not in status(shop, 26)[0]
    assert "; overdue: it was due " in status(shop, 27)[0]


def test_a_changed_definition_that_failed_is_to_be_fixed_before_it_is_applied(shop: Shop) -> None:
    shop.activation("loyal")
    shop.apply()
    shop.activation("loyal", sql="select emial as email from shop.people")
    shop.apply(code=1)
    assert status(shop, 0)[-1] == "    -> then `headcount apply` tries again"
    said = shop.run("sync", code=7).out
    assert "(SQL changed); its last run failed, 20" in said
    assert 'there is no column "emial"; did you mean "email"?): fix that, then run `headcount apply`' in said
    shop.activation("loyal", sql="select email from shop.people where true")
    shop.apply()
    assert "fix that" not in shop.run("sync").out
