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


WAREHOUSE = "kind: Source\nname: wh\ntype: {type}\n{place}\n"


def meanings(folder: Path, type: str, place: str, sql: str) -> tuple[str, str]:
    """What the one segment of a project is recognised by."""
    [segment] = project(
        folder,
        s=WAREHOUSE.format(type=type, place=place),
        d=DEFAULTS,
        a=f"kind: Activation\nid: loyal\nsegment: {{name: Loyal, sql: {sql!r}}}\n",
    ).segments
    assert segment.source == "wh"
    return segment.fingerprint, segment.meaning


def test_a_comment_means_nothing_where_it_is_known_how_a_dialect_writes_one(tmp_path: Path) -> None:
    plain, commented = "select email from people", "select email from people -- all of them"
    host, url = "host: db.example.com", "url: sc://spark.example.com"
    assert meanings(tmp_path, "postgres", host, plain)[1] == meanings(tmp_path, "postgres", host, commented)[1]
    assert meanings(tmp_path, "spark", url, plain)[1] != meanings(tmp_path, "spark", url, commented)[1]


def test_a_segment_is_another_one_where_another_warehouse_runs_it(tmp_path: Path) -> None:
    sql = "select email from people"
    one = meanings(tmp_path, "postgres", "host: db.example.com\ntimeout: 1m", sql)
    assert one == meanings(tmp_path, "postgres", "host: db.example.com\ntimeout: 2m", sql)
    other = meanings(tmp_path, "postgres", "host: other.example.com", sql)
    assert one[0] != other[0]
    assert one[1] != other[1]
