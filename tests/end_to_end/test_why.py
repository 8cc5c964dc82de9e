"""A person asks, or somebody asks about one: `headcount why` answers from the state, and never repeats the value."""

from __future__ import annotations

import hashlib
import json
import re
import shutil

import pytest

from tests.end_to_end.shop import CANARY, Person, Shop, mail, sha

ASKED = "person-2@shop.example"
MD5 = hashlib.md5(ASKED.encode()).hexdigest()
UUID = "6d92078a-8246-4ba4-ae5b-76104861e7dc"


@pytest.fixture
def answering(shop: Shop) -> Shop:
    """Two audiences, of which run 1 filled the one and run 2 the other, a suppression and a holdout."""
    shop.people([*mail(1, 2, 3), Person(mail(4)[0].email, UUID), Person(mail(9)[0].email, kind="never")])
    shop.activation("loyal", mapping={"mobile_ad_id": "idfa"})
    never = {"sql": "select email from shop.people where kind = 'never'", "mapping": {"email": "email"}}
    shop.write("activations/never.yaml", json.dumps({"kind": "Suppression", "name": "no-consent", **never}))
    shop.apply()
    shop.activation("second", sql="select email, idfa from shop.people where email like 'person-2%'")
    shop.apply()
    return shop


def test_it_says_which_audiences_since_which_run_and_by_which_query(answering: Shop) -> None:
    value = ASKED
    found = answering.run("why", value, "--format", "json").json
    assert {one["activation"]: [each["run"] for each in one["found"]] for one in found["audiences"]} == {
        "loyal": [1],
        "second": [2],
    }
    definitions = {one["activation"]: one["definitions"] for one in found["audiences"]}
    assert [[each["run"] for each in definitions[name]] for name in ("loyal", "second")] == [[1], [2]]
    assert "where email like 'person-2%'" in definitions["second"][0]["query"]
    assert [run["id"] for run in found["runs"]] == [1, 2]
    out = answering.run("why", value).out
    assert "In 2 of 2 audiences:" in out
    assert "email since run 1, 20" in out
    assert re.search(r"applied by run 2, 20.*:  apply, by ", out)
    assert "approved not known, as the files were in no git" in out
    assert "plan " in out
    assert value.strip().lower() not in out.lower()


def test_any_spelling_and_its_hash_find_the_same_and_none_is_repeated(answering: Shop) -> None:
    first = answering.run("why", ASKED).out
    for value in (f"  {ASKED.upper()} ", sha(ASKED), sha(ASKED).upper()):
        out = answering.run("why", value).out
        assert out.splitlines()[1:3] == first.splitlines()[1:3]
        assert value.strip().lower() not in out.lower()


def test_the_query_is_that_of_then_whatever_was_applied_since(answering: Shop) -> None:
    answering.activation("second", sql="select email, idfa from shop.people where kind = 'all' /* since */ and true")
    answering.apply()
    [old] = answering.run("why", ASKED, "--format", "json").json["audiences"][1]["definitions"]
    assert (old["run"], old["of_then"]) == (2, True)
    assert "like 'person-2%'" in old["query"]
    [new] = answering.run("why", mail(1)[0].email, "--format", "json").json["audiences"][1]["definitions"]
    assert new["run"] == 3
    assert "kind = 'all'" in new["query"]
    assert "applied by run 2, 20" in answering.run("why", ASKED).out


@pytest.mark.slow
def test_a_query_with_a_day_in_it_is_shown_as_it_was_on_the_day_of_the_run(shop: Shop) -> None:
    sql = "select email from shop.people where date '{{ today }}' > date '{{ today.year - 1 }}-10-01'"
    shop.activation(sql=sql)
    shop.apply("--today", "2017-10-01")
    shop.run("sync", "--today", "2017-11-05")
    out = shop.run("why", ASKED).out
    assert "    query, as it was on 2017-10-01:\n" in out
    assert "where date '2017-10-01' > date '2016-10-01'" in out
    [definition] = shop.run("why", ASKED, "--format", "json").json["audiences"][0]["definitions"]
    assert (definition["day"], "'2016-10-01'" in definition["query"]) == ("2017-10-01", True)
    assert "    today       2017-10-01: what {{ today }} meant\n" in shop.run("history", "--run", "1").out
    shop.activation(sql=f"{sql} and true")
    out = shop.run("why", ASKED).out
    assert "query (as it would be on 2000-01-01; {{ today }} was 2017-10-01, and the files have changed since):" in out
    assert "where date '2000-01-01' > date '1999-10-01'" in out
    shop.write("activations/loyal.yaml", "kind: [")
    assert "{{ today }} was 2017-10-01, and the files" in shop.run("why", ASKED).out


