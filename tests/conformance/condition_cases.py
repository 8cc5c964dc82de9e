"""The cases of conditions/*.yaml: small tables, conditions, and the keys of the people who must come out.

A case may leave the entity out: it is then `person`, with the table `people`, and has the events whose tables it has.
"""

from __future__ import annotations

import os
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from sqlglot import exp

from runner.config import load
from runner.core.project import Project

TODAY = date(2026, 11, 28)
EVENTS = {"order": "orders", "visit": "visits"}

_TYPES = {
    "duckdb": {"int": "bigint", "text": "varchar", "number": "decimal(12, 2)", "float": "double", "bool": "boolean",
               "date": "date", "time": "timestamp", "instant": "timestamptz"},
    "postgres": {"int": "bigint", "text": "text", "number": "numeric(12, 2)", "float": "double precision",
                 "bool": "boolean", "date": "date", "time": "timestamp", "instant": "timestamptz"},
    "spark": {"int": "bigint", "text": "string", "number": "decimal(12, 2)", "float": "double", "bool": "boolean",
              "date": "date", "time": "timestamp_ntz", "instant": "timestamp"},
}  # fmt: skip


class _Strict(yaml.SafeLoader):
    """YAML as the product reads it: dates are texts."""


_Strict.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if not tag.endswith("timestamp")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Table:
    """A table of a case: columns by name with their types, and rows."""

    columns: Mapping[str, str]
    rows: Iterable[Iterable[Any]]


@dataclass(frozen=True)
class ConditionCase:
    """One case, as it was written."""

    name: str
    written: Mapping[str, Any]

    @property
    def tables(self) -> dict[str, Table]:
        return {name: Table(one["columns"], one["rows"]) for name, one in self.written["tables"].items()}

    @property
    def expected(self) -> list[str | None]:
        """The keys of the rows that come out, as texts, in order."""
        return in_order(None if key is None else str(key) for key in self.written["expect"])

    def full_name(self, table: str) -> str:
        """What a table of the case is called among those of all cases."""
        return f"{self.name.replace('-', '_')}_{table}"

    def project(self, folder: Path, source: Mapping[str, Any], schema: str) -> Project:
        """The project of the case, with its tables in a schema of a source, or a source that is attached."""
        table = {name: f"{schema}.{self.full_name(name)}" for name in self.tables}
        events = {
            name: {"from": table[where], "key": "person", "at": "at"}
            for name, where in EVENTS.items()
            if where in table
        }
        inside = {} if source["type"] == "duckdb" else {"source": source["name"]}
        entity = {"name": "person", "from": table["people"], "key": "id", "events": events, **inside}
        entity |= self.written.get("entity", {})
        texts = {name: string.Template(text).substitute(table) for name, text in self._segments_in_sql()}
        segments = [
            {"kind": "Segment", "name": name, **({"sql": texts[name], **inside} if name in texts else one)}
            for name, one in self.written.get("segments", {}).items()
        ]
        people = {key: self.written[key] for key in ("of", "where", "top") if key in self.written}
        documents = [
            {"kind": "Project", "timezone": self.written.get("timezone", "UTC")},
            dict(source),
            DESTINATION,
            {"kind": "Entity", **entity},
            *segments,
            {"kind": "Activation", "id": "case", "segment": {"name": "Case", **people}},
        ]
        activations = folder / self.name / "activations"
        activations.mkdir(parents=True)
        (activations / "case.yaml").write_text(yaml.safe_dump_all(documents, allow_unicode=True), encoding="utf-8")
        return load(activations, today=TODAY, environ=os.environ)

    def _segments_in_sql(self) -> Iterable[tuple[str, str]]:
        return ((name, one["sql"]) for name, one in self.written.get("segments", {}).items() if "sql" in one)


DESTINATION = {
    "kind": "Destination",
    "name": "criteo",
    "type": "criteo",
    "advertiser_id": "1",
    "credentials": {"client_id": "{{ env('CRITEO_CLIENT_ID') }}", "client_secret": "{{ env('CRITEO_CLIENT_SECRET') }}"},
    "defaults": {"mapping": {"liveramp_identity_link": "id"}},
}

CASES = tuple(
    ConditionCase(path.stem, yaml.load(path.read_text(encoding="utf-8"), _Strict))
    for path in sorted(Path(__file__).with_name("conditions").glob("*.yaml"))
)


def in_order(keys: Iterable[str | None]) -> list[str | None]:
    """Keys in an order in which they can be compared."""
    return sorted(keys, key=lambda key: (key is None, key or ""))


def statements(engine: str, create: Callable[[str, str], str]) -> list[str]:
    """A statement for each table of each case; `create` makes one of a table's name and of the query for its rows."""
    found = []
    for case in CASES:
        for name, table in case.tables.items():
            found.append(create(case.full_name(name), _rows(table, engine)))
    return found


def _rows(table: Table, engine: str) -> str:
    """A query for the rows of a table."""
    types = [_TYPES[engine][one] for one in table.columns.values()]
    names = [exp.to_identifier(name, quoted=True).sql(dialect=engine) for name in table.columns]
    rows = [
        "select " + ", ".join(
            f"cast({_literal(value, engine)} as {kind}) as {name}"
            for value, kind, name in zip(row, types, names, strict=True)
        )
        for row in table.rows
    ]  # fmt: skip
    return " union all ".join(rows)


def _literal(value: Any, engine: str) -> str:
    if value is None:
        return "null"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return exp.Literal.string(text).sql(dialect=engine)
