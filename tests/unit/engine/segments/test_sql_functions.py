"""Every function of the installed DuckDB has been judged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runner.core.sql_quoting import folded
from runner.engine.segments.sql_functions import (
    ALLOWED,
    CHANCE,
    FUNCTIONS,
    NOW,
    REFUSED,
    TABLE_FUNCTIONS,
    WRITTEN_OTHERWISE,
    refusal,
)
from tests.plain_duckdb import plain
from tests.unit.engine.conftest import World


def functions(*sorts: str) -> set[str]:
    rows = plain().execute(
        "select distinct function_name from duckdb_functions() where internal and function_type in (select unnest($1))",
        [list(sorts)],
    )
    return {folded(name) for (name,) in rows.fetchall()}


def test_a_function_that_a_release_of_duckdb_brings_is_judged_before_segments_use_it() -> None:
    """Put each that is reported on a list of sql_functions.py: it may be called if it looks at its arguments alone."""
    judged = FUNCTIONS | WRITTEN_OTHERWISE

    assert {
        name for name in functions("scalar", "macro", "aggregate", "window") - judged if refusal(name) is None
    } == set()


def test_no_function_is_judged_twice() -> None:
    lists = (*ALLOWED.values(), *REFUSED.values())

    assert sum(map(len, lists)) == len(frozenset().union(*lists))
    assert [name for name in FUNCTIONS if refusal(name) is not None] == []


def test_what_may_be_called_is_a_function_of_duckdb() -> None:
    assert FUNCTIONS - functions("scalar", "macro", "aggregate", "window") == {"unnest"}
    assert TABLE_FUNCTIONS - functions("table", "table_macro", "macro") == set()


def test_the_documents_list_what_may_be_called() -> None:
    page = (Path(__file__).parents[4] / "docs/reference/functions.md").read_text(encoding="utf-8")

    listed = set(re.findall(r"`(\w+)`", page.partition("\n## ")[2]))
    assert listed == {name for name in FUNCTIONS | TABLE_FUNCTIONS if name not in ALLOWED["operators"]}


def test_what_has_another_result_each_time_is_known_as_such() -> None:
    """DuckDB calls more volatile than is: dates depend on the time zone, which is UTC here."""
    rows = plain().execute(
        "select distinct function_name from duckdb_functions() "
        "where stability = 'VOLATILE' and function_type = 'scalar' and internal"
    )

    assert {name for (name,) in rows.fetchall()} & FUNCTIONS <= CHANCE | NOW | {"error"}


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select uper(email) as email from shop.people", 'there is no function "uper"; did you mean "upper"?'),
        ("select getenv('X') as email", "getenv() cannot be used in a segment: it reads the machine or the session"),
        ("select email <~> 'x' as email from shop.people", 'there is no operator "<~>"'),
    ],
)
def test_a_function_that_cannot_be_called_is_told_with_why_or_what_to_write_instead(
    people: World, sql: str, said: str
) -> None:
    [finding] = people.check(sql)

    assert finding.message.startswith(said)
    assert finding.location.column == 4 + len("select ") + 1 if "<~>" not in sql else True
