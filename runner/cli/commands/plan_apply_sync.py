"""`plan`, `apply` and `sync`: the commands that look at destinations and change them."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runner.cli import completion, exit_codes
from runner.cli.ci_outputs import from_root, is_gitlab_report, write_report
from runner.cli.console import (
    can_ask,
    show_findings,
    show_json,
    show_text,
    tell,
    write_annotations,
    write_result,
)
from runner.cli.notifying import notify_of_run, notifying, of_apply, of_sync
from runner.cli.options import (
    DEFAULT_DIR,
    AllowRecreate,
    AllowRemovals,
    AllowSuppression,
    At,
    ChangedSince,
    Dir,
    Exclude,
    Format,
    GitlabReport,
    NoColor,
    Out,
    Output,
    PlanFile,
    PlanFormat,
    PlanId,
    PlanOutput,
    Prune,
    Select,
    Target,
    Today,
    Var,
    Verbose,
    Yes,
)
from runner.cli.outcome_events import log_outcomes
from runner.cli.output_files import require_output
from runner.cli.wiring import Parts, Setup, opened
from runner.core.errors import UsageError
from runner.planfile.plan_file import is_saved_plan, read_saved_plan, write_plan
from runner.quick_dataclass import replace

if TYPE_CHECKING:
    from runner.core.selection import Selection
    from runner.planning.plan import Plan
    from runner.planning.staleness import ReviewedPlan, StalePlan
    from runner.workflows.apply import Applied
    from runner.workflows.plan_request import PlanRequest
    from runner.workflows.sync import Synced


def plan(
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    select: Select = None,
    exclude: Exclude = None,
    changed_since: ChangedSince = "",
    prune: Prune = False,
    allow_removals: AllowRemovals = None,
    allow_recreate: AllowRecreate = None,
    allow_suppression: AllowSuppression = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 when there is something to do.")
    ] = False,
    out: Out = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show the last line only, which sums it up.")] = False,
    gitlab_report: GitlabReport = None,
    format: PlanOutput = PlanFormat.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    today: Today = "",
    verbose: Verbose = False,
    no_color: NoColor = False,
) -> None:
    """Show what apply would change. Changes nothing, in Criteo or in the state."""
    from runner.workflows.make_plan import make_plan

    setup = Setup.of(folder, var, today=today, verbose=verbose, no_color=no_color, target=target)
    if out is not None:
        require_output("--out", out, is_saved_plan, "saved plan")
    if gitlab_report is not None:
        require_output("--gitlab-report", gitlab_report, is_gitlab_report, "report for GitLab")
    project = setup.project()
    selection = setup.selection(project, select, exclude, changed_since)
    request = _request(setup, selection, prune, allow_removals, allow_recreate, allow_suppression)
    with opened(setup, only_plans=True) as parts:
        made = make_plan(project, request, replace(parts.context, counts_only=True), parts.accounts)
    if out is not None:
        write_plan(out, made)
    if gitlab_report is not None:
        write_report(gitlab_report, made)
    if quiet and format is PlanFormat.TEXT:
        from runner.reports.plan_text import plan_summary

        show_text(setup.out, plan_summary(made))
    else:
        _show_plan(made, setup, format)
        if verbose and format is PlanFormat.TEXT:
            _show_cost(made, setup)
    raise typer.Exit(exit_codes.of_plan(made, detailed=detailed_exitcode))


def apply(
    file: PlanFile = None,
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    select: Select = None,
    exclude: Exclude = None,
    changed_since: ChangedSince = "",
    yes: Yes = False,
    prune: Prune = False,
    allow_removals: AllowRemovals = None,
    allow_recreate: AllowRecreate = None,
    allow_suppression: AllowSuppression = None,
    plan_id: PlanId = "",
    format: Output = Format.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    today: Today = "",
    verbose: Verbose = False,
    no_color: NoColor = False,
) -> None:
    """Make the change: definitions and memberships. Asks first, unless --yes."""
    from runner.planning.staleness import StalePlan
    from runner.workflows.apply import apply as carry_out

    setup = Setup.of(folder, var, today=today, verbose=verbose, no_color=no_color, target=target)
    _require_answer(yes=yes, format=format)
    with notifying(setup, "apply"):
        project = setup.project()
        selection = setup.selection(project, select, exclude, changed_since)
        asked = _request(setup, selection, prune, allow_removals, allow_recreate, allow_suppression)
        request, reviewed = _reviewed(file, plan_id, asked)
        try:
            with opened(setup) as parts:
                approve = partial(_approve, setup=setup, parts=parts, yes=yes)
                done = carry_out(project, request, parts.context, parts.accounts, approve, reviewed)
                log_outcomes(done.outcomes)
                notify_of_run(setup, "apply", of_apply(project, done), parts.context.state)
        except StalePlan as stale:
            _show_stale(stale, setup, format)
            raise
    if format is Format.JSON:
        from runner.reports.json_documents import run_document

        show_json(run_document("apply", done))
    elif not done.approved:
        tell("Not applied.\n")
    else:
        _show_run(done, setup, shown=not yes and done.plan.has_work)
    raise typer.Exit(exit_codes.of_run(done))


def _show_run(done: Applied, setup: Setup, *, shown: bool) -> None:
    """What an apply did. Where its plan was `shown`, what that said of it is not said again."""
    from runner.core.records import Action
    from runner.reports.run_text import orphans_text, run_text

    if not shown:
        show_findings(done.plan.warnings)
        orphans = (change.applied for change in done.plan.having(Action.ORPHANED))
        show_text(setup.out, orphans_text(tuple(record for record in orphans if record is not None)))
    show_text(setup.out, run_text(done, advised=shown))


def sync(
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    select: Select = None,
    exclude: Exclude = None,
    changed_since: ChangedSince = "",
    allow_removals: AllowRemovals = None,
    rebuild: Annotated[
        list[str] | None,
        typer.Option(
            "--rebuild",
            metavar="ID",
            help="Clear this activation's audience and refill it; repeatable.",
            autocompletion=completion.activations,
        ),
    ] = None,
    due: Annotated[
        bool, typer.Option("--due", help="Only what its schedule makes due since its last good run.")
    ] = False,
    at: At = "",
    format: Output = Format.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    today: Today = "",
    verbose: Verbose = False,
    no_color: NoColor = False,
) -> None:
    """Bring the members of what is applied up to date. Never applies a changed definition."""
    from runner.workflows.plan_request import PlanRequest
    from runner.workflows.sync import sync as bring_up_to_date

    if due and rebuild:
        raise UsageError(
            "--due and --rebuild cannot be given together", "leave out --due: a rebuild does not wait for a schedule"
        )
    setup = Setup.of(folder, var, today=today, verbose=verbose, no_color=no_color, at=at, target=target)
    with notifying(setup, "sync"):
        project = setup.project()
        selection = setup.selection(project, [*(select or ()), *(rebuild or ())], exclude, changed_since)
        allowed = frozenset(allow_removals or ())
        request = PlanRequest(setup.today, selection, allow_removals=allowed, target=setup.target)
        with opened(setup, rebuilt=rebuild or ()) as parts:
            done = bring_up_to_date(project, request, parts.context, parts.accounts, frozenset(rebuild or ()), due=due)
            log_outcomes(done.applied.outcomes, done.skipped)
            notify_of_run(setup, "sync", of_sync(project, done), parts.context.state)
    _show_sync(done, setup, format)
    raise typer.Exit(exit_codes.of_sync(done))


def _show_sync(done: Synced, setup: Setup, format: Format) -> None:  # noqa: A002 - the option's name
    if format is Format.JSON:
        from runner.reports.json_documents import sync_document

        show_json(sync_document(done))
        return
    from runner.reports.run_text import orphans_text, run_text, skipped_text
    from runner.reports.status_and_history import waiting_text

    show_findings(done.applied.plan.warnings)
    show_text(setup.out, skipped_text(done.skipped))
    show_text(setup.out, orphans_text(done.orphans))
    show_text(setup.out, waiting_text(done.waiting, setup.clock()))
    show_text(setup.out, run_text(done.applied, advised=False, skipped=len(done.skipped)))


def _show_stale(stale: StalePlan, setup: Setup, format: Format) -> None:  # noqa: A002 - the option's name
    """Show the plan that there would be now, where nothing says how it differs."""
    if format is Format.TEXT and stale.plan is not None and not stale.deviations:
        _show_plan(stale.plan, setup, PlanFormat.TEXT)


def _require_answer(*, yes: bool, format: Format) -> None:  # noqa: A002 - the option's name
    """Raise UsageError where nobody can be asked whether to apply."""
    if not yes and (format is not Format.TEXT or not can_ask()):
        raise UsageError("there is no terminal to ask for confirmation", "look at `headcount plan`, then add --yes")


def _request(
    setup: Setup,
    selection: Selection,
    prune: bool,
    allow_removals: list[str] | None,
    allow_recreate: list[str] | None,
    allow_suppression: list[str] | None,
) -> PlanRequest:
    from runner.workflows.plan_request import PlanRequest

    return PlanRequest(
        setup.today,
        selection,
        prune,
        frozenset(allow_removals or ()),
        frozenset(allow_recreate or ()),
        frozenset(allow_suppression or ()),
        variables=tuple(setup.variables),
        target=setup.target,
    )


def _reviewed(file: Path | None, plan_id: str, request: PlanRequest) -> tuple[PlanRequest, ReviewedPlan | str]:
    """What to plan, and the plan that it must be. A file brings its own options. Raises UsageError."""
    if plan_id and not re.fullmatch(r"[0-9a-f]{16}", plan_id):
        raise UsageError(f"--plan-id {plan_id} is no plan's id", "the last line of `headcount plan` shows it")
    if file is None:
        return request, plan_id
    from runner.core.selection import Selection
    from runner.planning.plan import Options

    asked = request.options
    if replace(asked, variables=(), target="") != Options():
        raise UsageError(
            "a selection, --prune and what is allowed cannot be given with a saved plan, which has its own",
            "leave them out, or make a plan with them",
        )
    reviewed = read_saved_plan(file)
    if plan_id and reviewed.plan_id != plan_id:
        raise UsageError(
            f"{file} is the plan {reviewed.plan_id}, not {plan_id}",
            "apply the file that was reviewed, or have this one reviewed: nothing was applied",
        )
    _require_same_target(reviewed.options.target, asked.target)
    _require_same_variables(reviewed.options.variables, asked.variables)
    options = reviewed.options
    changed = None if options.changed is None else frozenset(options.changed)
    request = replace(
        request,
        select=Selection(options.select, options.exclude, changed),
        prune=options.prune,
        allow_removals=frozenset(options.allow_removals),
        allow_recreate=frozenset(options.allow_recreate),
        allow_suppressions=frozenset(options.allow_suppressions),
    )
    return request, reviewed


def _require_same_target(planned: str, given: str) -> None:
    if planned != given:
        made = f"for target {planned}" if planned else "without a target"
        advice = f"give --target {planned}" if planned else "leave --target and HEADCOUNT_TARGET out"
        raise UsageError(f"the plan was made {made}", f"{advice}, or make a plan for the target that you mean")


def _require_same_variables(planned: Collection[str], given: Collection[str]) -> None:
    """The values are not in the plan, since they may be secret; other ones make it stale."""
    missing, extra = sorted(set(planned) - set(given)), sorted(set(given) - set(planned))
    if missing:
        names = " ".join(f"--var {name}=..." for name in missing)
        raise UsageError(
            f"the plan was made with {names}", "give the same values again: a saved plan does not keep them"
        )
    if extra:
        names = " ".join(f"--var {name}" for name in extra)
        raise UsageError(f"the plan was made without {names}", "leave it out, or make a plan with it")


def _show_plan(made: Plan, setup: Setup, format: PlanFormat) -> None:  # noqa: A002 - the option's name
    if format is PlanFormat.JSON:
        from runner.reports.json_documents import plan_document

        show_json(plan_document(made))
    elif format is PlanFormat.MARKDOWN:
        from runner.reports.plan_markdown import plan_markdown

        write_result(plan_markdown(made))
    else:
        from runner.reports.plan_text import plan_text

        show_text(setup.out, plan_text(made))
        if format is PlanFormat.GITHUB:
            from runner.reports.github_annotations import plan_annotations

            write_annotations(plan_annotations(made, from_root))


def _show_cost(made: Plan, setup: Setup) -> None:
    from runner.planning.cost import cost_of
    from runner.reports.cost_text import plan_cost

    show_text(setup.out, plan_cost(cost_of(made)))


def _approve(made: Plan, *, setup: Setup, parts: Parts, yes: bool) -> bool:
    """Whether the plan is to be carried out. Where nobody is asked, nobody looks at it again either."""
    if yes:
        return True
    parts.progress.pause()
    _show_plan(made, setup, PlanFormat.TEXT)
    return typer.confirm("Apply this plan?", err=True)
