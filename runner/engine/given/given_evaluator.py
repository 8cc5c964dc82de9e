"""Running a segment over the rows that a test gives, in the very process that runs segments, without any source."""
# ruff: noqa: S608 (names are the engine's own)

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from runner.core.declared_segment import ColumnKind, DeclaredSegment
from runner.core.errors import SegmentError
from runner.core.findings import Finding, Location
from runner.core.identifiers import IdentifierType
from runner.core.project import Segment, Source, SqlText
from runner.core.segment_test import GivenTable, TextRow
from runner.core.sql_quoting import folded, literal, one_file, quoted
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.session import load
from runner.engine.duckdb.workspace import Workspace
from runner.engine.given.columns_used import TablePath, columns_used, parsed_select, tables_of
from runner.engine.given.given_views import Columns, columns_of, misfits, unknown_columns, view_of
from runner.engine.given.translation import as_untranslated, in_duckdb, matching, untranslated
from runner.engine.given.value_types import UNKNOWN
from runner.engine.interface import GivenPeople, MappedColumn, mapped_columns
from runner.engine.segments.column_kinds import column_kind
from runner.engine.segments.normalize import wire_select
from runner.engine.segments.segment_query import VIEW, SegmentQueries, SegmentQuery, column
from runner.engine.segments.warehouse_policy import text_of
from runner.quick_dataclass import replace
from runner.sources.registry import WAREHOUSE_KINDS, GivenSource, is_warehouse, kind_of, remote_patterns

if TYPE_CHECKING:
    import duckdb


class GivenEvaluator:
    """Implements runner.engine.interface.GivenSegments. `queries` are those of embedded SQL: no warehouse is asked."""

    def __init__(self, workspace: Workspace, queries: SegmentQueries) -> None:
        self._workspace = workspace
        self._queries = queries
        self._types: dict[tuple[str, str], Mapping[str, str] | None] = {}

    def people(
        self,
        segment: Segment,
        columns: Mapping[str, Location],
        sources: tuple[Source, ...],
        given: tuple[GivenTable, ...],
    ) -> GivenPeople:
        """What the segment yields in these columns, whose places are where a finding about one goes.

        Raises SegmentError.
        """
        runner = next((one for one in sources if is_warehouse(one) and one.name == segment.source), None)
        dialect = WAREHOUSE_KINDS[runner.type].driver.dialect if runner else "duckdb"
        tree = parsed_select(text_of(segment.sql.text), dialect)
        if runner and tree is None:
            raise untranslated(segment.sql, dialect, "")
        prepared = self._prepared(segment, tree, columns, runner, sources, given)
        if not prepared.findings:
            prepared.findings += prepared.unfit(segment)
        if prepared.findings:
            return GivenPeople(frozenset(), frozenset(prepared.read), tuple(prepared.findings))
        sql = prepared.typed(segment)
        if runner:
            tree = tree if sql is segment.sql else parsed_select(sql.text, dialect)
            sql = in_duckdb(tree, sql, dialect, runner.name, prepared.places)
        try:
            return GivenPeople(self._rows(sql, columns, prepared.sources()), frozenset(prepared.read))
        except SegmentError as error:
            raise as_untranslated(error, segment.sql, dialect) if runner else error from None

    def wire_forms(self, identifier_type: IdentifierType, texts: Collection[str]) -> Mapping[str, bytes]:
        """The wire form of each of some values; none of one that is blank or cannot be sent."""
        select = wire_select({MappedColumn(identifier_type): "$value"}, "(select 1)")
        found = {}
        for text in texts:
            [(wire, _)] = cancellable.run(self._connection(), select.replace("$value", literal(text)))
            if wire is not None:
                found[text] = bytes(wire)
        return found

    def _prepared(
        self,
        segment: Segment,
        tree: Any,
        columns: Collection[str],
        runner: Source | None,
        sources: tuple[Source, ...],
        given: tuple[GivenTable, ...],
    ) -> _Prepared:
        """The tables that the segment reads, made out of what is given."""
        prepared = _Prepared(self._connection(), given, _names_of_models(segment))
        named = tables_of(tree) if tree is not None else tuple(_every_table(sources, given))
        attached = {folded(one.name): one for one in sources if not is_warehouse(one)}
        read = {path: source for path in named if (source := runner or attached.get(folded(path[0]))) is not None}
        if not runner:  # judging the SQL says which tables there are not
            read = {path: source for path, source in read.items() if _may_have(source, path)}
        types = {path: None if runner else self._types_of(source, ".".join(path[1:])) for path, source in read.items()}
        certain = prepared.certain_columns(types)
        used = columns_used(tree, certain, columns) if tree is not None else {}
        for path, source in read.items():
            prepared.add(source, path if runner else path[1:], path, types[path], used.get(path, {}))
        return prepared

    def _connection(self) -> duckdb.DuckDBPyConnection:
        load()
        return self._workspace.connection()

    def _rows(self, sql: SqlText, columns: Mapping[str, Location], sources: tuple[Source, ...]) -> frozenset[TextRow]:
        # As which type a column is asked for means nothing here: it is not brought to a wire form.
        asked = mapped_columns({IdentifierType.CUSTOMER_ID: tuple(columns)})
        query = SegmentQuery(sql, asked, {one: columns[name] for one, name in asked.items()})
        cells = ", ".join(f"cast({column(one)} as varchar)" for one in asked)
        return frozenset(tuple(row) for row in self._written(query, sources, f"select {cells} from {VIEW}"))

    def _written(self, query: SegmentQuery, sources: tuple[Source, ...], rows: str) -> list[Any]:
        folder = self._workspace.next_folder()
        folder.mkdir(mode=0o700)
        target = folder / "rows.parquet"
        self._queries.write(query, sources, rows, target)
        return cancellable.run(self._connection(), f"select * from read_parquet({one_file(target)})")

    def _types_of(self, source: Source, table: str) -> Mapping[str, str] | None:
        """The columns of a table with their types, as the data say; None where these are not on this machine."""
        key = (source.name, folded(table))
        if key not in self._types:
            self._types[key] = self._looked_up(source, table)
        return self._types[key]

    def _looked_up(self, source: Source, table: str) -> Mapping[str, str] | None:
        if remote_patterns((source,)):
            return None
        name = f"{quoted(source.name)}.{'.'.join(map(quoted, table.split('.')))}"
        sql = SqlText(f"select 'x' as x from {name}", source.location.file, source.location.line, exact=False)
        asked = MappedColumn(IdentifierType.CUSTOMER_ID)
        query = SegmentQuery(sql, {asked: "x"}, {asked: source.location})
        rows = (
            "select column_name, data_type from duckdb_columns() where not internal "
            f"and lower(table_name) = lower({literal(table.rpartition('.')[2])}) order by column_index"
        )
        try:
            found = self._written(query, (source,), rows)
        except SegmentError:
            return None
        return {str(name): str(kind) for name, kind in found}


