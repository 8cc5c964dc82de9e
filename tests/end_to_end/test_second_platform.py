"""A platform that is not Criteo, in one module and one line of registration, driven through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.shop import Result, Shop, hashes, mail

ROOT = Path(__file__).resolve().parents[2]
DECLARED = """\
kind: Destination
name: board
type: bulletin
board_id: "7"
edition_id: "1"
credentials:
  client_id: "{{ env('BULLETIN_CLIENT_ID') }}"
  client_secret: "{{ env('BULLETIN_CLIENT_SECRET') }}"
defaults:
  mapping: {email: email}
"""


class BulletinShop(Shop):
    """A shop whose `headcount` knows Bulletin, and no Criteo to talk to."""

    def __init__(self, folder: Path) -> None:
        credentials = {"BULLETIN_CLIENT_ID": "id", "BULLETIN_CLIENT_SECRET": "secret"}
        super().__init__(folder, "", {**credentials, "BULLETIN_FILE": str(folder / "bulletin.json")})
        source = (folder / "activations/shop.yaml").read_text(encoding="utf-8").split("---")[0]
        self.write("activations/shop.yaml", f"{source}---\n{DECLARED}")

    def run(self, *arguments: str, code: int | None = 0, **environment: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "tests.end_to_end.bulletin", *arguments],
            cwd=self.folder,
            env={**self.environment, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    def declare(self, old: str, new: str) -> None:
        path = "activations/shop.yaml"
        self.write(path, (self.folder / path).read_text(encoding="utf-8").replace(old, new))

    @property
    def audiences(self) -> dict[str, Any]:
        """What Bulletin has, by id."""
        found: dict[str, Any] = json.loads((self.folder / "bulletin.json").read_text(encoding="utf-8"))
        return found

    def change_there(self, **words: str) -> None:
        """Someone edits Bulletin's first audience by hand."""
        audiences = self.audiences
        audiences["1"].update(words)
        self.write("bulletin.json", json.dumps(audiences))


@pytest.fixture
def board(tmp_path: Path) -> BulletinShop:
    shop = BulletinShop(tmp_path)
    shop.activation()
    return shop


def test_its_audiences_are_kept_as_declared(board: BulletinShop) -> None:
    assert "1 destination" in board.run("validate").out
    assert board.plan()["loyal"]["action"] == "create"
    board.apply()
    (audience,) = board.audiences.values()
    assert (audience["name"], audience["edition"]) == ("Loyal", "1")
    assert set(audience["members"]) == {f"email {one}" for one in hashes(1, 2, 3)}
    assert "applied  audience 1 in board (account 7)" in board.run("status", "--details").out

    board.people(mail(2, 3, 4))
    board.run("sync")
    assert set(board.audiences["1"]["members"]) == {f"email {one}" for one in hashes(2, 3, 4)}


def test_sentences_call_it_by_its_name(board: BulletinShop) -> None:
    board.apply()
    board.change_there(name="Disloyal")
    assert "renamed in Bulletin" in board.run("plan").out
    board.write("bulletin.json", "{}")
    assert "gone in Bulletin" in board.run("plan").out


def test_what_an_audience_is_made_for_cannot_change(board: BulletinShop) -> None:
    board.apply()
    board.declare('edition_id: "1"', 'edition_id: "2"')
    change = board.plan("--allow-removals", "loyal")["loyal"]
    assert (change["action"], change["reasons"]) == ("re-create", ["edition changed from 1 to 2"])


def test_its_fields_and_identifiers_are_checked(board: BulletinShop) -> None:
    board.declare("mapping: {email: email}", "mapping: {mobile_ad_id: idfa}")
    board.declare('edition_id: "1"\n', 'advertiser_id: "12345"\n')
    out = board.run("validate", code=3)
    said = out.out + out.err
    assert "has an `advertiser_id`, which only type criteo uses; write `board_id`" in said
    assert "`edition_id`" in said
    assert "mobile_ad_id is mapped by default, and left out: a bulletin board takes none" in said


def test_doctor_looks_over_it(board: BulletinShop) -> None:
    out = board.run("doctor").out
    assert "7 (Town hall) may be used; it has 0 audiences" in out
    assert "within 1 s of Bulletin's" in out
