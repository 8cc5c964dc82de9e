"""An activation as it stands: its settings, where its segment runs, and the SQL that does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from runner.core.project import Activation, Source, Suppression
from runner.quick_dataclass import dataclass
from runner.reports.escape import printable
from runner.reports.json_documents import document, location_data, settings_data
from runner.reports.plan_text import resolved_text
from runner.reports.styled_text import Text


@dataclass(frozen=True, slots=True)
class Shown:
    """An activation, the sources that its segment reads, the day that its SQL is shown for, and the suppressions that
    hold for its audience.
    """

    activation: Activation
    sources: Sequence[Source]
    today: date
    suppressions: Sequence[Suppression] = ()


def shown_text(shown: Shown) -> Text:
    """Everything but the SQL, which follows as it is: what a person copies must not be broken into lines."""
    text = resolved_text(shown.activation)
    text.append(f"\n{_where(shown)}\n")
    for model in shown.activation.segment.models:
        text.append(f"{printable(f'{model.name} is a model of dbt, {model.relation}')}\n")
    for one in shown.suppressions:
        reason = f" ({one.reason})" if one.reason else ""
        text.append(printable(f"Left out is whom suppression {one.name}{reason} names: {one.location}") + "\n")
    sql = shown.activation.segment.sql
    return text.append(f"\nSQL of {printable(f'{sql.file}:{sql.first_line}')}, on {shown.today}:\n\n")


def _where(shown: Shown) -> str:
    """In one sentence where the segment runs, and what it reads."""
    segment = shown.activation.segment
    if segment.source:
        kind = next((one.type for one in shown.sources if one.name == segment.source), "warehouse")
        return f"The segment runs in {printable(segment.source)} ({kind}); the columns that are mapped come back."
    names = ", ".join(f"{printable(one.name)} ({one.type})" for one in shown.sources)
    return f"The segment runs on this machine, over {names}." if names else "The segment runs on this machine."


def shown_document(shown: Shown) -> dict[str, Any]:
    """schemas/show.schema.json"""
    activation = shown.activation
    segment = activation.segment
    return document(
        "show",
        activation=activation.id,
        today=shown.today.isoformat(),
        settings=settings_data(activation),
        suppressions=[
            {"name": one.name, "reason": one.reason, "location": location_data(one.location)}
            for one in shown.suppressions
        ],
        segment={
            "name": segment.name,
            "description": segment.description,
            "location": {"file": segment.sql.file, "line": segment.sql.first_line, "column": segment.sql.indent + 1},
            "runs_in": segment.source or None,
            "sources": [
                {"name": one.name, "type": one.type, "location": location_data(one.location)} for one in shown.sources
            ],
            "models": [{"name": one.name, "relation": one.relation} for one in segment.models],
            "sql": segment.sql.text,
        },
    )
