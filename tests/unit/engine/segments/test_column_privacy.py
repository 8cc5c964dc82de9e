from __future__ import annotations

import duckdb
import pytest

from runner.engine.duckdb import cancellable
from tests.unit.engine.conftest import World


@pytest.mark.parametrize(
    "sql",
    [
        "select * from shop.c",
        "select Dupond from shop.c",
        "select com from shop.c",
        "select sum(c) from shop.c c",
        "select *, count(*) from shop.c",
        "select Dupont_ from shop.c",
    ],
)
@pytest.mark.parametrize(
    "row",
    [
        "LRID_Xj3kfj93kf,Dupont\nLRID_2,Martin\n",
        "jane.doe@example.com,Dupont\na@b.fr,Li\n",
        "Dupont\nMartin\n",
        "Dupont,unknown\nMartin,17\n",
    ],
)
def test_the_first_row_of_a_file_without_header_is_never_shown(world: World, row: str, sql: str) -> None:
    (world.folder / "c.csv").write_text(row)
    world.tables["c"] = (str(world.folder / "c.csv"),)

    [finding] = world.check(sql)

    for value in ("LRID_X", "Dupont", "jane", "example", "com,", "candidates: com", "unknown,"):
        assert value not in f"{finding.message} {finding.hint}".replace("Dupont_", "")
    assert "header line" in finding.hint


def test_the_columns_of_a_file_with_header_are_suggested(world: World) -> None:
    (world.folder / "c.csv").write_text("customer_email,firstName\na@example.com,b\n")
    world.tables["c"] = (str(world.folder / "c.csv"),)

    [finding] = world.check("select custmer_email from shop.c")

    assert finding.message.endswith('did you mean "customer_email"?')


def test_a_file_in_another_encoding_says_so(world: World) -> None:
    (world.folder / "c.csv").write_bytes(b"email,name\na@example.com,Ren\xe9\n")
    world.tables["c"] = (str(world.folder / "c.csv"),)

    [finding] = world.check("select email from shop.c")

    assert (finding.message, finding.hint) == ("this line is not UTF-8", "save it as UTF-8")


def test_a_line_of_another_length_is_named(world: World) -> None:
    (world.folder / "c.csv").write_text("email,name\na@example.com,b\nc@example.com,d,more\n")
    world.tables["c"] = (str(world.folder / "c.csv"),)

    [finding] = world.check("select * from shop.c")

    assert (finding.location.line, finding.message) == (3, "3 fields, the header has 2")


def test_a_file_that_may_not_be_read_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.table("people", "select 'a@example.com' as email", "csv")
    run = cancellable.run

    def refused(connection: duckdb.DuckDBPyConnection, sql: str, *rest: object, **options: object) -> object:
        if sql.startswith("create view"):
            raise duckdb.IOException('IO Error: Cannot open file "people.csv": Permission denied')
        return run(connection, sql, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(cancellable, "run", refused)

    assert world.check("select email from shop.people")[0].hint == "let this user read it"


def test_an_ambiguous_column_that_the_sql_names_is_named(world: World) -> None:
    (world.folder / "c.csv").write_text("email,name\na@example.com,b\n")
    world.tables["c"] = (str(world.folder / "c.csv"),)

    [finding] = world.check("select email from shop.c a, shop.c b")

    assert finding.message == 'column "email" is ambiguous'
