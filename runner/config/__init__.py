"""Files to project: strict YAML with positions, JSON Schema, templates, defaults with their provenance."""

from runner.config.changed_since import changed_since
from runner.config.load import load
from runner.config.resolve.sources import check_source_files, read_by
from runner.config.schema.json_schemas import schema_folder
from runner.config.state_location import (
    declared_history,
    declared_receivers,
    declared_state,
    declared_targets,
    declared_zone,
)
from runner.config.yaml.project_files import project_folders

__all__ = [
    "changed_since",
    "check_source_files",
    "declared_history",
    "declared_receivers",
    "declared_state",
    "declared_targets",
    "declared_zone",
    "load",
    "project_folders",
    "read_by",
    "schema_folder",
]
