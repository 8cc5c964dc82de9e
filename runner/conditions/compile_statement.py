"""From a statement to an SQL expression: values as literals, names quoted, and true or false, never null.

A condition that must hold becomes SQL that is true where it does; one that must not, SQL that is true exactly where the
other is not. Between them stand only AND and OR, so a null counts as false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from runner.conditions.comparisons import Terms
from runner.conditions.rows import Row
from runner.conditions.statements import (
    OPPOSITES,
    Aggregate,
    Condition,
    EntityEvent,
    Every,
    Fragment,
    Happening,
    InSegment,
    Measure,
    Operator,
    Opposite,
    PropertyComparison,
    Sequel,
    Some,
    Statement,
)
from runner.core.declared_segment import ColumnKind, Columns
from runner.core.sql_quoting import folded
from runner.quick_dataclass import dataclass, field, replace

if TYPE_CHECKING:
    from sqlglot import exp

_DAY = 86_400
_UNITS = ((_DAY, "DAY"), (3_600, "HOUR"), (60, "MINUTE"), (1, "SECOND"))


@dataclass(slots=True)
class Compiling:
    """What one compilation knows and collects: the dialect, the columns of tables by the tables' names, and the SQL
    that was written as such, by the names of the tables that stand for it in the expression. These begin with `mark`.
    `is_dated` once something of it counts from the day of the run.
    """

    dialect: str
    columns: Mapping[str, Columns]
    mark: str = "headcount_written_"
    written: dict[str, str] = field(default_factory=dict)
    is_dated: bool = False

    def dated(self) -> None:
        """Note that something counts from the day."""
        self.is_dated = True

    def stand_in(self, sql: str) -> str:
        """The name of a table that stands for SQL as it was written."""
        name = f"{self.mark}{len(self.written)}_"
        self.written[name] = sql
        return name


def people_of(statement: Statement, compiling: Compiling) -> exp.Select:
    """Every column of the people of a statement."""
    from sqlglot import exp

    person = _People(statement, compiling).person
    return _selected(statement, compiling, exp.Column(this=exp.Star(), table=person.column("").args["table"]))


def _selected(statement: Statement, compiling: Compiling, column: exp.Expression) -> exp.Select:
    """A column of the people of a statement, the top ones where it says so."""
    from sqlglot import exp

    people = _People(statement, compiling)
    select = people.restrict(
        exp.select(column).from_(people.person.source(), copy=False), statement.where, people.person
    )
    top, key = statement.top, statement.entity.key.name
    if top is None:
        return select
    tie = people.terms.ordered(people.person.column(key), people.person.kind(key))
    by = exp.Ordered(this=people.person.column(top.by.name), desc=not top.lowest, nulls_first=False)
    return select.order_by(by, exp.Ordered(this=tie, desc=False, nulls_first=False), copy=False).limit(
        top.count, copy=False
    )


class _People:
    """Compiles what one statement says about a person."""

    def __init__(self, statement: Statement, compiling: Compiling) -> None:
        entity = statement.entity
        self._compiling = compiling
        self._timezone = entity.timezone
        self._key = entity.key.name
        self.terms = Terms(compiling.dialect, statement.day, entity.timezone, compiling.dated)
        columns = compiling.columns.get(str(entity.table))
        self.person = Row(entity.table, entity.name, compiling.dialect, columns)

    def restrict(self, select: exp.Select, condition: Condition, row: Row) -> exp.Select:
        """The select, of the rows for which the condition holds."""
        return _where(select, *self._conjuncts(condition, row))

    def _conjuncts(self, condition: Condition, row: Row) -> Iterator[exp.Expression]:
        parts = condition.parts if isinstance(condition, Every) else (condition,)
        for part in parts:
            if isinstance(part, Every):
                yield from self._conjuncts(part, row)
            else:
                yield self._sql(part, row, holds=True)

    def _sql(self, condition: Condition, row: Row, *, holds: bool) -> exp.Expression:
        """What is true exactly where the condition holds, or where it does not."""
        from sqlglot import exp

        match condition:
            case Opposite(part):
                return self._sql(part, row, holds=not holds)
            case Every(parts) | Some(parts):
                return _joined(
                    exp.And if isinstance(condition, Every) == holds else exp.Or,
                    [self._sql(part, row, holds=holds) for part in parts],
                )
            case PropertyComparison():
                return self._comparison(condition, row, holds=holds)
            case Fragment(sql):
                known = exp.Coalesce(this=exp.Paren(this=self._parsed(sql)), expressions=[exp.false()])
                return known if holds else exp.Not(this=known)
            case Happening():
                return self._happening(condition, row, holds=condition.happened == holds)
            case InSegment():
                return self._member(condition, row, holds=condition.is_in == holds)

    def _parsed(self, sql: str) -> exp.Expression:
        from runner.conditions.fragments import parsed_fragment

        return parsed_fragment(sql, self._compiling.dialect)

    def _comparison(self, comparison: PropertyComparison, row: Row, *, holds: bool) -> exp.Expression:
        name = comparison.column.name
        return self._compared(row.column(name), row.kind(name), comparison, holds=holds)

    def _compared(
        self, operand: exp.Expression, kind: ColumnKind | None, comparison: PropertyComparison, *, holds: bool
    ) -> exp.Expression:
        from sqlglot import exp

        operator = comparison.operator
        if operator is Operator.KNOWN:
            unknown = exp.Is(this=operand, expression=exp.null())
            return exp.Not(this=unknown) if holds == comparison.values[0] else unknown
        if operator in OPPOSITES:
            holds = not holds
            comparison = replace(comparison, operator=OPPOSITES[operator])
        if holds:
            return self.terms.holds(operand, kind, comparison)
        found = self.terms.holds(operand.copy(), kind, comparison)
        opposite = exp.NEQ(**found.args) if isinstance(found, exp.EQ) else exp.Not(this=found)
        return _joined(exp.Or, [opposite, exp.Is(this=operand, expression=exp.null())])

    # -- events ------------------------------------------------------------------------------------------------------

    def _event_row(self, event: EntityEvent, *, after: str = "") -> Row:
        columns = self._compiling.columns.get(str(event.table))
        alias = f"next_{event.name}" if event.name == after else event.name
        return Row(event.table, alias, self._compiling.dialect, columns)

    def _happening(self, happening: Happening, person: Row, *, holds: bool) -> exp.Expression:
        """Whether there are such events of the person: in one pass over them, whoever the person is."""
        from sqlglot import exp

        event = self._event_row(happening.event)
        key = event.column(happening.event.key.name)
        if holds:
            return exp.In(this=person.column(self._key), query=self._events(happening, event, key).subquery(copy=False))
        name = happening.event.key.name
        source: exp.Expression = event.source()
        conditions = tuple(self._narrowing(happening, event))
        if happening.measures:
            source = exp.Subquery(this=self._events(happening, event, key), alias=event.alias_of())
            event, conditions = replace(event, columns={key.name: event.kind(name) or ColumnKind.OTHER}), ()
        lookup = _Lookup(source, event, (name,), conditions)
        return exp.Not(this=lookup.exists(person, lambda row: [self._same(row, name, person, self._key)]))

    def _same(self, row: Row, key: str, other: Row, other_key: str) -> exp.Expression:
        from sqlglot import exp

        return exp.EQ(this=row.column(key), expression=other.column(other_key))

    def _events(self, happening: Happening, event: Row, key: exp.Column) -> exp.Select:
        """The keys of the people with such events: of measures, each once."""
        from sqlglot import exp

        select = _where(exp.select(key.copy()).from_(event.source(), copy=False), *self._narrowing(happening, event))
        if not happening.measures:
            return select
        select = select.group_by(key.copy(), copy=False)
        measured = [self._measured(measure, event) for measure in happening.measures]
        select.set("having", exp.Having(this=_joined(exp.And, measured)))
        return select

    def _narrowing(self, happening: Happening, event: Row) -> Iterator[exp.Expression]:
        yield from self._conjuncts(happening.where, event)
        for sequel in happening.sequels:
            yield self._sequel(sequel, happening.event, event)

    def _measured(self, measure: Measure, event: Row) -> exp.Expression:
        from sqlglot import exp

        comparison, name = measure.comparison, measure.comparison.column.name
        if measure.aggregate is Aggregate.TIMES:
            return self._compared(exp.Count(this=exp.Star()), ColumnKind.NUMBER, comparison, holds=True)
        kind, operand = event.kind(name), event.column(name)
        made: dict[Aggregate, type[exp.Expression]] = {
            Aggregate.SUM: exp.Sum,
            Aggregate.MIN: exp.Min,
            Aggregate.MAX: exp.Max,
            Aggregate.AVG: exp.Avg,
        }
        return self._compared(made[measure.aggregate](this=operand), kind, comparison, holds=True)

    def _sequel(self, sequel: Sequel, first: EntityEvent, row: Row) -> exp.Expression:
        """Whether an event is followed by one of the other kind, of the same person."""
        from sqlglot import exp

        other, key, at = self._event_row(sequel.event, after=first.name), sequel.event.key.name, sequel.event.at.name
        lookup = _Lookup(other.source(), other, (key, at), tuple(self._conjuncts(sequel.where, other)))
        found = lookup.exists(
            row,
            lambda one: [
                self._same(one, key, row, first.key.name),
                *self._bounds(sequel, (row, first.at.name), (one, at)),
            ],
        )
        return found if sequel.happens else exp.Not(this=found)

    def _bounds(self, sequel: Sequel, first: tuple[Row, str], second: tuple[Row, str]) -> Iterator[exp.Expression]:
        """Later, and not too late. A day without a time is all of it: whatever happens on it may be either."""
        from sqlglot import exp

        kinds = tuple(row.kind(name) for row, name in (first, second))
        zoned = self._timezone != "UTC" or (ColumnKind.INSTANT in kinds and set(kinds) != {ColumnKind.INSTANT})
        before, after = (
            self.terms.moment(row.column(name), kind, zoned=zoned and kind is not ColumnKind.INSTANT)
            for (row, name), kind in zip((first, second), kinds, strict=True)
        )
        days = tuple(kind is ColumnKind.DATE for kind in kinds)
        if all(days):
            yield exp.GTE(this=after.copy(), expression=before.copy())
        else:
            end = _later(after, _DAY) if days[1] else after
            yield exp.GT(this=end.copy(), expression=before.copy())
        if sequel.seconds is not None:
            latest = _later(before, sequel.seconds + _DAY * days[0])
            yield exp.LT(this=after, expression=latest) if days[0] else exp.LTE(this=after, expression=latest)

    # -- segments ----------------------------------------------------------------------------------------------------

    def _member(self, membership: InSegment, person: Row, *, holds: bool) -> exp.Expression:
        from sqlglot import exp

        key = person.column(self._key)
        alias = "members" if folded(person.alias) != "members" else "segment_members"
        members = Row(person.table, alias, self._compiling.dialect, self._compiling.columns.get(membership.yielded))
        if isinstance(membership.segment, Statement):
            chosen = _People(membership.segment, self._compiling).person.column(self._key)
            people: exp.Query = _selected(membership.segment, self._compiling, chosen)
            members = replace(members, columns={chosen.name: person.kind(self._key) or ColumnKind.OTHER})
            source: exp.Expression = exp.Subquery(this=people, alias=members.alias_of())
        else:
            name = exp.to_identifier(self._compiling.stand_in(membership.segment))
            source = exp.Table(this=name, alias=members.alias_of())
            people = exp.select(members.column(self._key)).from_(source, copy=False)
        if holds:
            return exp.In(this=key, query=people.subquery(copy=False))
        lookup = _Lookup(source, members, (self._key,), ())
        return exp.Not(this=lookup.exists(person, lambda row: [self._same(row, self._key, person, self._key)]))


@dataclass(frozen=True, slots=True)
class _Lookup:
    """Rows that a subquery looks through: those of a source for which the conditions hold, by these columns."""

    source: exp.Expression
    row: Row
    names: tuple[str, ...]
    conditions: tuple[exp.Expression, ...]

    def exists(self, outer: Row, correlated: Callable[[Row], Sequence[exp.Expression]]) -> exp.Exists:
        """Whether there is such a row that also goes with the outer one."""
        from sqlglot import exp

        source, row, conditions = self.source, self.row, self.conditions
        if row.hides(outer, self.names):
            row = row.under_other_names(self.names)
            columns = [exp.alias_(self.row.column(name), row.column(name).this.copy()) for name in self.names]
            inner = _where(exp.select(*columns).from_(source, copy=False), *conditions)
            source, conditions = exp.Subquery(this=inner, alias=row.alias_of()), ()
        return exp.Exists(
            this=_where(exp.select(exp.Literal.number(1)).from_(source, copy=False), *correlated(row), *conditions)
        )


def _where(select: exp.Select, *conditions: exp.Expression) -> exp.Select:
    """The select with these conditions as its WHERE, side by side."""
    from sqlglot import exp

    if conditions:
        select.set("where", exp.Where(this=_joined(exp.And, conditions)))
    return select


def _joined(connector: type[exp.And] | type[exp.Or], parts: Sequence[exp.Expression]) -> exp.Expression:
    """The parts with AND or OR between them, in parentheses where another one is inside."""
    from sqlglot import exp

    if len(parts) == 1:
        return parts[0]
    whole, *others = [exp.Paren(this=part) if isinstance(part, exp.And | exp.Or) else part for part in parts]
    for other in others:
        whole = connector(this=whole, expression=other)
    return whole


def _later(moment: exp.Expression, seconds: int) -> exp.Expression:
    from sqlglot import exp

    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    length = exp.Interval(this=exp.Literal.string(str(seconds // size)), unit=exp.var(unit))
    return exp.Add(this=moment.copy(), expression=length)
