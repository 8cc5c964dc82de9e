"""The static check of segment SQL: one SELECT, over declared tables only, with no function that looks elsewhere.

It works on DuckDB's own syntax tree (`json_serialize_sql`), by allow-lists of nodes, tables and functions (ADR 0005).
Names are compared as DuckDB does, by their ASCII letters. SQL that a DuckDB file brings along, its views and generated
columns, runs with the segment and is judged by the same lists. It is the first of two walls: what slips through meets a
locked instance (instance_pool.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from runner.core.project import RESERVED_SOURCE_NAMES
from runner.core.sql_quoting import folded
from runner.core.suggest import closest, quoted_word
from runner.engine.segments.column_privacy import presentable
from runner.engine.segments.sql_functions import FUNCTIONS, TABLE_FUNCTIONS, refusal
from runner.quick_dataclass import dataclass, field
from runner.sources.interface import StoredCode

if TYPE_CHECKING:
    import duckdb

_QUERY_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_OTHER_STATEMENTS = frozenset({"INSERT_QUERY_NODE", "UPDATE_QUERY_NODE", "DELETE_QUERY_NODE", "MERGE_QUERY_NODE"})
_TABLE_REFERENCES = frozenset(
    {"BASE_TABLE", "JOIN", "SUBQUERY", "TABLE_FUNCTION", "EMPTY", "EXPRESSION_LIST", "PIVOT", "COLUMN_DATA"}
)
_EXPRESSIONS = frozenset(
    {"BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "LAMBDA"}
    | {"OPERATOR", "PARAMETER", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "TYPE", "WINDOW"}
)
_CALLED_WITHOUT_PARENTHESES = frozenset(
    {"current_catalog", "current_role", "current_schema", "current_user", "session_user"}
)
"""Names that call a function where no column has them. `user` is one too, but a column's as well: it says "duckdb"."""

_BUILT_IN_VIEWS = ("duckdb_", "pg_", "pragma_", "sqlite_")
"""How the names of DuckDB's own views begin, as far as they are found without their schema."""

_Node = Mapping[str, Any]
_TableName = tuple[str, str]
"""The source of a table and its name there, both folded."""

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
    databases: Mapping[str, StoredCode] = field(default_factory=dict)
    """The sources that are databases, where `source.main.table` is another way to write `source.table`."""
    elsewhere: frozenset[str] = frozenset()
    """The sources whose tables segments run over there, and not here."""


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
                found.add(tuple(folded(part) for part in node["qualified_name"]["path"]))
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
    return frozenset(name for name in found if len(name) > 1)


def flaws(connection: duckdb.DuckDBPyConnection, statement: Parsed, tables: Tables) -> tuple[Flaw, ...]:
    """What is wrong with the SQL as such. SQL of databases is taken apart with the connection, which may be any."""
    if statement.flaw is not None:
        return (statement.flaw,)
    walk = _Walk(tables)
    try:
        walk.visit(statement.tree, frozenset())
    except RecursionError:
        return (Flaw("sql-too-deep", "the SQL is nested too deeply", "split it into common table expressions"),)
    found = (*walk.flaws, *_flaws_of_databases(connection, walk.read, tables))
    return tuple(dict.fromkeys(found))


def _flaws_of_databases(
    connection: duckdb.DuckDBPyConnection, read: Mapping[_TableName, _Node], tables: Tables
) -> Iterator[Flaw]:
    """A flaw for each table that is read and whose database brings SQL that a segment may not run."""
    stored = {folded(name): database for name, database in tables.databases.items()}
    known = {folded(name): own for name, own in tables.sources.items()}
    for (source, table), node in read.items():
        code = {folded(name): sql for name, sql in stored[source].code.items()}
        pending, seen = [table], {table}
        while pending:
            at = pending.pop()
            inside = _Inside(source, at.rpartition(".")[0], stored)
            further = _tables_of_code(connection, code[at], known[source], inside) if at in code else set()
            if further is None:
                yield flaw_at(node, "sql-view-reaches-out", _reaches_out(node, table, at), _OF_ITS_FILE)
                break
            pending += further - seen
            seen |= further


def _reaches_out(node: _Node, table: str, at: str) -> str:
    name = ".".join(node["qualified_name"]["path"])
    through = f', which reads "{at}" there,' if at != table and presentable(at.replace(".", "_")) else ""
    return f'"{name}"{through} runs SQL of its own that goes beyond its file'


def _tables_of_code(
    connection: duckdb.DuckDBPyConnection, sql: str, known: tuple[str, ...], inside: _Inside
) -> set[str] | None:
    """The tables of its own database that a view (or generated columns) reads; None where it does more than that."""
    tree = _tree(connection, sql)
    if tree is None or len(tree) != 1:
        return None
    walk = _Walk(Tables({inside.source: known}), inside)
    try:
        walk.visit(tree, frozenset())
    except RecursionError:
        return None
    return None if walk.flaws else {name for _, name in walk.read}