def test_every_identifier_of_a_person_finds_them(answering: Shop) -> None:
    assert "mobile_ad_id since run 1" in answering.run("why", UUID.upper()).out
    assert "mobile_ad_id since run 1" in answering.run("why", UUID, "--type", "mobile_ad_id").out
    assert "In none of 2 audiences." in answering.run("why", UUID, "--type", "gum_id").out


def test_an_address_is_found_where_the_segment_gave_its_md5(shop: Shop) -> None:
    shop.people([Person(MD5)])
    shop.activation()
    shop.apply()
    for value in (ASKED, MD5):
        assert "In 1 of 1 audience:" in shop.run("why", value).out
    # A SHA-256 says nothing of the MD5 of the same address.
    assert "In none of 1 audience." in shop.run("why", sha(ASKED)).out


def test_it_says_who_keeps_a_person_out_and_since_when(answering: Shop) -> None:
    out = answering.run("why", mail(9)[0].email).out
    assert "In none of 2 audiences." in out
    assert "email suppressed by no-consent since run 1, 20" in out
    withdrawn = [Person(email, kind="never") for email in (mail(9)[0].email, ASKED)]
    answering.people([*mail(1, 3), Person(mail(4)[0].email, UUID), *withdrawn])
    answering.run("sync")
    out = answering.run("why", ASKED).out
    assert "In none of 2 audiences." in out
    assert "email suppressed by no-consent since run 3, 20" in out
    assert "email suppressed by no-consent since run 1, 20" in answering.run("why", mail(9)[0].email).out


@pytest.mark.slow
def test_with_segments_it_says_what_each_yields_now(answering: Shop) -> None:
    answering.activation("held", holdout={"share": "99.999999%", "by": "email", "name": "all"})
    answering.people([*mail(1, 2), Person(mail(1)[0].email, kind="never")])

    def segments(value: str) -> dict[str, str]:
        document = answering.run("why", value, "--evaluate", "--format", "json").json
        return {one["activation"]: one["found"] for one in document["segments"]}

    assert segments(ASKED) == {"held": "held out", "loyal": "in the segment", "second": "in the segment"}
    assert segments(mail(1)[0].email) == {"held": "held out", "loyal": "suppressed", "second": "not in the segment"}
    assert segments(mail(7)[0].email) == dict.fromkeys(("held", "loyal", "second"), "not in the segment")
    out = answering.run("why", mail(1)[0].email, "--evaluate").out
    assert "  loyal: suppressed by no-consent\n" in out
    answering.activation("broken", sql="select email, 1/nothing from shop.people")
    failed = answering.run("why", ASKED, "--evaluate", "--format", "json", code=1).json
    assert failed["segments"][0]["found"] == "failed"


def test_it_says_what_it_cannot_know(answering: Shop) -> None:
    shutil.rmtree(answering.folder / ".headcount/members/second")
    found = answering.run("why", ASKED, code=1)
    assert "In 1 of 1 audience:" in found.out
    assert "not known of the audience of second: " in found.out


def test_it_changes_nothing_and_asks_only_at_a_terminal(answering: Shop) -> None:
    before = {path: path.read_bytes() for path in answering.state_files() if path.suffix == ".parquet"}
    assert "no terminal to ask" in answering.run("why", code=64).err
    found = answering.start("why", "-")
    out, _ = found.communicate()  # nothing on standard input
    assert found.returncode == 64, out
    assert {path: path.read_bytes() for path in answering.state_files() if path.suffix == ".parquet"} == before


def test_what_is_no_identifier_is_said_without_the_value(shop: Shop) -> None:
    for value in ("", "  ", "ana@", f"{CANARY}@", f"{CANARY} x@y"):
        result = shop.run("why", value, code=64)
        assert "is no identifier" in result.err
        assert CANARY not in result.err + result.out


def test_before_the_first_run_there_is_nothing_to_find(shop: Shop) -> None:
    assert "There is no audience." in shop.run("why", ASKED).out
    assert not (shop.folder / ".headcount").exists()
