"""What a branch can reach by a link, through the command line: nothing that the files did not declare."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.shop import Shop


@pytest.fixture
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside of the project, with people in it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "people.csv").write_text("email,idfa,kind\nsomebody@private.example,,all\n")
    (folder / "query.sql").write_text("s3cr3t\n")
    return folder


def test_a_data_file_that_became_a_link_is_refused_where_it_is_declared(shop: Shop, secret: Path) -> None:
    shop.activation()
    (shop.folder / "data/people.csv").unlink()
    (shop.folder / "data/people.csv").symlink_to(secret / "people.csv")

    told = shop.run("validate", code=3).err
    assert "activations/shop.yaml:5:3: error[path-not-allowed]: data/people.csv is or goes through a link" in told
    [change] = shop.run("plan", "--format", "json", code=1).json["changes"]
    assert change["action"] == "failed"
    assert "leads out of the folder data" in change["error"]


def test_a_data_folder_that_became_a_link_is_refused_too(shop: Shop, secret: Path) -> None:
    shop.activation()
    (shop.folder / "data").rename(shop.folder / "moved")
    (shop.folder / "data").symlink_to(secret)

    assert (
        f"data is or goes through a link that leads out of the folder {shop.folder.name}"
        in shop.run("validate", code=3).err
    )


@pytest.mark.parametrize("path", ["../.env", "../data/people.csv", "linked.sql", "away.sql"])
def test_a_query_cannot_show_a_line_of_another_file(shop: Shop, secret: Path, path: str) -> None:
    shop.write(".env", "TOKEN: s3cr3t\n")
    (shop.folder / "activations/linked.sql").symlink_to("../.env")
    (shop.folder / "activations/away.sql").symlink_to(secret / "query.sql")
    shop.write("activations/show.yaml", f"{{kind: Activation, id: show, segment: {{name: Show, file: {path}}}}}")

    told = shop.run("validate", code=3).err

    assert "activations/show.yaml:1:" in told
    assert "s3cr3t" not in told


def test_a_database_and_its_log_cannot_be_links_out(shop: Shop, secret: Path) -> None:
    import duckdb

    with duckdb.connect(str(secret / "shop.duckdb")) as connection:
        connection.execute("create table people as select 'a@private.example' as email")
    (shop.folder / "data/linked.duckdb").symlink_to(secret / "shop.duckdb")
    (shop.folder / "data/logged.duckdb").write_bytes((secret / "shop.duckdb").read_bytes())
    (shop.folder / "data/logged.duckdb.wal").symlink_to(secret / "people.csv")
    for name in ("linked", "logged"):
        shop.write("activations/db.yaml", f"{{kind: Source, name: db, type: duckdb, path: ../data/{name}.duckdb}}")
        shop.activation(sql="select email from db.people")
        told = shop.run("validate", code=3).err
        assert f"data/{name}.duckdb" in told
        assert "leads out of the folder data" in told
