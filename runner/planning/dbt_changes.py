"""What a change of dbt's models does to the activations that read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from runner.core.findings import Finding
from runner.core.project import Activation, DbtModel
from runner.core.suggest import quoted_word, suggest

GONE, MOVED, LOST, UNKNOWN = "dbt-model-gone", "dbt-model-moved", "dbt-column-lost", "dbt-unknown-column"


def model_changes(before: Mapping[str, Activation], after: Iterable[Activation]) -> tuple[Finding, ...]:
    """A finding for each activation and model of dbt's that is gone, has moved, or has lost a column that is read.

    `before` are the activations by id with the models as they were, as far as that is known; `after` with those of
    another manifest, where a model without a relation is one that it lacks.
    """
    found = {
        Finding(activation.segment.location, code, f"activation {activation.id} reads model {what}")
        for activation in after
        for code, what in _changes(before.get(activation.id), activation)
    }
    return tuple(sorted(found))


def _changes(before: Activation | None, after: Activation) -> Iterator[tuple[str, str]]:
    were = {model.name: model for model in before.segment.models} if before else {}
    for model in after.segment.models:
        name, was = quoted_word(model.name), were.get(model.name)
        if not model.relation:
            yield GONE, f"{name}, which dbt no longer makes"
            continue
        if was is not None and was.relation != model.relation:
            yield MOVED, f"{name}, which moves from {was.relation} to {model.relation}"
        lost = _named(after) & (was.columns - model.columns) if was is not None and model.columns else frozenset()
        for column in sorted(lost | frozenset(_unknown(after, (model,)) if was is None else ())):
            yield LOST, f"{name}, which no longer has a column {quoted_word(column)}"


def unknown_column_warnings(activations: Iterable[Activation]) -> tuple[Finding, ...]:
    """A warning for each mapped column that no model of the segment has, where dbt knows the columns of all of them."""
    found = set()
    for activation in activations:
        models = activation.segment.models
        for column in _unknown(activation, models):
            known = {name for model in models for name in model.columns}
            where = " or ".join(quoted_word(model.name) for model in models)
            message = f"dbt knows no column {quoted_word(column)} of {where}{suggest(column, known)}"
            found.add(Finding(activation.segment.location, UNKNOWN, message, is_warning=True))
    return tuple(sorted(found))


def _unknown(activation: Activation, models: tuple[DbtModel, ...]) -> Iterator[str]:
    """Mapped columns that the SQL takes from a model, as far as can be seen, and that none of these has."""
    if not models or not all(model.columns for model in models):
        return
    sql = activation.segment.sql.text
    for column in sorted({column.lower() for columns in activation.mapping.values() for column in columns}):
        is_made_here = re.search(rf"\bas\s+[\"`]?{re.escape(column)}\b", sql, re.IGNORECASE)
        if column in _named(activation) and not is_made_here and not any(column in model.columns for model in models):
            yield column


def _named(activation: Activation) -> frozenset[str]:
    """The words of the SQL, among which are the columns that it names."""
    return frozenset(re.findall(r"\w+", activation.segment.sql.text.lower()))
