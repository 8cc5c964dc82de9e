"""`show`, `preview` and `test` say the same of a segment that Postgres runs as of one over files."""

from __future__ import annotations

import json

import pytest

from tests.end_to_end.shop import Shop
from tests.postgres import PASSWORD, ROLE, Postgres

SOURCE = """\
kind: Source
name: warehouse
type: postgres
uri: {uri}
auth: {{method: password, password: "{{{{ env('PGPASSWORD') }}}}"}}
---
"""
SQL = "select email, idfa from looked.people where born >= date '{{ today }}' - interval '30 days'"


@pytest.fixture
def looked_at(shop: Shop, postgres: Postgres) -> Shop:
    """The shop, with an activation whose segment Postgres runs."""
    postgres.run(
        f"""
        drop schema if exists looked cascade;
        create schema looked;
        create table looked.people (email text, idfa uuid, born date);
        insert into looked.people values ('a@shop.example', null, '2026-11-20'), ('b@shop.example', null, '2026-11-21'),
            ('no address', null, '2026-11-22'), ('c@shop.example', null, '2020-01-01');
        grant usage on schema looked to {ROLE};
        grant select on looked.people to {ROLE};
        """
    )
    text = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    shop.write("activations/shop.yaml", SOURCE.format(uri=postgres.uri) + text.partition("---\n")[2])
    shop.activation(sql=SQL)
    return shop


def test_a_preview_counts_what_postgres_finds(looked_at: Shop) -> None:
    found = looked_at.run("preview", "loyal", "--today", "2026-11-28", "--format", "json", PGPASSWORD=PASSWORD).json
    assert (found["segment"]["rows"], found["segment"]["people"], found["identifiers"]) == (3, 2, {"email": 2})
    assert [(one["reason"], one["count"]) for one in found["segment"]["rejected"]] == [("not an e-mail address", 1)]


def test_without_a_password_its_sql_is_shown_and_its_tests_run(looked_at: Shop) -> None:
    shown = looked_at.run("show", "loyal", "--today", "2026-11-28").out
    assert "The segment runs in warehouse (postgres)" in shown
    assert "interval '30 days'" in shown
    rows = [{"email": "new@shop.example", "born": "2026-11-01"}, {"email": "old@shop.example", "born": "2026-10-01"}]
    test = {
        "kind": "Test",
        "name": "new means thirty days",
        "activation": "loyal",
        "today": "2026-11-28",
        "given": {"looked.people": rows},
        "expect": [{"email": "new@shop.example"}],
    }
    looked_at.write("activations/test.yaml", json.dumps(test))
    assert looked_at.run("test").out.endswith("1 test: 1 passed.\n")