class _Prepared:
    """The tables of one segment as they are made out of what a test gives."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, given: Collection[GivenTable], models: Mapping[str, str]
    ) -> None:
        self._connection = connection
        self._given = {_path(models.get(table.name, table.name)): table for table in given}
        self._views: dict[str, tuple[Source, dict[str, str]]] = {}
        self._columns: dict[TablePath, Columns] = {}
        self.places: dict[TablePath, str] = {}
        self.read: list[str] = []
        self.findings: list[Finding] = []

    def certain_columns(
        self, types: Mapping[TablePath, Mapping[str, str] | None]
    ) -> Mapping[TablePath, frozenset[str]]:
        """The columns, folded, that each table has in its source, or in the rows that are given."""
        found = {}
        for path, known in types.items():
            table = self._table(path)
            names = known if known is not None else (name for row in table.rows for name in row.values) if table else ()
            found[path] = frozenset(map(folded, names))
        return found

    def add(
        self,
        source: Source,
        within: TablePath,
        path: TablePath,
        known: Mapping[str, str] | None,
        used: Mapping[str, str],
    ) -> None:
        """Make a table of the source, called `within` there and `path` in the SQL."""
        table = self._table(path)
        columns = columns_of(table, known, used)
        if table is not None:
            self.read.append(table.name)
            self._judge(table, columns)
        place = f"{'_'.join(within[:-1])}.{within[-1]}" if len(within) > 1 else within[-1]
        _, views = self._views.setdefault(source.name, (source, {}))
        views[place] = view_of(table, columns)
        self.places[path] = place
        self._columns[path] = columns

    def unfit(self, segment: Segment) -> tuple[Finding, ...]:
        """What of a segment that conditions declare does not fit the columns of its tables, where these are known."""
        if segment.conditions is None:
            return ()
        columns = self._kinds(segment.conditions, declared=True)
        return segment.conditions.check(columns, {name for found in columns.values() for name in found})

    def typed(self, segment: Segment) -> SqlText:
        """The segment's SQL; of one that conditions declare, the SQL for the types that its columns have."""
        if segment.conditions is None:
            return segment.sql
        columns = self._kinds(segment.conditions, declared=False)
        return replace(segment.sql, text=segment.conditions.text(columns))

    def _kinds(self, conditions: DeclaredSegment, *, declared: bool) -> Mapping[str, Mapping[str, ColumnKind]]:
        """What the columns of its tables hold, by the tables' names; with `declared`, only of those wholly known."""
        found = {}
        for table in conditions.tables():
            path = matching(_path(table.name), tuple(self._columns))
            if path is not None and (self._columns[path].declared or not declared):
                types = self._columns[path].types
                found[table.name] = {name: column_kind(kind) for name, kind in types.items() if kind != UNKNOWN}
        return found

    def sources(self) -> tuple[Source, ...]:
        """What takes the place of the declared sources."""
        return tuple(
            GivenSource(source.name, "given", source.location, views) for source, views in self._views.values()
        )

    def _judge(self, table: GivenTable, columns: Columns) -> None:
        found = unknown_columns(table, columns) or misfits(self._connection, table, columns)
        self.findings += found

    def _table(self, path: TablePath) -> GivenTable | None:
        found = matching(path, tuple(self._given))
        return self._given[found] if found is not None else None


def _every_table(sources: tuple[Source, ...], given: tuple[GivenTable, ...]) -> Iterator[TablePath]:
    """The tables that a query which cannot be looked into may read: those given, and all that are declared."""
    named = {folded(table.name) for table in given}
    yield from (_path(table.name) for table in given)
    for source in sources:
        every = () if is_warehouse(source) else kind_of(source).tables(source)
        yield from ((source.name, table) for table in every if folded(f"{source.name}.{table}") not in named)


def _may_have(source: Source, path: TablePath) -> bool:
    """Whether a table may be one of the source's, as far as its declaration tells."""
    tables = kind_of(source).tables(source)
    return len(path) > 1 and (not tables or ".".join(map(folded, path[1:])) in map(folded, tables))


def _names_of_models(segment: Segment) -> Mapping[str, str]:
    """dbt's models that the segment names: how a test calls one, and its relation without quotes."""
    return {one.name: one.relation.replace('"', "").replace("`", "") for one in segment.models}


def _path(name: str) -> TablePath:
    return tuple(name.split("."))
