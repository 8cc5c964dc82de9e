"""Names and members that hold addresses reach no output of any format, no saved plan and no state."""

from __future__ import annotations

from tests.end_to_end.shop import CANARY, Shop
from tests.plain_duckdb import plain

BROKEN = (
    "select upper(kind, 1) as email, idfa from shop.odd",
    "select keys.nope as email, idfa from shop.odd",
    "select kind::date as email, idfa from shop.odd",
    "select kind + 1 as email, idfa from shop.odd",
    "select keys as email, kind as idfa from shop.odd",
    "select emal as email, idfa from shop.odd",
    "select coalesce(kind, keys) as email, idfa from shop.odd",
    "select keys::struct(a int) as email, idfa from shop.odd",
    "select error(kind::varchar) as email, idfa from shop.odd",
    "select canary as email, idfa from shop.odd",
    "select kind as mail from shop.odd",
    "select canary as email, idfa from shop.headless",
    "select sum(h) as email, idfa from shop.headless h",
)
ODD = f"""
    select '{CANARY}'::enum('{CANARY}', 'b') as kind, {{'{CANARY}': '{CANARY}'}} as keys, '' as idfa, 1 as "{CANARY}"
"""


def test_what_is_wrong_with_the_sql_shows_nobody_in_any_output(shop: Shop) -> None:
    path = shop.folder / "data" / "odd.parquet"
    plain().execute(f"copy ({ODD}) to '{path}'")
    shop.write("data/headless.csv", f"{CANARY},idfa\nother@shop.example,x\n")
    text = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    tables = "tables:\n  odd: ../data/odd.parquet\n  headless: ../data/headless.csv\n"
    shop.write("activations/shop.yaml", text.replace("tables:\n", tables))
    for number, sql in enumerate(BROKEN):
        shop.activation(f"broken-{number}", sql=sql)
    shop.activation()

    for shape in ("text", "json", "github"):
        shop.run("validate", "--format", shape, code=3)
    for shape in ("text", "json", "markdown", "github"):
        shop.run("plan", "--format", shape, "--out", "plan.json", code=1)
        shop.outputs.append((shop.folder / "plan.json").read_text(encoding="utf-8"))
    shop.run("apply", "--yes", code=1)
    shop.run("history", "--format", "json")
    shop.run("status", code=None)

    sent = [one for one in shop.outputs if "broken-12" in one]
    assert len(sent) > 5
    assert not any("leak-detector" in output for output in shop.outputs)
