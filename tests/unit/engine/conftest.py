"""A small world for segments: files to read, an engine to read them with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runner.core.findings import Finding, Location
from runner.core.identifiers import IdentifierType
from runner.core.membership import Evaluation
from runner.core.project import Activation, Segment, Source, SqlText
from runner.engine.embedded import EmbeddedEngine
from runner.sources.duckdb_file import DuckDBFileSource
from runner.sources.files import FilesSource
from tests import builders
from tests.plain_duckdb import plain

SOURCES_FILE = Location("sources.yaml", 3, 1)
MAPPING = Location("activations/a.yaml", 9, 3)


@dataclass
class World:
    """A folder with data, declared as sources, and an engine over them."""

    folder: Path
    engine: EmbeddedEngine
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    databases: dict[str, str] = field(default_factory=dict)

    def table(self, name: str, query: str, suffix: str = "parquet") -> Path:
        """Declare shop.<name>, a file with the query's rows."""
        path = self.folder / f"{name}.{suffix}"
        plain().execute(f"copy ({query}) to '{path}'")
        self.tables[name] = (str(path),)
        return path

    @property
    def sources(self) -> tuple[Source, ...]:
        places = {name: Location("sources.yaml", 10 + row, 3) for row, name in enumerate(self.tables)}
        shop = FilesSource("shop", "files", SOURCES_FILE, self.tables, places)
        databases = self.databases.items()
        return (shop, *(DuckDBFileSource(name, "duckdb", SOURCES_FILE, path, SOURCES_FILE) for name, path in databases))

    def check(
        self, sql: str | SqlText, mapping: Mapping[IdentifierType, str | tuple[str, ...]] | None = None
    ) -> tuple[Finding, ...]:
        return self.engine.evaluator.check(activation(sql, mapping), self.sources)

    def evaluate(
        self, sql: str | SqlText, mapping: Mapping[IdentifierType, str | tuple[str, ...]] | None = None
    ) -> Evaluation:
        return self.engine.evaluator.evaluate(activation(sql, mapping), self.sources)


def activation(sql: str | SqlText, mapping: Mapping[IdentifierType, str | tuple[str, ...]] | None = None) -> Activation:
    text = sql if isinstance(sql, SqlText) else SqlText(sql, "activations/a.yaml", 5, 4)
    segment = Segment("Loyal", "", text, "f" * 64, builders.HERE)
    return builders.activation(segment=segment, mapping=mapping or {IdentifierType.EMAIL: "email"}, location=MAPPING)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    engine = EmbeddedEngine(tmp_path / "scratch", threads=1)
    yield World(tmp_path, engine)
    engine.close()
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.fixture
def people(world: World) -> World:
    """shop.people with two columns, email and n, for three persons."""
    world.table("people", "select 'person' || i || '@example.com' as email, i as n from range(1, 4) t(i)")
    return world
