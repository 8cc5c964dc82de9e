"""Sources as the files declare them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.config import check_source_files
from runner.core.project import RESERVED_SOURCE_NAMES
from runner.sources.files import FilesSource
from tests.unit.config.projects import ACTIVATION, DEFAULTS, codes, project


def test_tables_without_files_are_found_apart_from_the_rest(tmp_path: Path) -> None:
    source = (
        "kind: Source\nname: shop\ntype: files\ntables:\n  orders: ../data/orders-*.csv\n  people: ../data/people.csv\n"
    )
    database = "---\nkind: Source\nname: db\ntype: duckdb\npath: ../data/shop.duckdb\n"
    (tmp_path / "data").mkdir()
    (tmp_path / "data/people.csv").write_text("email\n")
    found = project(tmp_path, s=source + database)
    shop = found.sources[1]
    assert isinstance(shop, FilesSource)
    assert shop.tables["orders"] == (str(tmp_path / "data/orders-*.csv"),)
    assert [(part.code, part.location.line) for part in check_source_files(found)] == [
        ("no-source-file", 5),
        ("no-source-file", 11),
    ]
    (tmp_path / "data/orders-1.csv").write_text("id\n")
    (tmp_path / "data/shop.duckdb").write_text("")
    assert check_source_files(found) == ()


@pytest.mark.parametrize("name", [*sorted(RESERVED_SOURCE_NAMES), "Memory", "TEMP"])
def test_a_source_cannot_have_a_name_that_means_something_in_sql(tmp_path: Path, name: str) -> None:
    source = f"kind: Source\nname: {name}\ntype: files\ntables: {{customers: data.csv}}\n"
    assert codes(tmp_path, s=source, d=DEFAULTS, a=ACTIVATION) == ["reserved-name"]