def _tree(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """The syntax tree, None when it has none that can be looked at (which is reason enough to refuse the SQL)."""
    row = connection.execute("select json_serialize_sql($1)", [sql]).fetchone()
    try:
        tree = json.loads(row[0]) if row else {"error": True}
    except RecursionError:
        return None
    return None if tree["error"] else tree["statements"]


def _statement_flaw(connection: duckdb.DuckDBPyConnection, sql: str) -> Flaw | None:
    from runner.engine.duckdb.compiled import duckdb

    try:
        statements = connection.extract_statements(sql)
    except duckdb.NotImplementedException:
        return Flaw("sql-parameter", "a segment takes no parameters", "write {{ var('x') }} for a variable")
    if not statements:
        return Flaw("sql-empty", "the SQL is empty: write a SELECT that yields one row per person")
    if len(statements) > 1:
        at = len(statements[0].query.encode())
        return Flaw("sql-several-statements", f"a segment is one SELECT, not {len(statements)} statements", offset=at)
    kind = statements[0].type
    if kind == duckdb.StatementType.SELECT:
        return None
    if kind == duckdb.StatementType.MULTI:
        hint = "name the values: pivot ... on column in ('a', 'b')"
        return Flaw("sql-not-a-select", "a PIVOT whose columns come from the data cannot be a segment", hint)
    return Flaw("sql-not-a-select", f"only a SELECT can be a segment, not {kind.name}")


@dataclass(frozen=True, slots=True)
class _Inside:
    """SQL stored in a database: unqualified names are looked up in its own schema first (empty: in main)."""

    source: str
    schema: str
    databases: Mapping[str, StoredCode]

    @property
    def macros(self) -> frozenset[str]:
        """Names that do not call what they say."""
        return frozenset(folded(name) for name in self.databases[self.source].macros)

    def full_name(self, path: list[str]) -> list[str]:
        """The path of a table with its source, as a segment would write it; empty where it leads elsewhere."""
        match path:
            case [table] if not table.startswith(_BUILT_IN_VIEWS):
                return [self.source, *filter(None, [self.schema]), table]
            case [schema, table] if schema not in RESERVED_SOURCE_NAMES - {"main"} and schema not in self.databases:
                return [self.source, schema, table]
            case [database, _, _] if database == self.source:
                return path
            case _:
                return []


class _Walk:
    """One pass over the syntax tree, with the names of the common table expressions in scope.

    `flaws` and `read`, the declared tables that it names, are what comes of it.
    """

    def __init__(self, tables: Tables, inside: _Inside | None = None) -> None:
        self.flaws: list[Flaw] = []
        self.read: dict[_TableName, _Node] = {}
        self._inside = inside
        self._known = {folded(name): {folded(table) for table in known} for name, known in tables.sources.items()}
        self._databases = set(inside.databases) if inside else {folded(name) for name in tables.databases}
        self._elsewhere = {folded(name) for name in tables.elsewhere}
        self._catalogs = {*self._known, *self._databases, *RESERVED_SOURCE_NAMES}
        self._declared = sorted(
            f"{name}.{table}"
            for name, known in tables.sources.items()
            for table in known
            if presentable(table.replace(".", "_"))
        )

    def visit(self, node: Any, scope: frozenset[str]) -> None:
        if len(self.flaws) >= MOST_FLAWS:
            return
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
                self.visit(child, scope | {folded(node["cte_name"])})
            elif key != "cte_map":
                self.visit(child, scope)

    def _with_common_tables(self, node: _Node, scope: frozenset[str]) -> frozenset[str]:
        """The scope inside the node: each common table expression sees those before it."""
        for entry in (node.get("cte_map") or {}).get("map", ()):
            name, value = folded(entry["key"]), entry["value"]
            self.visit(value, scope)
            scope |= {name}
        if node.get("type") == "CTE_NODE" and node.get("cte_name"):
            scope |= {folded(node["cte_name"])}
        return scope

    def _judge(self, node: _Node, scope: frozenset[str]) -> None:
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
        elif "class" in node:
            self._judge_expression(node)

    def _judge_expression(self, node: _Node) -> None:
        if node["class"] not in _EXPRESSIONS:
            self._refuse("sql-not-a-select", "this expression cannot be part of a segment", node)
        elif "function_name" in node:
            self._judge_function(node, node["qualified_name"]["path"])
        elif node["class"] == "COLUMN_REF" and len(node["column_names"]) == 1:
            name = folded(node["column_names"][0])
            if name in _CALLED_WITHOUT_PARENTHESES:
                hint = "if it is a column, write its table as well: t.column"
                self._refuse("sql-forbidden-function", f"{name} cannot be used in a segment", node, hint)

    def _judge_function(self, node: _Node, path: list[str]) -> None:
        """`column.lower()` is a call too; a source or a schema of DuckDB's before the dot leads elsewhere."""
        written, name = quoted_word(path[-1]), folded(path[-1])
        if len(path) > 1 and folded(path[0]) in self._catalogs:
            message = f"a function cannot be called by a qualified name: {quoted_word('.'.join(path))}"
            self._refuse("sql-forbidden-function", message, node, f"macros of a source are out of reach; {_CALLABLE}")
        elif self._inside is not None and name in self._inside.macros:
            self._refuse("sql-forbidden-function", f"{written} is a macro", node)
        elif name in FUNCTIONS:
            return
        elif (reason := refusal(name)) is not None:
            self._refuse("sql-forbidden-function", f"{name}() cannot be used in a segment: {reason}", node)
        else:
            near = closest(name, FUNCTIONS)
            what = "operator" if node.get("is_operator") else "function"
            message = f"there is no {what} {written}" + (f'; did you mean "{near}"?' if near else "")
            self._refuse("sql-unknown-function", message, node, "" if near else _CALLABLE)

    def _judge_table_function(self, node: _Node) -> None:
        path = node["function"]["qualified_name"]["path"]
        name = folded(path[-1])
        macro = self._inside is not None and name in self._inside.macros
        if name not in TABLE_FUNCTIONS or len(path) > 1 or macro:
            message = f"{quoted_word('.'.join(path))} cannot be called in a segment's FROM"
            hint = f"{_ONLY_SOURCES}; callable: {', '.join(sorted(TABLE_FUNCTIONS))}"
            self._refuse("sql-forbidden-function", message, node, hint)

    def _judge_table(self, node: _Node, scope: frozenset[str]) -> None:
        path = [folded(part) for part in node["qualified_name"]["path"]]
        if path[0] in scope and len(path) == 1:
            return
        if self._inside is not None:
            path = self._inside.full_name(path) or [""]
        source, *rest = path
        if rest[:1] == ["main"] and source in self._databases:
            rest = rest[1:]
        elsewhere = len(rest) > 1 and rest[0] in RESERVED_SOURCE_NAMES
        if rest and not elsewhere and (table := ".".join(rest)) in self._known.get(source, ()):
            if source in self._databases:
                self.read.setdefault((source, table), node)
            return
        name = ".".join(node["qualified_name"]["path"])
        if rest and source in self._elsewhere:
            message = f'"{name}" is in a warehouse, which runs whole segments; write `source: {source}` beside `sql`'
            self._refuse("sql-unknown-table", message, node, "and name its tables there as its own SQL does")
            return
        suggestion = self._suggest(rest[-1] if rest else source, source if source in self._known else None)
        if suggestion:
            message = f'there is no table "{name}"; did you mean "{suggestion}"?'
        else:
            message = f'there is no table "{name}" in the declared sources'
        self._refuse("sql-unknown-table", message, node, self._declared_hint())

    def _declared_hint(self) -> str:
        hint = self._declared_tables()
        if not self._elsewhere:
            return hint
        names = " or ".join(f"`source: {name}`" for name in sorted(self._elsewhere))
        return f"{hint}; for tables of a warehouse, write {names} beside `sql`"

    def _declared_tables(self) -> str:
        if not self._declared:
            return "no source is declared: add a `kind: Source` document"
        shown, rest = self._declared[:_SHOWN], len(self._declared) - _SHOWN
        return f"declared: {', '.join(shown)}{f' and {rest} more' if rest > 0 else ''}"

    def _suggest(self, table: str, source: str | None) -> str:
        """The declared table that is most likely meant, or nothing."""
        names = [name for name in self._declared if source is None or folded(name).startswith(f"{source}.")]
        by_table = {folded(name.rpartition(".")[2]): name for name in names}
        return by_table.get(closest(table, by_table) or "", "")

    def _refuse(self, code: str, message: str, node: _Node, hint: str = "") -> None:
        self.flaws.append(flaw_at(node, code, message, hint))


def flaw_at(node: _Node, code: str, message: str, hint: str = "") -> Flaw:
    """A flaw at the place of a node of the syntax tree."""
    offset = int(node.get("query_location", _NOWHERE))
    known = offset < _NOWHERE
    length = int(node.get("query_location_length", 1)) if known else 1
    return Flaw(code, message, hint, offset if known else None, max(length, 1))


_NO_SELECT = Flaw("sql-not-a-select", "only a SELECT can be a segment")
_CALLABLE = "docs/reference/functions.md lists what may be called"
_OF_ITS_FILE = (
    "a view or a generated column may read its own file and call what a segment may call, macros left out: "
    "make it a table there"
)
_ONLY_SOURCES = "a segment reads the declared sources and nothing else"
MOST_FLAWS = 50
"""Flaws that are reported of one segment: the nearest right word of each takes milliseconds, and nobody reads on."""

_SHOWN = 8
"""Declared tables that a hint lists."""
