"""Comparisons as SQL: a value as the literal that suits the type of what it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from runner.conditions.statements import Day, Operator, PropertyComparison, Value
from runner.core.declared_segment import ColumnKind

if TYPE_CHECKING:
    from sqlglot import exp

_ORDERS = {
    Operator.AT_LEAST: "GTE",
    Operator.MORE_THAN: "GT",
    Operator.AT_MOST: "LTE",
    Operator.LESS_THAN: "LT",
    Operator.WITHIN: "GTE",
    Operator.OLDER_THAN: "LT",
}
_COLLATED = frozenset({"postgres", "redshift"})
"""Dialects whose texts are ordered by the language of the database, unless they are asked for bytes."""

_SEARCHED_FOR = frozenset({"redshift", ""})
"""Dialects without a function for how a text begins."""


def midnight(day: Day, days: int) -> datetime:
    """The moment at which the day so many days before today begins."""
    return datetime.combine(day.today - timedelta(days=days), time(), ZoneInfo(day.timezone))


class Terms:
    """How values are written for one dialect, where days begin by `day`, and times without zone are in `timezone`.

    `dated` is called for what another day would make another value of.
    """

    def __init__(self, dialect: str, day: Day, timezone: str, dated: Callable[[], None]) -> None:
        self._dialect = dialect
        self._day = day
        self._timezone = timezone
        self._dated = dated

    def holds(self, operand: exp.Expression, kind: ColumnKind | None, comparison: PropertyComparison) -> exp.Expression:
        """What is true where the comparison holds, and else false or null."""
        from sqlglot import exp

        operator, values = comparison.operator, comparison.values
        if operator in (Operator.CONTAINS, Operator.STARTS_WITH):
            return self._search(operand, operator, str(values[0]))
        if operator in _ORDERS:
            if operator in (Operator.WITHIN, Operator.OLDER_THAN):
                bound = self._start(kind, int(values[0]))
            else:
                operand, bound = self.ordered(operand, kind), self._literal(kind, values[0])
            made: exp.Expression = getattr(exp, _ORDERS[operator])(this=operand, expression=bound)
            return made
        if operator is Operator.BETWEEN:
            low, high = (self._literal(kind, value) for value in values)
            return exp.Between(this=self.ordered(operand, kind), low=low, high=high)
        compared = _cast(operand, "text") if kind is ColumnKind.WORD else operand
        literals = [self._literal(kind, value) for value in values]
        if len(literals) == 1:
            return exp.EQ(this=compared, expression=literals[0])
        return exp.In(this=compared, expressions=literals)

    def ordered(self, operand: exp.Expression, kind: ColumnKind | None) -> exp.Expression:
        """The operand so that texts are ordered by their characters on every engine."""
        from sqlglot import exp

        if kind is ColumnKind.TEXT and self._dialect in _COLLATED:
            return exp.Collate(this=operand, expression=exp.to_identifier("C", quoted=True))
        return operand

    def moment(self, operand: exp.Expression, kind: ColumnKind | None, *, zoned: bool) -> exp.Expression:
        """A time, or the begin of a day, as a time with zone or, unless `zoned`, as the column has it."""
        from sqlglot import exp

        if not zoned or kind in (ColumnKind.INSTANT, None):
            return _cast(operand, "timestampntz") if kind is ColumnKind.DATE else operand
        local = _cast(operand, "timestampntz") if kind is ColumnKind.DATE else operand
        if self._timezone == "UTC":
            return _cast(operand, "timestamptz")  # sessions are in UTC
        zone = exp.Literal.string(self._timezone)
        if self._dialect in ("spark", "databricks"):
            return exp.Anonymous(this="TO_UTC_TIMESTAMP", expressions=[_cast(local, "timestamptz"), zone])
        if self._dialect == "bigquery":
            return exp.Anonymous(this="TIMESTAMP", expressions=[local, zone])
        if self._dialect == "snowflake":
            utc = exp.Literal.string("UTC")
            shifted = exp.Anonymous(this="CONVERT_TIMEZONE", expressions=[zone, utc, local])
            return _cast(shifted, "timestamptz")
        return exp.AtTimeZone(this=local, zone=zone)

    def _search(self, operand: exp.Expression, operator: Operator, part: str) -> exp.Expression:
        from sqlglot import exp

        if operator is Operator.STARTS_WITH and self._dialect not in _SEARCHED_FOR:
            return exp.StartsWith(this=operand, expression=exp.Literal.string(part))
        at = exp.StrPosition(this=operand, substr=exp.Literal.string(part))
        first, found = exp.Literal.number(1), exp.Literal.number(0)
        if operator is Operator.STARTS_WITH:
            return exp.EQ(this=at, expression=first)
        return exp.GT(this=at, expression=found)

    def _start(self, kind: ColumnKind | None, days: int) -> exp.Expression:
        """The begin of the day so many days ago, to compare a column of the kind with."""
        self._dated()
        moment = midnight(self._day, days)
        plain = self._timezone == "UTC" and moment.utcoffset() == timedelta()
        if kind is ColumnKind.DATE or (kind is None and plain):
            return self._date(moment.date())
        return self._moment(kind, moment)

    def _moment(self, kind: ColumnKind | None, moment: datetime) -> exp.Expression:
        from sqlglot import exp

        if kind is ColumnKind.LOCAL_TIME:
            local = moment.astimezone(ZoneInfo(self._timezone)).replace(tzinfo=None)
            return _cast(exp.Literal.string(_written(local)), "timestampntz")
        return _cast(
            exp.Literal.string(f"{_written(moment.astimezone(UTC).replace(tzinfo=None))}+00:00"), "timestamptz"
        )

    def _date(self, day: date) -> exp.Expression:
        from sqlglot import exp

        return _cast(exp.Literal.string(day.isoformat()), "date")

    def _literal(self, kind: ColumnKind | None, value: Value) -> exp.Expression:
        from sqlglot import exp

        if isinstance(value, bool):
            return exp.Boolean(this=value)
        if isinstance(value, Decimal):
            return exp.Literal.number(f"{value:f}") if value >= 0 else exp.Neg(this=exp.Literal.number(f"{-value:f}"))
        if kind in (ColumnKind.DATE, ColumnKind.LOCAL_TIME, ColumnKind.INSTANT):
            found = moment_of(value)
            if isinstance(found, datetime):
                zone = ZoneInfo(self._timezone)
                return self._moment(kind, found if found.tzinfo else found.replace(tzinfo=zone))
            if found is not None and kind is ColumnKind.DATE:
                return self._date(found)
            if found is not None:
                return self._moment(kind, datetime.combine(found, time(), ZoneInfo(self._day.timezone)))
        return exp.Literal.string(value)


def moment_of(text: str) -> datetime | date | None:
    """The day, or the time, that a text says; None where it says none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return None


def _cast(operand: exp.Expression, kind: str) -> exp.Expression:
    """The operand as another type; sqlglot's own function would parse the type's name each time."""
    from sqlglot import exp

    return exp.Cast(this=operand, to=exp.DataType(this=exp.DType[kind.upper()], nested=False))


def _written(moment: datetime) -> str:
    return moment.isoformat(" ", "seconds" if not moment.microsecond else "microseconds")
