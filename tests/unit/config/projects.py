"""Small projects on disk for the tests of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from runner.config import load
from runner.core.errors import InvalidProject
from runner.core.findings import Finding
from runner.core.project import Activation, Project

TODAY = date(2026, 11, 24)

DESTINATION = """\
kind: Destination
name: criteo-fr
type: criteo
advertiser_id: "12345"
credentials:
  client_id: "{{ env('CRITEO_CLIENT_ID') }}"
  client_secret: "{{ env('CRITEO_CLIENT_SECRET') }}"
"""
DEFAULTS = DESTINATION + "defaults:\n  mapping: {email: mail}\n"
ACTIVATION = """\
kind: Activation
id: loyal
segment:
  name: Loyal
  sql: select email from shop.customers
"""


def project(tmp_path: Path, *, environ: Mapping[str, str] | None = None, var: Mapping[str, str] | None = None,
            today: date = TODAY, **files: str) -> Project:  # fmt: skip
    """The project of these files."""
    folder = tmp_path / "activations"
    for name, text in files.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load(folder, variables=var or {}, today=today, environ=environ or {})


def activation(tmp_path: Path, text: str, destination: str = DEFAULTS, **more: object) -> Activation:
    """The only activation of a project of one destination."""
    return project(tmp_path, a=text, d=destination, **more).activations[0]  # type: ignore[arg-type]


def findings(tmp_path: Path, **files: object) -> tuple[Finding, ...]:
    """What is wrong with a project; nothing, when nothing is."""
    try:
        project(tmp_path, **files)  # type: ignore[arg-type]
    except InvalidProject as error:
        return error.findings
    return ()


def codes(tmp_path: Path, **files: object) -> list[str]:
    return [finding.code for finding in findings(tmp_path, **files)]
