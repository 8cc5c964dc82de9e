"""A plan says "SQL changed" only where it did, and shows the lines."""

from __future__ import annotations

import json

import pytest

from tests.end_to_end.shop import Shop

SQL = "select email\nfrom shop.people\nwhere kind <> 'canary' and date '{{ today }}' > date '2020-01-01'"


@pytest.fixture
def applied(shop: Shop) -> Shop:
    shop.activation(sql=SQL)
    shop.apply()
    return shop


def rewritten(shop: Shop, text: str) -> dict[str, object]:
    shop.activation(sql=text)
    return shop.plan()["loyal"]


@pytest.mark.parametrize(
    "text",
    [
        f"-- who buys again\n{SQL}",
        SQL.replace("select", "SELECT").replace("where", "WHERE"),
        SQL.replace("\n", "\n\n   "),
    ],
)
def test_a_comment_white_space_and_the_case_of_keywords_change_nothing(applied: Shop, text: str) -> None:
    assert rewritten(applied, text)["action"] == "unchanged"
    assert "0 skipped" not in applied.run("sync").out
    assert applied.run("status", "--format", "json").json["activations"][0]["condition"] == "applied"


def test_another_table_of_the_source_changes_nothing_and_another_path_of_this_one_does(applied: Shop) -> None:
    source = (applied.folder / "activations/shop.yaml").read_text()
    people = (applied.folder / "data/people.csv").read_text()
    applied.write("data/more.csv", people)
    applied.write("activations/shop.yaml", source.replace("tables:\n", "tables:\n  more: ../data/more.csv\n"))
    assert applied.plan()["loyal"]["action"] == "unchanged"
    applied.write("activations/shop.yaml", source.replace("data/people.csv", "data/more.csv"))
    assert applied.plan()["loyal"]["reasons"] == ["SQL changed"]


def test_the_lines_that_changed_are_shown(applied: Shop) -> None:
    change = rewritten(applied, SQL.replace("<> 'canary'", "= 'all'"))
    assert change["reasons"] == ["SQL changed"]
    assert change["sql_diff"] == [
        " from shop.people",
        "-where kind <> 'canary' and date '2000-01-01' > date '2020-01-01'",
        "+where kind = 'all' and date '2000-01-01' > date '2020-01-01'",
    ]
    shown = applied.run("plan").out
    assert "    | -where kind <> 'canary'" in shown
    assert "    | +where kind = 'all'" in shown
    assert "    | # {{ today }} is shown as 2000-01-01" in shown
    markdown = applied.run("plan", "--format", "markdown").out
    assert "<details><summary>SQL of loyal</summary>" in markdown
    assert "\n+where kind = 'all'" in markdown
    assert "\n# {{ today }} is shown as 2000-01-01\n" in markdown
    applied.apply()
    assert applied.plan()["loyal"]["sql_diff"] == []


def test_lines_that_are_left_out_between_two_changes_are_marked(applied: Shop) -> None:
    numbers = "\n".join(f"  and {number} > 0" for number in range(1, 9))
    applied.activation(sql=f"{SQL}\n{numbers}")
    applied.apply()
    changed = f"{SQL}\n{numbers}".replace("and 1 > 0", "and 10 > 0").replace("and 8 > 0", "and 80 > 0")
    assert rewritten(applied, changed)["sql_diff"] == [
        f" {SQL.splitlines()[-1].replace('{{ today }}', '2000-01-01')}",
        "-  and 1 > 0",
        "+  and 10 > 0",
        "   and 2 > 0",
        "@@ -10,2 +10,2 @@",
        "   and 7 > 0",
        "-  and 8 > 0",
        "+  and 80 > 0",
    ]


def test_a_fence_in_the_sql_does_not_end_the_block(applied: Shop) -> None:
    applied.activation(sql=f"{SQL} and kind <> 'x'\n-- ```\n-- @everybody")
    block = applied.run("plan", "--format", "markdown").out.partition("<summary>SQL of")[2].partition("</details>")[0]
    assert block.count("````") == 2


def test_a_comment_is_adopted_by_the_next_apply_without_sending_anything(applied: Shop) -> None:
    applied.activation(sql=f"-- remark\n{SQL}")
    applied.apply()
    change = rewritten(applied, f"-- remark\n{SQL} and kind <> 'x'")
    assert not any("remark" in line for line in change["sql_diff"] if line[0] in "+-")  # type: ignore[attr-defined]


def test_sql_that_was_recorded_by_its_text_alone_is_compared_by_that(applied: Shop) -> None:
    forget_meanings(applied)
    assert applied.plan()["loyal"]["action"] == "unchanged"
    applied.run("sync")
    changed = rewritten(applied, f"-- remark\n{SQL}")
    assert (changed["reasons"], changed["sql_diff"]) == (["SQL changed"], [])
    applied.activation(sql=SQL)
    applied.apply()
    assert rewritten(applied, f"-- remark\n{SQL}")["action"] == "unchanged"


def forget_meanings(shop: Shop) -> None:
    """Make the recorded definition one of the time before there were meanings."""
    import sqlite3
    from contextlib import closing

    from runner.state.db import checksums

    with closing(sqlite3.connect(shop.folder / ".headcount/state.db")) as connection, connection:
        checksums.register(connection)
        ((text,),) = connection.execute("SELECT definition FROM audience").fetchall()
        old = {key: value for key, value in json.loads(text).items() if key not in ("meaning", "text")}
        connection.execute("UPDATE audience SET definition = ?", (json.dumps(old, sort_keys=True),))
