"""A plan need not read a membership again that an apply found to be whole; an apply always does."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.state.local import state_folder, whole_files
from tests.end_to_end.shop import Shop, mail


def test_a_plan_goes_by_what_a_run_found_whole_and_a_run_reads_it_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_files, "LEAST", 0)
    monkeypatch.setattr(whole_files, "SETTLED", 0)
    read: list[str] = []
    checksum = state_folder.checksum

    def noticed(path: Path) -> str:
        read.append(path.parent.parent.name)
        return checksum(path)

    monkeypatch.setattr(state_folder, "checksum", noticed)
    shop.activation()
    shop.apply()
    shop.people(mail(2, 3, 4))
    read.clear()
    assert shop.run("plan").out
    assert read == []
    shop.apply("--allow-removals", "loyal")
    assert "members" in read
    [members] = (shop.folder / ".headcount" / "members" / "loyal").glob("*.parquet")
    content = bytearray(members.read_bytes())
    content[-9] ^= 1
    members.write_bytes(content)
    shop.people(mail(3, 4, 5))
    for command in (("plan",), ("apply", "--yes")):
        assert "damaged" in shop.run(*command, code=1).out
