"""What the state knows is shown also while the files are not valid: on call, that is when it is needed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.end_to_end.shop import Shop, mail

BEGAN = datetime(2031, 2, 3, 6, tzinfo=UTC)

BROKEN = "kind: Activation\nid: loyal\nsegment: {name: Loyal\n"


def at(hours: int) -> str:
    return (BEGAN + timedelta(hours=hours)).isoformat()


@pytest.fixture
def broken(shop: Shop) -> Shop:
    """A shop in which one audience is fine, one is blocked, and the file of one more is broken since."""
    shop.activation("fine", sql="select 'a@shop.example' as email", schedule={"every": "6h"})
    shop.activation("loyal")
    shop.activation("strict", guardrails={"max_removed": 1})
    shop.apply("--today", "2031-02-03")
    shop.people(mail(9))
    shop.run("sync", "--at", at(0), code=4)
    shop.write("activations/loyal.yaml", BROKEN)
    return shop


def test_the_state_is_shown_beside_what_is_wrong_in_the_files(broken: Shop) -> None:
    shown = broken.run("status", "--at", at(2), code=3)
    assert shown.out.startswith("! strict  blocked since 2031-02-03 06:00 UTC (2 h ago)\n")
    assert "\n2 audiences are fine, " in shown.out
    assert "next due: fine in 4 h;  not readable in the files: loyal." in shown.out
    assert shown.err.startswith("activations/loyal.yaml:3:")
    every = broken.run("status", "--all", "--at", at(2), code=3).out
    assert "= loyal  done 2 h ago       due: not known  1 email\n" in every
    assert "loyal  not readable  audience" in broken.run("status", "--details", code=3).out
    document = broken.run("status", "--format", "json", "--at", at(2), code=3).json
    assert [(row["activation"], row["condition"]) for row in document["activations"]] == [
        ("fine", "applied"),
        ("strict", "applied"),
        ("loyal", "not readable"),
    ]
    assert document["findings"][0]["location"]["file"] == "activations/loyal.yaml"
    assert broken.run("status", "--select", "nobody", code=3).out == ""

    timetable = broken.run("schedule", "--at", at(2), "--limit", "1", code=3)
    assert timetable.out == (
        "2031-02-03 12:00 UTC (in 4 h)  fine  every 6h\nNot known while their files are not valid: loyal.\n"
    )
    assert timetable.err.startswith("activations/loyal.yaml:3:")
    document = broken.run("schedule", "--format", "json", "--limit", "1", code=3).json
    assert (document["not_readable"], len(document["findings"])) == (["loyal"], 1)


@pytest.mark.slow
def test_the_report_is_made_beside_what_is_wrong_in_the_files(broken: Shop) -> None:
    for package in ("altair", "vl_convert"):
        pytest.importorskip(package, reason="plots need the extra [report]", exc_type=ImportError)
    assert "pages" in broken.run("report", "--out", "pages", "--at", at(2), code=3).out
    index = (broken.folder / "pages/index.html").read_text()
    assert "The files are not valid" in index
    assert "activations/loyal.yaml:3:" in index
    assert "2 things need somebody’s attention" in index, "the files, and the audience that is blocked"
    page = (broken.folder / "pages/audiences/loyal.html").read_text()
    assert "declares it any more" not in page
    assert "nothing brings it up to date any more" not in page
    assert "Its file is not valid" in page


def test_a_project_document_with_a_finding_leaves_what_the_state_knows(broken: Shop) -> None:
    broken.activation("loyal")
    broken.write("activations/project.yaml", "kind: Project\nhistory: {days: many}\n")
    shown = broken.run("status", "--at", at(2), code=3)
    assert "! strict  blocked since 2031-02-03 06:00 UTC (2 h ago)\n" in shown.out
    assert "not readable in the files: fine, loyal" in shown.out
    assert "many" in shown.err or "days" in shown.err


def test_a_source_with_a_finding_does_not_make_segments_look_changed(broken: Shop) -> None:
    broken.activation("loyal")
    source = broken.folder / "activations/shop.yaml"
    source.write_text(source.read_text().replace("people.csv", "people.csv\n  other: 3", 1))
    shown = broken.run("status", "--at", at(2), code=3).out
    assert "not readable in the files: fine, loyal" in shown
    assert "differ from what was applied" not in shown


def test_where_the_state_is_is_not_guessed(shop: Shop) -> None:
    shop.write("activations/project.yaml", "kind: Project\nstate: ../elsewhere\n")
    shop.activation("loyal")
    shop.apply()
    shop.write("activations/project.yaml", "kind: Project\nstate: ../elsewhere\nhistory: {\n")
    for command in ("history", "status", "why"):
        arguments = [command, "x@shop.example"] if command == "why" else [command]
        shown = shop.run(*arguments, code=3)
        assert (shown.out, shown.err.count("project.yaml:")) == ("", 1), command
    shop.run("history", HEADCOUNT_STATE="elsewhere")


def test_a_suppression_in_effect_stays_one_while_its_file_is_not_valid(shop: Shop) -> None:
    shop.activation("loyal")
    shop.write(
        "activations/never.yaml",
        "kind: Suppression\nname: never\nsql: select 'x@shop.example' as email\nmapping: {email: email}\n",
    )
    shop.apply()
    shop.write("activations/never.yaml", "kind: Suppression\nname: never\nmapping: {\n")
    shown = shop.run("status", code=3).out
    assert "1 audience and 1 suppression are fine" in shown
    assert "no longer declared" not in shown
    (row,) = shop.run("status", "--format", "json", code=3).json["suppressions"]
    assert row["standing"] == "not readable"
