"""Conditions mean the same on every engine: the cases of conditions/*.yaml come out as they say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pytest

from runner.core.errors import InvalidProject, SegmentError
from runner.core.project import Project
from runner.engine.embedded import EmbeddedEngine
from runner.engine.segments.column_kinds import column_kind
from runner.engine.segments.sql_policy import Tables, flaws, parsed
from tests.conformance.condition_cases import CASES, in_order, statements
from tests.plain_duckdb import plain
from tests.postgres import PASSWORD, ROLE, running_postgres
from tests.spark import running_spark

Keys = Callable[[Project], Any]
"""What gives the keys of the people of a project's only activation."""


@contextmanager
def in_duckdb(folder: Path) -> Iterator[tuple[Mapping[str, Any], Keys]]:
    """A DuckDB file with all tables, asked as the engine does: an instance for each set of tables would take longer."""
    path = folder / "cases.duckdb"
    with duckdb.connect(str(path), config={"errors_as_json": True}) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("create schema shop")
        connection.execute(";".join(statements("duckdb", lambda name, rows: f"create table shop.{name} as {rows}")))
        tables = Tables({"shop": tuple(case.full_name(name) for case in CASES for name in case.tables)})

        def keys(project: Project) -> Any:
            declared = project.activations[0].segment.conditions
            assert declared is not None
            columns = {
                table.name: {
                    str(row[0]): column_kind(str(row[1]))
                    for row in connection.execute(f"describe {table.select}").fetchall()
                }
                for table in declared.tables()
            }
            sql = declared.text(columns)
            wrong = declared.check(columns, ()) or flaws(connection, parsed(connection, sql), tables)
            rows = connection.execute(f"select id::varchar from (\n{sql}\n)").fetchall() if not wrong else []
            return wrong or in_order(row[0] for row in rows)

        yield {"kind": "Source", "name": "shop", "type": "duckdb", "path": str(path)}, keys


def through_the_engine(engine: EmbeddedEngine) -> Keys:
    """Keys as a segment yields them that is evaluated as any other."""

    def keys(project: Project) -> Any:
        evaluation = engine.evaluator.evaluate(project.activations[0], project.sources)
        rows = plain().execute(f"select decode(liveramp_identity_link) from '{evaluation.path}'").fetchall()
        return in_order(row[0] for row in rows)

    return keys


@contextmanager
def in_postgres(folder: Path) -> Iterator[tuple[Mapping[str, Any], Keys]]:
    """A schema of Postgres with all tables."""
    with running_postgres(folder / "data") as postgres, patch.dict(os.environ, PGPASSWORD=PASSWORD):
        tables = statements("postgres", lambda name, rows: f"create table shop.{name} as {rows}")
        grants = f"grant usage on schema shop to {ROLE}; grant select on all tables in schema shop to {ROLE}"
        postgres.run(";".join(["set timezone = 'UTC'; create schema shop", *tables, grants]))
        auth = {"method": "password", "password": "{{ env('PGPASSWORD') }}"}
        engine = EmbeddedEngine(folder / "scratch", threads=1)
        source = {"kind": "Source", "name": "shop", "type": "postgres", "uri": postgres.uri, "auth": auth}
        yield source, through_the_engine(engine)
        engine.close()


@contextmanager
def in_spark(folder: Path) -> Iterator[tuple[Mapping[str, Any], Keys]]:
    """Views of Sail with all rows."""
    with running_spark(folder) as spark:
        for statement in statements("spark", lambda name, rows: f"create global temporary view {name} as {rows}"):
            spark.run(statement)
        engine = EmbeddedEngine(folder / "scratch", threads=1)
        yield {"kind": "Source", "name": "shop", "type": "spark", "url": spark.url}, through_the_engine(engine)
        engine.close()


ENGINES: Mapping[str, tuple[str, Callable[[Path], AbstractContextManager[tuple[Mapping[str, Any], Keys]]]]] = {
    "duckdb": ("shop", in_duckdb),
    "postgres": ("shop", in_postgres),
    "spark": ("global_temp", in_spark),
}


@pytest.mark.parametrize(
    "engine", ["duckdb", *(pytest.param(one, marks=pytest.mark.warehouse) for one in ("postgres", "spark"))]
)
def test_conditions_come_out_the_same_everywhere(engine: str, tmp_path: Path) -> None:
    schema, made = ENGINES[engine]
    wrong: dict[str, Any] = {}
    with made(tmp_path) as (source, keys):
        for case in CASES:
            try:
                found = keys(case.project(tmp_path / "projects", source, schema))
            except InvalidProject as error:
                found = error.findings
            except SegmentError as error:
                found = error.finding or error.message
            if found != case.expected:
                wrong[case.name] = (found, case.expected)
    assert wrong == {}


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 60
    assert len({case.written["say"] for case in CASES}) > 50
