"""Who may import whom."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from tests.architecture.modules import MODULES, Module

LAYERS = {
    "quick_dataclass": set[str](),
    "core": set[str](),
    "conditions": {"core"},
    "disk": set[str](),
    "git": {"disk"},
    "interruption": set[str](),
    "process_limits": set[str](),
    "listening": {"core"},
    "object_stores": set[str](),
    "sources": {"core", "disk", "object_stores"},
    "destinations": {"core"},
    "planning": {"core", "destinations"},
    "config": {"core", "conditions", "disk", "git", "sources", "destinations"},
    "engine": {"core", "disk", "interruption", "process_limits", "object_stores", "sources"},
    "state": {"core", "disk", "git", "interruption", "object_stores"},
    "webhooks": {"core"},
    "workflows": {"core", "sources", "destinations", "planning", "engine", "state", "webhooks"},
    "service": {"core", "workflows", "listening"},
    "reports": {"core", "process_limits", "destinations", "planning", "workflows", "state", "webhooks"},
    "planfile": {"core", "disk", "planning", "config", "workflows", "reports"},
    "starter": {"core", "config"},
    "sandbox": {"core", "listening"},
}
"""Each layer, and those it may import next to itself: only ones above it in this list. The command line may use all."""

FOR_ALL = {"quick_dataclass"}
"""What stands in for a part of the standard library, and knows nothing of ours."""

OWNERS = {
    "yaml": {"config"},
    "jsonschema": {"config"},
    "jinja2": {"config"},
    "duckdb": {"engine"},
    "adbc_driver_manager": {"engine"},
    "sqlglot": {"conditions", "engine"},
    "sqlite3": {"state", "sandbox"},
    "requests": {"destinations", "sources", "webhooks"},
    "rich": {"reports", "cli"},
    "typer": {"cli"},
    "starlette": {"listening", "sandbox", "service"},
    "uvicorn": {"listening"},
    "socket": {"listening", "object_stores", "sandbox", "state", "webhooks"},
    "obstore": {"object_stores", "state"},
    "botocore": {"state"},
    "fsspec": {"engine"},
    "prometheus_client": {"service"},
    "watchfiles": {"service"},
    "altair": {"reports"},
    "vl_convert": {"reports"},
    "cronsim": {"core", "config"},
}
"""A library -> the layers that know it."""

PURE = {
    *(
        "re",
        "datetime",
        "collections",
        "dataclasses",
        "enum",
        "typing",
        "pathlib",
        "difflib",
        "fnmatch",
        "functools",
        "bisect",
    ),
    *("contextlib", "fractions", "hashlib", "json", "zoneinfo", "__future__", "cronsim", "runner"),
}
"""What the core and the decisions may use: values, no clock, no disk, no network."""

PURE_WITH_SQL = PURE | {"decimal", "logging", "sqlglot"}
"""The same for conditions, which become SQL: sqlglot's log, which quotes what it reads, is silenced."""

DOORS = {
    "runner.engine": {"interface", "embedded"},
    "runner.engine.segments": {
        *("evaluator", "fingerprinted_rows", "looked_up_rows", "normalize", "queries_by_source", "query_process"),
        *("segment_errors", "segment_query"),
    },
    "runner.engine.memberships": {"membership_store"},
    "runner.sources": {
        *(
            "attached_kinds",
            "interface",
            "registry",
            "data_faults",
            "dbt_manifest",
            "json_faults",
            "local_paths",
            "table_form",
            "text_lines",
            "warehouse",
        ),
    },
    "runner.destinations": {"registry"},
    "runner.destinations.criteo": {"kinds"},
    "runner.state": {"", "interface", "inventory", "noted_here", "seen_runs", "transfer"},
    "runner.state.local": {"folder_backing", "state_folder", "lock", "whole_files"},
    "runner.state.remote": {"bucket_backing", "object_store"},
    "runner.sandbox": {""},
}
"""The folder of a seam -> the modules in it by which it is entered from outside ("": what the package offers)."""

SIDE_DOORS = {
    # Runs segments over the rows of tests, with what runs them over sources.
    "engine/given/given_evaluator.py": {"runner.engine.segments"},
    "engine/given/columns_used.py": {"runner.engine.segments"},
    # Evaluates and compares in one pass, which only the two embedded parts together can.
    "engine/joined_pass.py": {"runner.engine.memberships"},
    # The same by fingerprints.
    "engine/fingerprinted_pass.py": {"runner.engine.memberships"},
    # The same of a segment that suppressions are for.
    "engine/looked_up_pass.py": {"runner.engine.memberships"},
    # Counts what is new without making wire forms, by what both parts know of fingerprints.
    "engine/counted_pass.py": {"runner.engine.memberships"},
    # Where this machine keeps what it knows of a state, in a folder or in a bucket.
    "state/seen_runs.py": {"runner.state.remote"},
    "state/noted_here.py": {"runner.state.remote"},
    "state/__init__.py": {"runner.state.remote"},
}
"""A module -> what it imports of a seam past its doors, and why."""


def test_a_layer_imports_only_from_layers_below_it() -> None:
    offenders = [
        f"{module}: {name}"
        for module in MODULES
        if module.layer in LAYERS
        for name in module.imported
        if _layer_of(name) not in (None, module.layer, *LAYERS[module.layer], *FOR_ALL)
    ]
    assert offenders == []
    above: set[str] = set()
    for layer, allowed in LAYERS.items():
        assert allowed <= above, f"{layer} imports a layer below it in the list"
        above.add(layer)


def _layer_of(name: str) -> str | None:
    """The layer of an imported module of ours."""
    parts = name.split(".")
    return (parts[1] if len(parts) > 1 else "core") if parts[0] == "runner" else None


def test_a_library_is_left_to_its_owners() -> None:
    offenders = [
        f"{module}: {name}"
        for module in MODULES
        for name in module.imported
        if module.layer not in OWNERS.get(name.split(".")[0], {module.layer})
    ]
    assert offenders == []


def test_the_core_is_pure() -> None:
    offenders = [
        f"{module}: {name}"
        for module in MODULES
        if module.layer in ("core", "planning")
        for name in module.imported
        if name.split(".")[0] not in PURE
    ]
    assert offenders == []


def test_conditions_are_pure() -> None:
    offenders = [
        f"{module}: {name}"
        for module in MODULES
        if module.layer == "conditions"
        for name in module.imported
        if name.split(".")[0] not in PURE_WITH_SQL
    ]
    assert offenders == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    arrows = {module.name: {name for name in module.imported_at_start if name != module.name} for module in MODULES}
    circle: list[str] = []
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert circle == []


def test_a_seam_is_entered_by_its_doors() -> None:
    offenders = [
        f"{module}: {name}"
        for module in MODULES
        for name in module.imported
        for seam, doors in DOORS.items()
        if _within(name, seam) and not _within(module.name, seam) and name.removeprefix(seam).lstrip(".") not in doors
        if not any(_within(name, package) for package in SIDE_DOORS.get(str(module), ()))
    ]
    assert offenders == []


def _within(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


def test_nothing_prints_outside_of_the_command_line() -> None:
    assert [str(module) for module in MODULES if module.layer != "cli" and _prints(module)] == []


def _prints(module: Module) -> bool:
    return "print" in module.called
