"""People are erased: out of every audience and every file of the state, with a receipt that tells nobody who it was."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from tests.end_to_end.shop import Person, Shop, hashes, mail, sha
from tests.sandbox_client import Sandbox

ROOT = Path(__file__).parents[2]
ONE, TWO = mail(1)[0].email, mail(2)[0].email
UUID = "6d92078a-8246-4ba4-ae5b-76104861e7dc"


def audience(sandbox: Sandbox, name: str = "Loyal") -> set[str]:
    return sandbox.members(sandbox.segment(name).id, "email")


def ask(shop: Shop, *lines: str) -> str:
    shop.write("erase.txt", "".join(f"{line}\n" for line in lines))
    return "erase.txt"


def traces(shop: Shop, *emails: str) -> list[str]:
    """The files of the state in which the hash of somebody is, as bytes or as text."""
    needles = [needle for one in emails for needle in (bytes.fromhex(sha(one)), sha(one).encode(), one.encode())]
    return [
        path.relative_to(shop.folder).as_posix()
        for path in shop.state_files()
        if any(needle in path.read_bytes() for needle in needles)
    ]


@pytest.fixture
def full(shop: Shop) -> Shop:
    """Two audiences with people, one of them an orphan, and a source that has forgotten number 1 since."""
    shop.people(mail(1, 2, 3))
    shop.activation("loyal")
    shop.activation("second", sql="select email from shop.people where kind <> 'canary' and email < 'person-3'")
    shop.apply()
    shop.remove("activations/second.yaml")
    shop.people(mail(2, 3))
    assert traces(shop, ONE)
    return shop


def test_they_leave_every_audience_orphans_too_and_the_state(full: Shop, sandbox: Sandbox) -> None:
    done = full.run("forget", ask(full, ONE), "--yes", "--receipt", "receipt.json")
    assert audience(sandbox) == hashes(2, 3)
    assert audience(sandbox, "Second") == hashes(2)
    assert traces(full, ONE) == []
    assert "loyal: removed 1 email" in done.out
    assert "second: removed 1 email" in done.out
    assert "Erased: no audience and no file of the state holds any of them.\n" in done.out
    assert "In none of 2 audiences." in full.run("why", ONE).out
    receipt = json.loads((full.folder / "receipt.json").read_text())
    assert {one["activation"]: one["removed"] for one in receipt["audiences"]} == {
        "loyal": {"email": 1},
        "second": {"email": 1},
    }
    assert receipt["erased"] is True
    assert ONE not in json.dumps(receipt)
    assert sha(ONE) not in json.dumps(receipt)


@pytest.mark.parametrize("how", ["sha", "header", "type", "md5"])
def test_they_may_be_given_hashed_or_by_type(shop: Shop, sandbox: Sandbox, how: str) -> None:
    md5 = hashlib.md5(ONE.encode()).hexdigest()
    shop.people([Person(md5 if how == "md5" else ONE, UUID), *mail(2)])
    shop.activation(mapping={"mobile_ad_id": "idfa"})
    shop.apply()
    shop.people(mail(2))
    lines = {
        "sha": [sha(ONE), UUID.upper()],
        "header": ["email;mobile_ad_id", f"{ONE.upper()};{UUID}", ";"],
        "type": [UUID],
        "md5": [ONE],
    }[how]
    options = ["--type", "mobile_ad_id"] if how == "type" else []
    shop.run("forget", ask(shop, *lines), "--yes", *options)
    left = sandbox.members(sandbox.segment("Loyal").id, "madid")
    assert left == (set() if how != "md5" else {UUID})
    assert audience(sandbox) == (hashes(1, 2) if how == "type" else hashes(2))


def test_segments_that_still_yield_them_are_named_and_they_are_removed_all_the_same(
    full: Shop, sandbox: Sandbox
) -> None:
    done = full.run("forget", ask(full, TWO), "--yes", code=1)
    assert "! the segment of loyal still yields them: the next sync adds them again" in done.out
    assert audience(sandbox) == hashes(1, 3)
    assert traces(full, TWO) == []
    assert "Erased, but not for long." in done.out
    full.run("sync", "--select", "loyal")
    assert audience(sandbox) == hashes(2, 3)

    # Of the receipt it is said that they came back, wherever somebody looks, until they are erased for good.
    listed = full.run("forget", "--receipts").out
    assert "! erased, but not for long" in listed
    assert "still yielded by the segments of loyal" in listed
    assert "-> remove them at the source" in listed
    status = full.run("status")
    assert "! receipt 1" in status.out
    assert "`headcount forget FILE --finishes 1` with the same people" in status.out
    assert "All is fine" not in status.out
    assert full.run("status", "--format", "json").json["open_receipts"][0]["fate"] == "erased, but not for long"
    checks = full.run("doctor", "--format", "json", code=None).json["checks"]
    assert [one["message"][:24] for one in checks if one["topic"] == "receipt"] == ["erased, but not for long"]

    full.people(mail(3))
    assert "there is no receipt 7" in full.run("forget", "erase.txt", "--yes", "--finishes", "7", code=64).err
    full.write("phone.txt", "+33612345678\n")
    assert "of which the file has none" in full.run("forget", "phone.txt", "--yes", "--finishes", "1", code=64).err
    full.write("hash.txt", f"{sha(TWO)}\n")
    fewer = full.run("forget", "hash.txt", "--yes", "--finishes", "1", code=64)
    assert "receipt 1 asks for 2 email, of which the file has 1; nobody was erased" in fewer.err
    full.run("forget", "erase.txt", "--yes", "--finishes", "1")
    assert "receipt" not in full.run("status").out
    assert "erased, but not for long, until receipt 2: erased by that one" in full.run("forget", "--receipts").out
    receipts = full.run("forget", "--receipts", "--format", "json").json
    Draft7Validator(json.loads((ROOT / "schemas/receipts.schema.json").read_text())).validate(receipts)
    assert [(one["fate"], one["ended_by"]) for one in receipts["receipts"]] == [
        ("erased, but not for long", 2),
        ("erased", None),
    ]


@pytest.mark.slow
def test_a_suppression_that_names_them_goes_on_keeping_them_out(full: Shop, sandbox: Sandbox) -> None:
    never = {"sql": "select email from shop.people where kind = 'never'", "mapping": {"email": "email"}}
    full.write("activations/never.yaml", json.dumps({"kind": "Suppression", "name": "no-consent", **never}))
    full.people([*mail(2, 3), Person(ONE, kind="never"), Person(ONE)])
    full.apply()
    assert audience(sandbox) == hashes(2, 3)

    done = full.run("forget", ask(full, ONE), "--yes")
    assert "the segment of loyal: kept out by no-consent" in done.out
    assert "no file of the state holds any of them, but the suppressions that keep them out." in done.out
    assert "suppression no-consent goes on naming 1 of them, so that they stay out" in done.out
    assert [path.split("/")[0:2] for path in traces(full, ONE)] == [[".headcount", "suppressions"]]
    full.run("sync")
    assert audience(sandbox) == hashes(2, 3)
    out = full.run("why", ONE).out
    assert "In none of 2 audiences." in out
    assert "email suppressed by no-consent since run 2" in out

    # Gone from the suppression as well, they are forgotten there.
    full.people(mail(2, 3))
    full.run("forget", ask(full, ONE), "--yes")
    assert traces(full, ONE) == []
    full.run("sync")


def test_the_next_run_has_nothing_to_do_and_sees_no_drift(full: Shop) -> None:
    full.run("forget", ask(full, ONE), "--yes")
    assert "Plan: 1 orphaned, 1 unchanged." in full.run("plan").out
    assert "suspected drift" not in full.run("status", "--live", "--fail-drift").out
    history = full.run("history", "--format", "json").json["runs"][0]
    assert history["command"] == "forget"
    assert {one["activation"]: (one["action"], one["removed"]) for one in history["activations"]} == {
        "loyal": ("forget", 1),
        "second": ("forget", 1),
    }
    lines = full.run("history").out.splitlines()
    assert "    - loyal   erased 1 identifier, 2 left" in lines
    details = full.run("history", "--run", str(history["id"])).out
    assert "    receipt     1: erased; `headcount forget --receipts` says more\n" in details
    assert "- loyal  erased 1 identifier, 2 left\n" in details


def test_what_is_due_does_not_count_an_erasure_as_a_run(shop: Shop) -> None:
    shop.activation(schedule={"every": "1h"})
    shop.apply()
    before = shop.run("status", "--format", "json").json["activations"][0]
    shop.people(mail(2, 3))
    shop.run("forget", ask(shop, ONE), "--yes")
    after = shop.run("status", "--format", "json").json["activations"][0]
    assert (after["last_good"], after["next_due"]) == (before["last_good"], before["next_due"])


def test_an_audience_whose_members_are_not_known_has_them_removed_all_the_same(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation()
    shop.apply()
    found = sandbox.segment("Loyal").id
    shutil.rmtree(shop.folder / ".headcount")
    shop.run("import", "loyal", found)
    shop.people(mail(2, 3))
    done = shop.run("forget", ask(shop, ONE), "--yes")
    assert "what it holds is not known" in done.out
    assert audience(sandbox) == hashes(2, 3)
    assert "In none of" in shop.run("why", ONE, code=1).out


def test_who_is_nowhere_is_said_so_with_a_receipt(full: Shop) -> None:
    done = full.run("forget", ask(full, "nobody@shop.example"), "--yes")
    assert "They are in no audience." in done.out
    assert "Receipt 1 of run 2" in done.out
    assert "looked for 2 email (an address in clear counts twice" in full.run("forget", "--receipts").out
    assert full.run("forget", "--receipts", "--format", "json").json["receipts"][0]["audiences"] == []


def test_what_is_wrong_with_the_file_is_said_before_anything_and_without_a_value(shop: Shop) -> None:
    for lines, said in [
        (["ana@x"], "no identifier of its type in line 1"),
        ([ONE, "12345678"], "does not show in line 2"),
        (["email,mobile_ad_id", f"{ONE},{UUID},x"], "erase.txt:2: 3 fields, the header has 2"),
        (["", " "], "there is no identifier in it"),
    ]:
        found = shop.run("forget", ask(shop, *lines), "--yes", code=64)
        assert said in found.err
        assert not any(line.strip() and line in found.err for line in lines)
    assert "no file that can be read: No such file" in shop.run("forget", "nowhere.txt", "--yes", code=64).err
    assert ONE not in shop.run("forget", ONE, "--yes", code=64).err
    assert "add --yes" in shop.run("forget", ask(shop, ONE), code=64).err
    assert not (shop.folder / ".headcount").exists()


def test_an_audience_of_an_account_without_a_destination_is_named(full: Shop) -> None:
    shop_file = full.folder / "activations" / "shop.yaml"
    shop_file.write_text(shop_file.read_text().replace('"12345"', '"67890"'))
    done = full.run("forget", ask(full, ONE), "--yes", code=1)
    assert "no destination of the files uses its account: declare one" in done.out
    assert "Not erased everywhere" in done.out
    assert traces(full, ONE)
    assert "x receipt 1  not erased everywhere" in full.run("status").out
    assert "! not erased everywhere" in full.run("forget", "--receipts").out


@pytest.mark.slow
def test_identifiers_come_from_standard_input_too(full: Shop, sandbox: Sandbox) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runner", "forget", "-", "--yes", "--format", "json"],
        cwd=full.folder,
        env=full.environment,
        input=f"{ONE}\n{sha(ONE)}\n",
        capture_output=True,
        text=True,
        check=True,
    )
    receipt = json.loads(done.stdout)
    Draft7Validator(json.loads((ROOT / "schemas/receipt.schema.json").read_text())).validate(receipt)
    assert audience(sandbox) == hashes(2, 3)
    assert ONE not in done.stdout + done.stderr
    asked = subprocess.run(
        [sys.executable, "-m", "runner", "why", "-", "--format", "json"],
        cwd=full.folder,
        env=full.environment,
        input=f"{TWO}\n",
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(asked.stdout)
    Draft7Validator(json.loads((ROOT / "schemas/why.schema.json").read_text())).validate(answer)
    assert [one["activation"] for one in answer["audiences"]] == ["loyal", "second"]
    receipts = full.run("forget", "--receipts", "--format", "json").json
    Draft7Validator(json.loads((ROOT / "schemas/receipts.schema.json").read_text())).validate(receipts)


@pytest.mark.slow
def test_a_suppression_forgets_whom_it_names_no_more_though_it_names_others_who_are_asked_about(full: Shop) -> None:
    never = {"sql": "select email from shop.people where kind = 'never'", "mapping": {"email": "email"}}
    full.write("activations/never.yaml", json.dumps({"kind": "Suppression", "name": "no-consent", **never}))
    full.people([*mail(2, 3), Person(ONE, kind="never")])
    full.apply()
    full.people([*mail(3), Person(TWO, kind="never")])
    done = full.run("forget", ask(full, ONE, TWO), "--yes", code=None)
    assert traces(full, ONE, TWO) == []
    assert "goes on naming" not in done.out
