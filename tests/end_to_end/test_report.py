"""`headcount report`: the pages say what `status` and `history` say, answer what people ask, and show nobody."""

from __future__ import annotations

import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from runner.core.errors import HeadcountError
from tests.end_to_end.shop import Person, Shop, mail, minutes_pass
from tests.end_to_end.test_serve import serving
from tests.html_pages import Element, parsed

DAY = 24 * 60.0


def plots() -> None:
    """Skip, aloud, where the extra that draws is not installed."""
    for package in ("altair", "vl_convert"):
        pytest.importorskip(package, reason="plots need the extra [report]", exc_type=ImportError)


def page(shop: Shop, name: str = "index.html") -> Element:
    text = (shop.folder / "site" / name).read_text(encoding="utf-8")
    shop.outputs.append(text)
    return parsed(text)


NEVER = "suppressions/no-consent.html"
SUPPRESSION = """\
kind: Suppression
name: no-consent
reason: withdrew consent
sql: select email from shop.people where kind = 'no'
mapping: {email: email}
"""


@pytest.fixture
def month(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop after four days: it grew, shrank by another SQL, lost people to a suppression, and something broke."""
    plots()
    shop.git("init", "-q")
    shop.write("activations/never.yaml", SUPPRESSION)
    shop.activation("loyal", name='Loyal <b>&</b> "dear"', owner="crm team", freshness="2d")
    shop.activation("everybody", name="Everybody", sql="select email, idfa from shop.people where kind = 'all'")
    days: tuple[tuple[list[Person], str], ...] = (
        (mail(*range(40)), ""),
        ([*mail(*range(50)), Person("malformed"), Person("malformed, too")], ""),
        (mail(*range(50)), "select email from shop.people where kind = 'all' and length(email) = 22"),
        ([*mail(*range(45)), *(Person(one.email, kind="no") for one in mail(11, 12, 13))], ""),
    )
    for number, (people, sql) in enumerate(days):
        minutes_pass(monkeypatch, number * DAY)
        shop.people(people)
        if sql:
            shop.activation("loyal", name='Loyal <b>&</b> "dear"', owner="crm team", freshness="2d", sql=sql)
        shop.git("add", "-A")
        shop.git("commit", "-qm", f"day {number}")
        shop.apply("--allow-removals", "*")
    shop.activation("broken", sql="select email from shop.nobody")
    shop.apply(code=1)
    return shop


@pytest.mark.slow
def test_the_pages_say_what_status_and_history_say_and_answer_what_people_ask(month: Shop) -> None:
    printed = month.run("report", "--out", "site").out
    assert printed.startswith("site/index.html: 5 pages, ")
    assert {path.name for path in (month.folder / "site" / "audiences").iterdir()} == {
        "broken.html",
        "everybody.html",
        "loyal.html",
    }
    _agrees_with_status(month)
    _agrees_with_history(month)
    _answers_five_questions(month)
    _suppression_has_its_page(month)
    _shows_nobody(month)


def _agrees_with_status(shop: Shop) -> None:
    status = shop.run("status", "--format", "json").json
    index = page(shop)
    rows = {row[0].rpartition(" ")[2]: row for row in index.rows("Entered and left")}
    assert set(rows) == {one["activation"] for one in status["activations"]}
    for one in status["activations"]:
        held = sum(one["members"].values())
        assert rows[one["activation"]][1] == (f"{held:,}" if one["audience_id"] else "–")
        own = page(shop, f"audiences/{one['activation']}.html")
        if one["audience_id"]:
            assert own.answers["How big is it?"].startswith(f"{held:,} identifiers")
            assert [row[1] for row in own.rows("As it was on") if row[0] == "Sent, and held now"] == [f"{held:,}"]
    (suppression,) = status["suppressions"]
    (row,) = index.rows("People who may never be sent")
    assert row[:4] == ["no-consent withdrew consent", f"{sum(suppression['members'].values()):,}", "+3", "–"]
    broken = index.all("div")
    first = next(one for one in broken if one.attributes.get("class") == "trouble")
    assert "broken" in first.text
    assert 'there is no table "shop.nobody"' in first.text


def _agrees_with_history(shop: Shop) -> None:
    history = shop.run("history", "--limit", "100", "--format", "json").json["runs"]
    for activation in ("loyal", "everybody"):
        done: list[tuple[dict[str, Any], dict[str, Any]]] = [
            (run, part) for run in history for part in run["activations"] if part["activation"] == activation
        ]
        own = page(shop, f"audiences/{activation}.html")
        rows = own.rows("Runs that changed something")
        assert [row[2:4] for row in rows] == [
            [f"+{part['added']:,}" if part["added"] else "–", f"−{part['removed']:,}" if part["removed"] else "–"]
            for _, part in done
        ]
        assert [row[5].split()[0] for row in rows] == [run["commit"][:12] for run, _ in done]
        assert all(f"run {run['id']}, {run['command']}" in row[0] for (run, _), row in zip(done, rows, strict=True))
        sizes = own.rows("The newest first.")
        by_day: dict[str, list[int]] = {}
        for run, part in reversed(done):
            sums = by_day.setdefault(run["started_at"][:10], [0, 0, 0])
            sums[0], sums[1:] = part["members"], [sums[1] + part["added"], sums[2] + part["removed"]]
        shown = {day: (size, entered, left) for day, size, entered, left in sizes}
        for day, (size, added, removed) in by_day.items():
            assert shown[day] == (f"{size:,}", f"+{added:,}" if added else "–", f"−{removed:,}" if removed else "–")


def _answers_five_questions(shop: Shop) -> None:
    commit = shop.git("rev-parse", "HEAD~1").strip()[:12]
    answers = page(shop, "audiences/loyal.html").answers
    assert answers["Who owns it?"].startswith("crm team")
    assert answers["Is it fresh?"] == "Brought up to date just now It may be 2 days old."
    assert answers["Why did it shrink?"].startswith("10 left on ")
    assert f"The segment’s SQL changed in commit {commit}" in answers["Why did it shrink?"]
    assert re.match(r"\d+% \d+ of the \d+ identifiers", answers["What share is matched?"])
    other = page(shop, "audiences/everybody.html").answers
    assert "3 more rows are suppressed by no-consent (withdrew consent)" in other["Why did it shrink?"]
    assert other["Who owns it?"].startswith("No owner is named")
    assert page(shop, "audiences/broken.html").answers["How big is it?"].startswith("It does not exist yet")


def _suppression_has_its_page(shop: Shop) -> None:
    assert NEVER in page(shop).links
    own = page(shop, NEVER)
    answers = own.answers
    assert answers["How many does it name?"] == "3 identifiers In the last 7 days 3 entered and 0 left."
    assert answers["Is it in effect?"].startswith("Yes Applied 3 d ago.")
    assert answers["Is it up to date?"].startswith("Looked at just now By its own schedule: every 1h.")
    assert answers["Why are people in it?"] == "withdrew consent Declared in activations/never.yaml."
    assert answers["Where does it apply?"] == "In 3 audiences It is for every account."
    assert [row[1:] for row in own.rows("The newest first.")] == [
        ["3", "+3", "–"],
        *[["0", "–", "–"]] * 3,
    ]
    rows = {row[0].split()[-3].rstrip(","): row[1:] for row in own.rows("Rows that suppressions kept out")}
    assert rows["everybody"] == ["3", "45", "42"]
    assert rows["broken"] == ["–", "–", "–"]
    runs = own.rows("Runs that changed something")
    assert [row[2:4] for row in runs] == [["+3", "–"], ["–", "–"]]
    assert "3 entered, 0 left; " in runs[0][1]
    for name in ("loyal", "everybody", "broken"):
        assert f"../audiences/{name}.html" in own.links
        assert f"../{NEVER}" in page(shop, f"audiences/{name}.html").links
        (row,) = page(shop, f"audiences/{name}.html").rows("Whom one of these names")
        assert row == ["no-consent withdrew consent", "3", "yes"]


@pytest.mark.slow
def test_a_page_says_of_which_run_its_numbers_are(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    plots()
    shop.people(mail(*range(40)))
    shop.activation("loyal", guardrails={"max_removed": "10%"})
    shop.apply()
    minutes_pass(monkeypatch, DAY)
    shop.people(mail(*range(30)))
    shop.run("sync", code=4)
    shop.run("report", "--out", "site")
    blocked = page(shop, "audiences/loyal.html")
    assert blocked.answers["Is it fresh?"].startswith("Last brought up to date 1 d ago By the run of ")
    assert ", was stopped by a guardrail." in blocked.answers["Is it fresh?"]
    steps = {row[0]: row[1] for row in blocked.rows("Down to identifiers: what the segment yielded")}
    assert (steps["People"], steps["Sent, and held now"]) == ("30", "40")
    assert "What to do: " in blocked.text
    assert "the last run was stopped by a guardrail" in page(shop).rows("Entered and left")[0][4]

    shop.remove("data/people.csv")
    shop.run("sync", code=1)
    shop.run("report", "--out", "site")
    assert "failed; no run has gone well since " in page(shop, "audiences/loyal.html").text


def _shows_nobody(shop: Shop) -> None:
    for path in (shop.folder / "site").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "@shop.example" not in text
        assert "<b>" not in text
        assert "<script" not in text
        assert "javascript:" not in text
        outside = set(re.findall(r"https?://[^\"'<> ]+", text)) - {"http://www.w3.org/2000/svg"}
        assert {one for one in outside if not one.startswith("http://www.w3.org/")} == set()
        assert not re.search(r"\b[0-9a-f]{64}\b", text)
        assert parsed(text).first("html").attributes["lang"] == "en"


def test_a_folder_that_holds_anything_but_a_report_is_left_alone(shop: Shop) -> None:
    (shop.folder / "mine").mkdir()
    (shop.folder / "mine" / "notes.txt").write_text("mine")
    refused = shop.run("report", "--out", "mine", code=64)
    assert refused.err == (
        "error: --out mine holds other things than a report\n"
        "  -> name a new folder; only an earlier report is replaced\n"
    )
    assert [path.name for path in (shop.folder / "mine").iterdir()] == ["notes.txt"]
    (shop.folder / "index").mkdir()
    (shop.folder / "index" / "index.html").write_text("<html>mine</html>")
    assert "holds other things" in shop.run("report", "--out", "index", code=64).err
    assert "is no folder" in shop.run("report", "--out", "data/people.csv", code=64).err
    (shop.folder / "link").symlink_to(shop.folder / "mine")
    assert "is no folder" in shop.run("report", "--out", "link", code=64).err
    assert "there is no folder" in shop.run("report", "--out", "not/there", code=64).err


@pytest.mark.slow
def test_a_second_report_replaces_the_first_whole(shop: Shop) -> None:
    plots()
    shop.activation("old")
    shop.run("report", "--out", "site")
    shop.remove("activations/old.yaml")
    shop.activation("new")
    shop.run("report", "--out", "site", "--no-overlap")
    names = {path.relative_to(shop.folder / "site").as_posix() for path in (shop.folder / "site").rglob("*.html")}
    assert names == {"index.html", "audiences/new.html"}
    leftovers = [path.name for path in shop.folder.iterdir() if path.name.startswith(".site")]
    assert leftovers == []
    assert not (shop.folder / ".headcount").exists(), "a report makes no state"


def test_what_is_missing_to_draw_is_said_before_anything_is_read(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    refused = shop.run("report", "--out", "site", code=1)
    assert "report needs the package altair, which is not installed" in refused.err
    assert "pip install 'PATH[report]'" in refused.err
    assert not Path(shop.folder / "site").exists()


@pytest.mark.slow
def test_serve_shows_the_same_pages_and_lets_no_website_frame_them(shop: Shop) -> None:
    plots()
    shop.activation("loyal", schedule={"every": "1h"})
    shop.write("activations/never.yaml", SUPPRESSION)
    shop.apply()
    shop.run("report", "--out", "site")
    with serving(shop) as served:
        url = served.until(r"the report at (\S+)")
        with urllib.request.urlopen(url, timeout=60) as answer:
            index = answer.read().decode()
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        own = served.get("/audiences/loyal.html")
        never = served.get("/suppressions/no-consent.html")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            served.get("/audiences/..%2f..%2fetc%2fpasswd")
    for shown, name in ((index, "index.html"), (own, "audiences/loyal.html"), (never, NEVER)):
        written = (shop.folder / "site" / name).read_text(encoding="utf-8")
        assert parsed(shown).first("main").text == parsed(written).first("main").text


def test_serve_without_what_draws_says_what_to_install(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from runner.cli.served_report import made_report
    from runner.cli.wiring import Setup

    monkeypatch.setitem(sys.modules, "vl_convert", None)
    monkeypatch.setitem(sys.modules, "altair", type(sys)("altair"))
    with pytest.raises(HeadcountError, match="needs the package vl_convert"):
        made_report(Setup.of(shop.folder / "activations"), None)


@pytest.mark.slow
def test_an_audience_that_no_file_declares_any_more_keeps_its_page_and_its_past(shop: Shop) -> None:
    plots()
    shop.people(mail(*range(20)))
    shop.activation("loyal")
    shop.apply()
    shop.people(mail(*range(25)))
    shop.apply()
    shop.remove("activations/loyal.yaml")
    shop.activation("other", name="Other")
    shop.run("report", "--out", "site")
    index = page(shop)
    assert "No activation declares it any more" in next(
        one.text for one in index.all("div") if one.attributes.get("class") == "trouble" and "loyal" in one.text
    )
    own = page(shop, "audiences/loyal.html")
    assert own.answers["How big is it?"].startswith("25 identifiers In the last 7 days 25 entered")
    assert own.answers["Is it fresh?"].startswith("No: nothing brings it up to date any more")
    assert [row[2] for row in own.rows("Runs that changed something")] == ["+5", "+20"]
