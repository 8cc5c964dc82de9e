"""`headcount show` says what an activation comes to, from the files alone."""

from __future__ import annotations

from tests.end_to_end.shop import Shop


def test_settings_where_it_runs_and_the_sql_as_it_runs_are_shown(shop: Shop) -> None:
    shop.activation(sql="select email\nfrom shop.people\nwhere kind < '{{ today }}'", guardrails={"min_members": 5})
    out = shop.run("show", "loyal", "--today", "2026-11-24").out
    assert "guardrails.min_members" in out
    assert "activations/loyal.yaml:1:" in out
    assert "activations/shop.yaml:15:" in out  # the mapping, which the destination's defaults give
    assert "The segment runs on this machine, over shop (files)." in out
    sql = "select email\nfrom shop.people\nwhere kind < '2026-11-24'\n"
    assert out.endswith(f"SQL of activations/loyal.yaml:1, on 2026-11-24:\n\n{sql}")


def test_it_needs_neither_data_nor_credentials_nor_a_network_nor_a_state(shop: Shop) -> None:
    shop.activation()
    shop.remove("data/people.csv")
    nothing = {"CRITEO_API_URL": "http://127.0.0.1:9", "CRITEO_CLIENT_ID": "", "CRITEO_CLIENT_SECRET": ""}
    assert "from shop.people" in shop.run("show", "loyal", **nothing).out
    assert not (shop.folder / ".headcount").exists()


def test_json_says_the_same(shop: Shop) -> None:
    shop.activation(sql="select email from shop.people", description="Who buys again")
    shown = shop.run("show", "loyal", "--format", "json", "--today", "2026-11-24").json
    assert (shown["kind"], shown["activation"], shown["today"]) == ("show", "loyal", "2026-11-24")
    assert {one["key"]: one["value"] for one in shown["settings"]}["description"] == "Who buys again"
    segment = shown["segment"]
    assert (segment["name"], segment["sql"], segment["runs_in"]) == ("Loyal", "select email from shop.people", None)
    assert [(one["name"], one["type"]) for one in segment["sources"]] == [("shop", "files")]


def test_a_warehouse_that_runs_the_segment_is_named(shop: Shop) -> None:
    shop.write(
        "activations/warehouse.yaml", "kind: Source\nname: wh\ntype: postgres\nuri: postgresql://db.example/shop"
    )
    segment = {"source": "wh", "sql": "select email from customers", "name": "Loyal"}
    shop.write("activations/loyal.yaml", f"kind: Activation\nid: loyal\nsegment: {segment}\n".replace("'", '"'))
    assert "The segment runs in wh (postgres)" in shop.run("show", "loyal").out
    assert shop.run("show", "loyal", "--format", "json").json["segment"]["runs_in"] == "wh"


def test_an_id_that_is_a_typo_is_answered_with_the_right_one(shop: Shop) -> None:
    shop.activation()
    assert 'did you mean "loyal"?' in shop.run("show", "loyl", code=64).err
