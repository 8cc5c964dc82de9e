"""`init` and `validate`: the commands that work on the files alone."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from runner.cli import completion
from runner.cli.ci_outputs import show_found
from runner.cli.console import show_command, show_json, show_line, show_text, write_result
from runner.cli.options import (
    DEFAULT_DIR,
    ChangedSince,
    CheckFormat,
    CheckOutput,
    Dir,
    Exclude,
    NoColor,
    Select,
    Target,
    Today,
    Var,
)
from runner.cli.wiring import Setup, declared_activation, segment_evaluator
from runner.core.errors import InvalidProject
from runner.core.findings import MOST_FINDINGS, bounded, for_entries
from runner.quick_dataclass import replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.core.findings import Finding
    from runner.core.project import Activation, Evaluated, Project
    from runner.core.selection import Selection

_SAID = {
    "wrote": "wrote {path}",
    "kept": "kept {path}, which was there; the sample data have another name, and the source reads those",
    "extended": "added .headcount/ to {path}, so that the state is not committed",
}


def init(
    folder: Dir = DEFAULT_DIR,
    sample: Annotated[bool, typer.Option("--sample/--no-sample", help="Whether to write made-up data.")] = True,
    source: Annotated[
        str,
        typer.Option(
            metavar="TYPE",
            help="Where the people are: files, duckdb, or a warehouse such as postgres.",
            autocompletion=completion.source_types,
        ),
    ] = "files",
) -> None:
    """Write a starter project with comments and sample data.

    It declares a destination, a source and an activation. Sample data are for a source of files.
    """
    from runner.starter import FILES, write_starter

    for step in write_starter(folder, sample=sample, source=source):
        path = f"{step.path}/ (schemas, for your editor)" if step.path.name == ".schemas" else str(step.path)
        show_line(_SAID[step.did].format(path=path))
    if source != FILES:
        write_result(
            "\nNext: say in the source where your data are, and in the activation what they are called, then\n"
        )
        show_line(f"  headcount doctor{_dir_option(folder)}")
        return
    if not sample:
        write_result("\nNext: name your own data in the source, and its columns in the activation, then\n")
        show_command(f"headcount validate{_dir_option(folder)}")
        return
    write_result("\nTry it: run `headcount sandbox` in another terminal, then\n")
    show_command(f"CRITEO_API_URL=http://127.0.0.1:8787 headcount plan{_dir_option(folder)}")


def validate(
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    select: Select = None,
    exclude: Exclude = None,
    changed_since: ChangedSince = "",
    resolved: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Print each setting of this activation and where it came from.",
            autocompletion=completion.activations,
        ),
    ] = None,
    sources: Annotated[
        bool, typer.Option("--sources/--no-sources", help="Whether to check SQL and mappings against the data.")
    ] = True,
    format: CheckOutput = CheckFormat.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    today: Today = "",
    no_color: NoColor = False,
) -> None:
    """Check the files. Calls no destination. A selection narrows what is checked against the data, not the files.

    Without --target, the files are checked for each target that the project declares.
    """
    setup = Setup.of(folder, var, today=today, no_color=no_color, target=target)
    every = (setup.target,) if resolved is not None else setup.targets()
    found: dict[Finding, list[str]] = {}
    project: Project | None = None
    for one in every:
        findings, project = _findings(replace(setup, target=one), select, exclude, changed_since, sources=sources)
        for finding in findings:
            found.setdefault(finding, []).append(one)
    warnings = _require_valid(bounded(_for_targets(one, names, every) for one, names in found.items()))
    assert project is not None  # else there would have been findings
    if resolved is not None:
        _show_resolved(declared_activation(project, resolved), setup, format)
    elif format is CheckFormat.JSON:
        from runner.reports.json_documents import findings_document

        show_json(findings_document(warnings))
    else:
        show_found(warnings, format)
        show_line(_summary(project, setup, every))


def _findings(
    setup: Setup, select: list[str] | None, exclude: list[str] | None, changed_since: str, *, sources: bool
) -> tuple[tuple[Finding, ...], Project | None]:
    """What is wrong with the files for a target, or worth a warning; and the project, None where they are not valid."""
    try:
        project = setup.project()
    except InvalidProject as invalid:
        if sources and invalid.sound is not None:
            return (*invalid.findings, *_source_findings(invalid.sound, _evaluated(invalid.sound))), None
        return invalid.findings, None
    from runner.planning.allowances import ended_permissions
    from runner.planning.dbt_changes import unknown_column_warnings
    from runner.planning.freshness import freshness_warnings
    from runner.planning.suppressed_types import missing_type_warnings

    chosen = _chosen(project, setup.selection(project, select, exclude, changed_since))
    evaluated = _evaluated(project, chosen)
    seen = _source_findings(project, evaluated) if sources else _sql_warnings(evaluated)
    ended = ended_permissions(chosen, setup.today, is_warning=False)
    if all(one.is_warning for one in (*seen, *ended)):
        seen = (*seen, *freshness_warnings(chosen, setup.clock()), *unknown_column_warnings(chosen))
        seen = (*seen, *missing_type_warnings(project.suppressions, project.activations))
    return (*seen, *ended), project


def _for_targets(finding: Finding, found_for: list[str], every: tuple[str, ...]) -> Finding:
    """The finding, with the targets that it is about where it is not about every one."""
    names = [f"target {name}" for name in dict.fromkeys(found_for)]
    return finding if len(names) == len(every) else for_entries(finding, names)


def _chosen(project: Project, selection: Selection) -> tuple[Activation, ...]:
    from runner.core.selection import Candidate

    selection.require_matches([Candidate.of(one) for one in project.activations])
    return tuple(one for one in project.activations if selection.means(Candidate.of(one)))


def _evaluated(project: Project, chosen: tuple[Activation, ...] | None = None) -> tuple[Evaluated, ...]:
    """What has SQL: the activations chosen, all where there was no choice, and the suppressions for their accounts."""
    if chosen is None:
        return (*project.activations, *project.suppressions)
    accounts = {one.account for one in chosen}
    never = (one for one in project.suppressions if any(one.concerns(account) for account in accounts))
    return (*chosen, *never)


def _source_findings(project: Project, chosen: tuple[Evaluated, ...]) -> tuple[Finding, ...]:
    """What only the data can tell: files that are not there, SQL and mappings that do not fit them; and warnings."""
    from runner.config import check_source_files
    from runner.sources.interface import UNREACHABLE

    missing = check_source_files(project)
    findings: dict[Finding, list[str]] = {one: [] for one in missing}
    with segment_evaluator() as evaluator:
        for activation in chosen:
            _note(evaluator.check(activation, project.sources), activation, findings)
            if len(findings) > MOST_FINDINGS:
                break
    # A file that is not there was found before a segment needed it.
    again, places = ("source-unreadable", UNREACHABLE), {one.location for one in missing}
    kept = (one for one in findings if one in missing or one.location not in places or one.code not in again)
    return bounded(for_entries(one, findings[one]) for one in kept)


def _note(found: Iterable[Finding], activation: Evaluated, findings: dict[Finding, list[str]]) -> None:
    """Add what was found to the findings, each with the entries of families that it is about."""
    from runner.core.project import Activation

    entry = activation.entry if isinstance(activation, Activation) else activation.segment.entry
    for finding in found:
        findings.setdefault(finding, []).extend([entry] if entry else [])


def _sql_warnings(chosen: tuple[Evaluated, ...]) -> tuple[Finding, ...]:
    """What the SQL alone tells."""
    warnings: dict[Finding, list[str]] = {}
    with segment_evaluator() as evaluator:
        for activation in chosen:
            _note(evaluator.advise(activation), activation, warnings)
    return tuple(sorted(for_entries(one, entries) for one, entries in warnings.items()))


def _require_valid(found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings, if all of them are warnings. Raises InvalidProject, with these too, for anything that is wrong."""
    if not all(finding.is_warning for finding in found):
        raise InvalidProject(found)
    return found


def _show_resolved(activation: Activation, setup: Setup, format: CheckFormat) -> None:  # noqa: A002 - the option's name
    if format is CheckFormat.JSON:
        from runner.reports.json_documents import resolved_document

        show_json(resolved_document(activation))
    else:
        from runner.reports.plan_text import resolved_text

        show_text(setup.out, resolved_text(activation))


def _summary(project: Project, setup: Setup, targets: tuple[str, ...]) -> str:
    from runner.reports.format import plural

    if len(targets) > 1:
        return f"{setup.folder} is valid for each of the targets {', '.join(targets)}."

    parts = (
        plural(len(project.activations), "activation"),
        plural(len(project.segments), "segment"),
        plural(len(project.destinations), "destination"),
        plural(len(project.sources), "source"),
        *([plural(len(project.tests), "test")] if project.tests else []),
    )
    return f"{setup.folder} is valid: {', '.join(parts)}."


def _dir_option(folder: Path) -> str:
    return "" if folder == DEFAULT_DIR else f" --dir {quote(str(folder))}"
