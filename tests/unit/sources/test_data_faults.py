"""What reading a CSV file again says of quotes that are not closed where their values end."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.sources.data_faults import layout_fault

HEADER = "email,name\n"
LATE = "a double quote opens in this line and closes in line"


@pytest.mark.parametrize(
    ("rows", "line", "message"),
    [
        ('a@shop.example,Ann\nb@shop.example,"Bea\nc@shop.example,Cem\n', 3, "and no other closes it"),
        ('a@shop.example,Ann\n"b@shop.example,Bea', 3, "and no other closes it"),
        ('"a@shop.example,Ann\nb@shop.example,Bea\n"c@shop.example",Cem\n', 2, f"{LATE} 4: 2 fields"),
        ('a@shop.example,"Ann\nb@shop.example,"Bea,1"\n', 2, f"{LATE} 3: 3 fields"),
        ("a@shop.example,Ann,1\n", 2, "3 fields, the header has 2"),
    ],
)
def test_it_is_told_in_the_line_in_which_it_opens(tmp_path: Path, rows: str, line: int, message: str) -> None:
    file = tmp_path / "people.csv"
    file.write_text(HEADER + rows)
    found = layout_fault(str(file))
    if "2 fields" in message:  # as many as the header has: nothing is known to be wrong
        assert found is None
        return
    assert found is not None
    assert found.line == line
    assert message in found.message
    assert found.hint
    assert "shop.example" not in found.message + found.hint


def test_values_of_several_lines_are_well_laid_out(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(HEADER + 'a@shop.example,"Ann\nof Paris"\nb@shop.example,"Bea ""B"""\n')
    assert layout_fault(str(file)) is None
