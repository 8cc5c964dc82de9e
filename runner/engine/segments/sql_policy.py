"""The static check of segment SQL: one SELECT, over declared tables only, with no function that looks elsewhere.

It works on DuckDB's own syntax tree (`json_serialize_sql`), by allow-lists of nodes, tables and table functions. Scalar
functions are a deny-list (ADR 0005): DuckDB has a thousand harmless ones, and a test fails when a release brings one
that nobody has looked at. It is the first of two walls: what slips through meets a locked instance (instance_pool.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.core.suggest import closest

if TYPE_CHECKING:
    import duckdb

_QUERY_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_OTHER_STATEMENTS = frozenset({"INSERT_QUERY_NODE", "UPDATE_QUERY_NODE", "DELETE_QUERY_NODE", "MERGE_QUERY_NODE"})
_TABLE_REFERENCES = frozenset(
    {"BASE_TABLE", "JOIN", "SUBQUERY", "TABLE_FUNCTION", "EMPTY", "EXPRESSION_LIST", "PIVOT", "COLUMN_DATA"}
)
_TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series", "generate_subscripts", "json_each", "json_tree"})
_FUNCTIONS = frozenset(
    """
    current_catalog current_connection_id current_database current_query current_query_id current_role
    current_schema current_schemas current_setting current_transaction_id current_user getenv in_search_path
    inet_client_addr inet_client_port inet_server_addr inet_server_port session_user txid_current user version
    which_secret json_deserialize_sql json_execute_serialized_sql json_serialize_plan json_serialize_sql query
    query_table currval getvariable nextval setseed setval stats vector_type write_log sleep_ms pg_sleep
    """.split()  # noqa: SIM905 (a list would be a page long)
)
"""Functions in expressions that reveal the machine, the session or the catalog, run SQL of their own, or only wait."""

_NOWHERE = 2**63
"""Offsets from here on mean that the parser kept no position."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something the check refuses: `offset` in bytes of the SQL, `length` in bytes; None where the place is unknown."""

    code: str
    message: str
    hint: str = ""
    offset: int | None = None
    length: int = 1


