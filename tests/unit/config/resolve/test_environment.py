"""What of the environment the files may read is said where the job is defined, and never by a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.core.errors import InvalidProject, UsageError
from runner.core.findings import Finding
from runner.reports.findings_text import render_findings
from tests.unit.config.projects import ACTIVATION, DEFAULTS, DESTINATION, findings, project

SECRET = "s3cr3t"


def naming(variable: str) -> str:
    return DESTINATION.replace("CRITEO_CLIENT_SECRET", variable)


def found(tmp_path: Path, text: str, environ: dict[str, str]) -> tuple[Finding, ...]:
    return findings(tmp_path, d=text, environ=environ)


@pytest.mark.parametrize(
    ("variable", "environ"),
    [
        ("CRITEO_ANYTHING", {}),
        ("HEADCOUNT_ENV_SECRET", {}),
        ("SHOP_SECRET", {"HEADCOUNT_ENV": "SHOP_SECRET"}),
        ("SHOP_SECRET", {"HEADCOUNT_ENV": "A,SHOP_SECRET , B\nC"}),
    ],
)
def test_what_may_be_read_is_read(tmp_path: Path, variable: str, environ: dict[str, str]) -> None:
    made = project(tmp_path, d=naming(variable), environ={**environ, variable: SECRET})
    assert made.destinations[0].credentials.client_secret.reveal() == SECRET  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("variable", "environ"),
    [
        ("SHOP_SECRET", {}),
        ("SHOP_SECRET", {"HEADCOUNT_ENV": "SHOP_SECRET_2 SHOP"}),
        ("AWS_SECRET_ACCESS_KEY", {}),
        ("PATH", {}),
    ],
)
def test_anything_else_is_a_finding_that_says_what_to_set_and_where(
    tmp_path: Path, variable: str, environ: dict[str, str]
) -> None:
    [finding] = found(tmp_path, naming(variable), {variable: SECRET, **environ})
    assert finding.code == "env-not-allowed"
    assert f"`env` does not read {variable}" in finding.message
    assert "HEADCOUNT_ENV where the job is defined" in finding.message


@pytest.mark.parametrize("variable", ["HEADCOUNT_STATE_KEY", "HEADCOUNT_STATE", "HEADCOUNT_ENV", "HEADCOUNT_ENV_FILES"])
def test_what_is_for_headcount_itself_is_never_read(tmp_path: Path, variable: str) -> None:
    [finding] = found(tmp_path, naming(variable), {"CRITEO_CLIENT_SECRET": SECRET})
    assert (finding.code, f"`env` never reads {variable}" in finding.message) == ("env-not-allowed", True)


@pytest.mark.parametrize("listed", ["SHOP_*", "A B-C", "HEADCOUNT_STATE_KEY", "HEADCOUNT_ENV", "HEADCOUNT_ENV_FILES"])
def test_a_list_that_is_wrong_stops_the_command(tmp_path: Path, listed: str) -> None:
    with pytest.raises(UsageError, match="HEADCOUNT_ENV lists"):
        project(tmp_path, d=DESTINATION, environ={"HEADCOUNT_ENV": listed})


@pytest.mark.parametrize(
    ("files", "allowed"),
    [
        ("activations/d.yaml", True),
        ("./activations/d.yaml", True),
        ("other.yaml, activations/*.yaml", True),
        ("**/d.yaml", True),
        ("activations/**", True),
        ("*.yaml", False),
        ("d.yaml", False),
        ("activations/*/d.yaml", False),
        ("activations/D.yaml", False),
        ("activations", False),
    ],
)
def test_reading_can_be_confined_to_named_files(tmp_path: Path, files: str, allowed: bool) -> None:
    environ = {"HEADCOUNT_ENV_FILES": files, "CRITEO_CLIENT_SECRET": SECRET}
    codes = [finding.code for finding in found(tmp_path, DESTINATION, environ)]
    assert codes == ([] if allowed else ["env-not-allowed"] * 2)


def test_a_link_does_not_make_another_file_a_named_one(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/d.yaml").write_text(DESTINATION)
    (tmp_path / "activations").mkdir()
    (tmp_path / "activations/d.yaml").symlink_to(tmp_path / "elsewhere/d.yaml")
    names = {"HEADCOUNT_ENV_FILES": "activations/*.yaml"}
    with pytest.raises(InvalidProject):
        project(tmp_path, environ=names)
    assert project(tmp_path, environ={"HEADCOUNT_ENV_FILES": "elsewhere/*.yaml"}).destinations


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"p": "kind: Project\nvars:\n  x: \"{{ env('CRITEO_CLIENT_SECRET') }}\"\n"}, "p.yaml:3"),
        ({"p": "kind: Project\nstate: \"s3://{{ env('CRITEO_CLIENT_SECRET') }}/x\"\n"}, "p.yaml:2"),
        (
            {"s": "kind: Source\nname: shop\ntype: files\ntables: {t: \"{{ env('CRITEO_CLIENT_SECRET') }}.csv\"}\n"},
            "s.yaml:4",
        ),
        ({"s": "kind: Source\nname: shop\ntype: duckdb\npath: \"{{ env('CRITEO_CLIENT_SECRET') }}\"\n"}, "s.yaml:4"),
        ({"d": DEFAULTS.replace('"12345"', "\"{{ env('CRITEO_CLIENT_SECRET') }}\"")}, "d.yaml:4"),
        ({"d": DEFAULTS.replace("criteo-fr", "\"{{ env('CRITEO_CLIENT_SECRET') }}\"")}, "d.yaml:2"),
        ({"d": DEFAULTS + "  owner: \"{{ env('CRITEO_CLIENT_SECRET') }}\"\n"}, "d.yaml:10"),
        ({"a": ACTIVATION + "description: \"{{ env('CRITEO_CLIENT_SECRET') }}\"\n"}, "a.yaml:6"),
        ({"a": ACTIVATION.replace("email from", "'{{ env('CRITEO_CLIENT_SECRET') }}' from")}, "a.yaml:5"),
    ],
)
def test_no_value_that_is_shown_may_come_from_the_environment(
    tmp_path: Path, files: dict[str, str], place: str
) -> None:
    environ = {"CRITEO_CLIENT_SECRET": SECRET}
    seen = findings(tmp_path, environ=environ, **{"d": DEFAULTS, "a": ACTIVATION, **files})
    assert [finding.code for finding in seen] == ["env-not-available"]
    assert place in str(seen[0].location)
    assert SECRET not in render_findings(seen)
