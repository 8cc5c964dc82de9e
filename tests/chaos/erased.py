"""People are erased while others come and go, and runs die in the middle.

Whenever a receipt says that people are erased, nobody of them is in an audience or in a file of the state; and in the
end all who asked for it are.
"""

from __future__ import annotations

import csv
import hashlib
import re
import tempfile
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from tests.chaos import ledger
from tests.chaos.deeds import Stage
from tests.chaos.mishaps import Mishap, some_mishap
from tests.chaos.places import InBucket
from tests.chaos.world import Someone, hashed, members

if TYPE_CHECKING:
    from tests.chaos.history import History

ERASED = "erasure"
FILE = "erase.csv"
DEATHS = (
    ("StateStore.add_receipt", "after", 1),
    ("DuckDBMembershipStore.write_outbox", "after", 3),
    ("StateStore.open_delta", "after", 3),
    ("StateStore.mark_in_flight", "after", 5),
    ("StateStore.mark_taken", "before", 5),
    ("StateStore.close_delta", "before", 3),
    ("StateStore.close_delta", "after", 3),
    ("StateStore.rewrite", "before", 3),
    ("StateStore.rewrite", "after", 3),
    ("StateStore.rewrite_suppression", "before", 1),
    ("StateStore.rewrite_suppression", "after", 1),
    ("StateStore.complete_receipt", "before", 1),
    ("StateStore.complete_receipt", "after", 1),
    ("StateStore.end_run", "before", 1),
)
"""Where an erasure may die, and how many times at most it may pass there before."""


def some_people_are_erased(history: History, stage: Stage) -> bool:
    """Erase a few people, and all whose erasure did not end well, in a run that may go wrong; whether it ended well."""
    stage.world.never = replace(stage.world.never, is_declared=True, is_everybody=False, data="there")
    inside = [one for one in stage.world.people if one.groups or one.never]
    for someone in stage.chance.sample(inside, min(len(inside), stage.chance.choice((1, 2, 5)))):
        someone.groups.clear()
        someone.never = False
        stage.world.erased.add(someone.number)
    stage.world.write(stage.shop)
    asked = write_request(stage)
    before = len(receipts(stage))
    history.run_and_check(stage, _may_go_wrong(history, stage), ["forget", FILE, "--yes"])
    new = receipts(stage)[before:]
    ended = any(one["fate"] == "erased" for one in new)
    if ended:
        nobody_is_left(stage, asked)
    return ended


def end_well(history: History, stage: Stage, orders: str) -> None:
    """Once nothing goes wrong any more, all who asked are erased, and the receipt says so."""
    asked = write_request(stage)
    code, told = history.undisturbed(stage, ["forget", FILE, "--yes"], orders)
    assert code == 0, f"the erasure at the end ends with {code}: {told}"
    stage.place.look()
    assert receipts(stage)[-1]["fate"] == "erased", f"its receipt is {receipts(stage)[-1]}"
    nobody_is_left(stage, asked)


def write_request(stage: Stage) -> list[Someone]:
    """Write the file of whom to erase, in some spelling; these are the people."""
    asked = [one for one in stage.world.people if one.number in stage.world.erased]
    with (stage.shop.folder / FILE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("email", "mobile_ad_id", "customer_id"))
        for one in asked:
            # An audience may hold an address by its MD5, too, where that is what a segment's data has.
            stage.world.asked |= _wire_forms(one) | {hashlib.md5(one.email.lower().encode()).hexdigest()}
            row = one.row()
            writer.writerow((row.email, row.idfa if _is_device(one.idfa) else "", one.customer))
    return asked


def nobody_is_left(stage: Stage, asked: list[Someone]) -> None:
    """Nobody of them is in an audience of ours, in a file of the state, or found by `why`."""
    wire_forms = set().union(*map(_wire_forms, asked))
    ours = {account.audience_id: account.activation for account in ledger.read(stage.state)}
    for segment in stage.sandbox.segments():
        if segment.id in ours:
            for kind, held in members(stage.sandbox, segment).items():
                assert not held & wire_forms, f"{len(held & wire_forms)} {kind} of the erased are in {ours[segment.id]}"
    for name, content in _files(stage).items():
        assert not _holds(name, content, wire_forms), f"{name} holds somebody who was erased"
    named = [one.email for one in asked if one.email]
    if named:
        told = stage.shop.run("why", stage.chance.choice(named), code=None)
        assert "In none of" in told.out or "There is no audience." in told.out, f"why finds somebody erased: {told.out}"
        assert "Kept out" not in told.out, f"a suppression names somebody erased: {told.out}"


def receipts(stage: Stage) -> list[dict[str, Any]]:
    """Every receipt, as the command line lists them."""
    stage.place.unlock()
    listed = stage.shop.run("forget", "--receipts", "--format", "json", code=None)
    found: list[dict[str, Any]] = listed.json["receipts"] if listed.out else []
    return found


def _may_go_wrong(history: History, stage: Stage) -> Mishap:
    chance = stage.chance
    if chance.random() < 0.3:
        return Mishap()
    if chance.random() < 0.5:
        at, when, most = chance.choice(DEATHS)
        point = {"at": at, "when": when, "nth": chance.randint(1, most), "deed": "kill"}
        return Mishap(orders={"points": [point]}, words=[f"kill {when} {at} #{point['nth']}"])
    where = None if history.bucket else str(stage.state)
    return some_mishap(chance, stage.sandbox, where, late=history.late)


def _is_device(idfa: str) -> bool:
    return re.fullmatch(r"[0-9a-f-]*[1-9a-f][0-9a-f-]*", idfa) is not None


def _wire_forms(one: Someone) -> set[str]:
    forms = {hashed(one.email) if one.email else "", one.idfa if _is_device(one.idfa) else "", one.customer}
    return forms - {""}


def _files(stage: Stage) -> dict[str, bytes]:
    """The files of the state, or the objects of its bucket."""
    if isinstance(stage.place, InBucket):
        return stage.place.contents()
    return {str(path): path.read_bytes() for path in stage.state.rglob("*") if path.is_file()}


def _holds(name: str, content: bytes, wire_forms: set[str]) -> bool:
    """Whether any of them is in a file: as bytes, as text, or in the rows of a Parquet file."""
    needles = {needle for one in wire_forms for needle in _needles(one)}
    if any(needle in content for needle in needles):
        return True
    if not name.endswith(".parquet"):
        return False
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        Path(file.name).write_bytes(content)
        rows = duckdb.execute(f"select distinct identifier from read_parquet('{file.name}')").fetchall()
    return not needles.isdisjoint(bytes(identifier) for (identifier,) in rows)


def _needles(wire_form: str) -> set[bytes]:
    text = wire_form.encode()
    if re.fullmatch(r"[0-9a-f]{64}", wire_form):
        return {text, bytes.fromhex(wire_form)}
    return {text, uuid.UUID(wire_form).bytes} if _is_device(wire_form) and len(wire_form) == 36 else {text}