@dataclass(frozen=True, slots=True)
class Tables:
    """What may be read: source name -> its tables, as `table` or, outside the schema main, `schema.table`."""

    sources: Mapping[str, tuple[str, ...]]
    databases: frozenset[str] = frozenset()
    """The sources that are databases, where `source.main.table` is another way to write `source.table`."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """SQL taken apart: its syntax tree, or what is wrong with it as a statement."""

    tree: Any = None
    flaw: Flaw | None = None


def parsed(connection: duckdb.DuckDBPyConnection, sql: str) -> Parsed:
    """Take SQL apart, on any connection: nothing of it is bound or run.

    Raises duckdb.ParserException for a syntax error.
    """
    flaw = _statement_flaw(connection, sql)
    if flaw is not None:
        return Parsed(flaw=flaw)
    tree = _tree(connection, sql)
    return Parsed(tree) if tree is not None else Parsed(flaw=_NO_SELECT)


def references(statement: Parsed) -> frozenset[tuple[str, ...]]:
    """The qualified names of tables in the SQL, in lower case, whatever they stand for; none when it is no SELECT."""
    found: set[tuple[str, ...]] = set()
    pending: list[Any] = [statement.tree]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if node.get("type") == "BASE_TABLE":
                found.add(tuple(str(part).lower() for part in node["qualified_name"]["path"]))
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
    return frozenset(name for name in found if len(name) > 1)


def flaws(statement: Parsed, tables: Tables) -> tuple[Flaw, ...]:
    """What is wrong with the SQL as such."""
    if statement.flaw is not None:
        return (statement.flaw,)
    walk = _Walk(tables)
    try:
        walk.visit(statement.tree, frozenset())
    except RecursionError:
        return (Flaw("sql-too-deep", "the SQL is nested too deeply", "split it into common table expressions"),)
    return tuple(dict.fromkeys(walk.flaws))


def _tree(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """The syntax tree, None when it has none that can be looked at (which is reason enough to refuse the SQL)."""
    row = connection.execute("select json_serialize_sql($1)", [sql]).fetchone()
    try:
        tree = json.loads(row[0]) if row else {"error": True}
    except RecursionError:
        return None
    return None if tree["error"] else tree["statements"]


def _statement_flaw(connection: duckdb.DuckDBPyConnection, sql: str) -> Flaw | None:
    import duckdb

    try:
        statements = connection.extract_statements(sql)
    except duckdb.NotImplementedException:
        return Flaw("sql-parameter", "a segment takes no parameters", "write {{ var('x') }} for a variable")
    if not statements:
        return Flaw("sql-empty", "the SQL is empty: write a SELECT that yields one row per person")
    if len(statements) > 1:
        at = len(statements[0].query.encode())
        return Flaw("sql-several-statements", f"one SELECT is wanted, not {len(statements)} statements", offset=at)
    kind = statements[0].type
    if kind == duckdb.StatementType.SELECT:
        return None
    if kind == duckdb.StatementType.MULTI:
        hint = "name the values: pivot ... on column in ('a', 'b')"
        return Flaw("sql-not-a-select", "a PIVOT whose columns come from the data cannot be a segment", hint)
    return Flaw("sql-not-a-select", f"only a SELECT can be a segment, not {kind.name}")


class _Walk:
    """One pass over the syntax tree, with the names of the common table expressions in scope."""

    def __init__(self, tables: Tables) -> None:
        self.flaws: list[Flaw] = []
        self._known = {name.lower(): {table.lower() for table in known} for name, known in tables.sources.items()}
        self._databases = {name.lower() for name in tables.databases}
        self._declared = sorted(f"{name}.{table}" for name, known in tables.sources.items() for table in known)

    def visit(self, node: Any, scope: frozenset[str]) -> None:
        if isinstance(node, list):
            for child in node:
                self.visit(child, scope)
        if not isinstance(node, dict):
            return
        self._judge(node, scope)
        scope = self._with_common_tables(node, scope)
        for key, child in node.items():
            if key == "function" and node.get("type") == "TABLE_FUNCTION":
                self.visit(child.get("arguments"), scope)
            elif key == "right" and node.get("type") == "RECURSIVE_CTE_NODE":
                # Only here does the name mean the table itself; left of the union DuckDB looks for it elsewhere.
                self.visit(child, scope | {node["cte_name"].lower()})
            elif key != "cte_map":
                self.visit(child, scope)

    def _with_common_tables(self, node: Mapping[str, Any], scope: frozenset[str]) -> frozenset[str]:
        """The scope inside the node: each common table expression sees those before it."""
        for entry in (node.get("cte_map") or {}).get("map", ()):
            name, value = entry["key"].lower(), entry["value"]
            self.visit(value, scope)
            scope |= {name}
        if node.get("type") == "CTE_NODE" and node.get("cte_name"):
            scope |= {node["cte_name"].lower()}
        return scope

    def _judge(self, node: Mapping[str, Any], scope: frozenset[str]) -> None:
        kind = str(node.get("type", ""))
        if kind == "BASE_TABLE":
            self._judge_table(node, scope)
        elif kind == "TABLE_FUNCTION":
            self._judge_table_function(node)
        elif kind == "SHOW_REF":
            self._refuse("sql-not-a-select", "DESCRIBE, SHOW and SUMMARIZE cannot be part of a segment", node)
        elif kind in _OTHER_STATEMENTS:
            self._refuse("sql-not-a-select", f"only a SELECT can be a segment, not {kind.split('_')[0]}", node)
        elif kind.endswith("_NODE") and kind not in _QUERY_NODES:
            self._refuse("sql-not-a-select", "only a SELECT can be a segment", node)
        elif "alias" in node and "class" not in node and "sample" in node and kind not in _TABLE_REFERENCES:
            self._refuse("sql-not-a-select", "this kind of table cannot be part of a segment", node)
        elif kind == "VALUE_PARAMETER":
            hint = "write {{ var('x') }} for a variable"
            self._refuse("sql-parameter", "a segment takes no parameters", node, hint)
        elif "function_name" in node and node["function_name"].lower() in _FUNCTIONS:
            name = node["function_name"].lower()
            self._refuse("sql-forbidden-function", f"{name}() cannot be used in a segment", node, _ONLY_SOURCES)

    def _judge_table_function(self, node: Mapping[str, Any]) -> None:
        name = str(node["function"].get("function_name", "")).lower()
        if name not in _TABLE_FUNCTIONS:
            self._refuse("sql-forbidden-function", f"{name}() cannot be used in a segment", node, _ONLY_SOURCES)

    def _judge_table(self, node: Mapping[str, Any], scope: frozenset[str]) -> None:
        path = [str(part).lower() for part in node["qualified_name"]["path"]]
        if path[0] in scope and len(path) == 1:
            return
        source, *rest = path
        if rest[:1] == ["main"] and source in self._databases:
            rest = rest[1:]
        if rest and ".".join(rest) in self._known.get(source, ()):
            return
        name = ".".join(str(part) for part in node["qualified_name"]["path"])
        suggestion = self._suggest(rest[-1] if rest else source, source if source in self._known else None)
        if suggestion:
            message = f'there is no table "{name}"; did you mean "{suggestion}"?'
        else:
            message = f'there is no table "{name}" in the declared sources'
        self._refuse("sql-unknown-table", message, node, self._declared_hint())

    def _declared_hint(self) -> str:
        if not self._declared:
            return "no source is declared: add a `kind: Source` document"
        shown, rest = self._declared[:_SHOWN], len(self._declared) - _SHOWN
        return f"declared: {', '.join(shown)}{f' and {rest} more' if rest > 0 else ''}"

    def _suggest(self, table: str, source: str | None) -> str:
        """The declared table that is most likely meant, or nothing."""
        names = [name for name in self._declared if source is None or name.lower().startswith(f"{source}.")]
        by_table = {name.rpartition(".")[2].lower(): name for name in names}
        return by_table.get(closest(table, by_table) or "", "")

    def _refuse(self, code: str, message: str, node: Mapping[str, Any], hint: str = "") -> None:
        offset = int(node.get("query_location", _NOWHERE))
        known = offset < _NOWHERE
        length = int(node.get("query_location_length", 1)) if known else 1
        self.flaws.append(Flaw(code, message, hint, offset if known else None, max(length, 1)))


_NO_SELECT = Flaw("sql-not-a-select", "only a SELECT can be a segment")
_ONLY_SOURCES = "a segment reads the declared sources and nothing else"
_SHOWN = 8
"""Declared tables that a hint lists."""
