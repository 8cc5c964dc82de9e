"""Credentials are references to the environment, and what they hold is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.core.destination import MissingSecret, Secret
from runner.reports.findings_text import render_findings
from tests.unit.config.projects import DESTINATION, findings, project


def test_credentials_come_from_the_environment_and_never_print(tmp_path: Path) -> None:
    environ = {"CRITEO_CLIENT_ID": "id-1", "CRITEO_CLIENT_SECRET": "s3cr3t"}
    credentials = project(tmp_path, d=DESTINATION, environ=environ).destinations[0].credentials
    assert isinstance(credentials.client_secret, Secret)
    assert credentials.client_secret.reveal() == "s3cr3t"
    assert "s3cr3t" not in repr(credentials)


@pytest.mark.parametrize("environ", [{}, {"CRITEO_CLIENT_ID": "", "CRITEO_CLIENT_SECRET": " "}])
def test_credentials_that_are_not_set_are_known_to_be_missing(tmp_path: Path, environ: dict[str, str]) -> None:
    credentials = project(tmp_path, d=DESTINATION, environ=environ).destinations[0].credentials
    assert [part.variable for part in credentials.missing] == ["CRITEO_CLIENT_ID", "CRITEO_CLIENT_SECRET"]
    assert isinstance(credentials.client_id, MissingSecret)
    assert (credentials.client_id.location.line, credentials.client_id.location.column) == (6, 14)


def test_what_an_environment_variable_holds_is_not_quoted(tmp_path: Path) -> None:
    text = DESTINATION.replace('"12345"', "\"{{ env('OOPS') }}\"")
    found = findings(tmp_path, d=text, environ={"OOPS": "s3cr3t"})
    assert [finding.code for finding in found] == ["env-not-available"]
    assert "s3cr3t" not in render_findings(found)
