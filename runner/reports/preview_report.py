"""A segment as a preview shows it: the way from its rows down to identifiers, what would change, the overlap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.core.identifiers import IdentifierType
from runner.core.membership import Evaluation
from runner.reports.escape import in_markdown, printable
from runner.reports.json_documents import document, evaluation_data
from runner.reports.overlap_text import IN_A_PREVIEW, overlap_data, overlap_sentences
from runner.reports.styled_text import Text
from runner.workflows.preview import Preview


def preview_text(preview: Preview) -> Text:
    """For a person at a terminal."""
    activation = preview.activation
    text = Text()
    text.append(printable(activation.id), style="bold")
    text.append(f'  "{printable(activation.name)}" in {printable(activation.destination.name)}\n')
    for what, count, remark in way_down(preview):
        text.append(f"  {what:<22} {count:>13,}{f'  {remark}' if remark else ''}".rstrip() + "\n")
    for part in preview.evaluation.rejected:
        line = f"  rejected: {part.count:,} {part.identifier_type} ({part.reason})\n"
        text.append(line, style="yellow")
    text.append("\n")
    for line in _against_the_state(preview):
        text.append(f"{line}\n")
    for sentence in overlap_sentences(preview.overlap, IN_A_PREVIEW):
        text.append(f"{printable(sentence)}\n")
    return text


def way_down(preview: Preview) -> Iterator[tuple[str, int, str]]:
    """From the rows of the SQL to distinct identifiers: what, how many, and a remark."""
    evaluation = preview.evaluation
    yield "rows", evaluation.rows, ""
    if evaluation.suppressed:
        yield "suppressed", evaluation.suppressed, "rows left out because a suppression names somebody in them"
    if preview.activation.holdout is not None:
        yield "held out", evaluation.held_out, str(preview.activation.holdout)
    if evaluation.without_key:
        yield "without a key", evaluation.without_key, "rows on which no holdout can decide: left out as well"
    yield "people", evaluation.people, "rows with at least one identifier that can be sent"
    for kind, count in preview.identifiers.items():
        yield str(kind), count, _blank(evaluation, kind)


def _blank(evaluation: Evaluation, kind: IdentifierType) -> str:
    """How many values of a type are blank: a row has one for each of its columns."""
    blank, columns = evaluation.blank.get(kind, 0), evaluation.columns.get(kind, 1)
    if not blank:
        return ""
    return f"{blank:,} rows without one" if columns == 1 else f"{blank:,} blank values in its {columns} columns"


def _against_the_state(preview: Preview) -> Iterator[str]:
    if preview.delta is None:
        yield "The state knows of no audience: all of it would be added."
        return
    if preview.refill:
        yield "The audience would be cleared first, and all of it added: its present members are not known."
        return
    yield "Against the audience as the state knows it:"
    for kind, part in preview.delta.items():
        moved = f"  +{part.added:,}  -{part.removed:,}" if part.added or part.removed else ""
        yield f"  {kind:<22} {part.before:>13,} -> {part.after:,}{moved}"


def preview_markdown(preview: Preview) -> str:
    """For a comment on a pull request: GitHub-flavoured, counts only."""
    activation = preview.activation
    lines = [f"### Preview of `{activation.id}`", ""]
    lines += [f"**{in_markdown(activation.name)}** in {in_markdown(activation.destination.name)}", ""]
    lines += ["| | | |", "|---|---:|---|"]
    lines += [f"| {in_markdown(what)} | {count:,} | {remark} |" for what, count, remark in way_down(preview)]
    lines.append("")
    for part in preview.evaluation.rejected:
        lines.append(f"- rejected {part.count:,} {in_markdown(str(part.identifier_type))}: {in_markdown(part.reason)}")
    lines += [f"- {in_markdown(line)}" for line in _against_the_state(preview)]
    lines += [f"- {in_markdown(one)}" for one in overlap_sentences(preview.overlap, IN_A_PREVIEW)]
    return "\n".join(lines) + "\n"


def preview_document(preview: Preview) -> dict[str, Any]:
    """schemas/preview.schema.json"""
    delta = preview.delta
    return document(
        "preview",
        activation=preview.activation.id,
        name=preview.activation.name,
        destination=preview.activation.destination.name,
        segment=evaluation_data(preview.evaluation),
        identifiers={str(kind): count for kind, count in preview.identifiers.items()},
        members=None
        if delta is None
        else [
            {
                "identifier_type": str(kind),
                "before": part.before,
                "after": part.after,
                "added": part.added,
                "removed": part.removed,
            }
            for kind, part in delta.items()
        ],
        refill=preview.refill,
        overlap=overlap_data(preview.overlap),
    )
