"""Which files are read, and how their text is taken."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.config import load
from runner.config.yaml.project_files import MAX_BYTES
from runner.core.errors import InvalidProject
from runner.core.findings import Finding
from runner.reports.findings_text import render_findings
from tests.unit.config.projects import ACTIVATION, DEFAULTS, TODAY, codes, findings, project


def test_words_that_yaml_1_1_would_take_for_something_else_stay_text(tmp_path: Path) -> None:
    text = ACTIVATION.replace("id: loyal", "id: no").replace("name: Loyal", "name: 2026-11-24")
    found = project(tmp_path, a=text + "description: 06:30\n", d=DEFAULTS.replace('"12345"', "0123")).activations[0]
    assert (found.id, found.name, found.description) == ("no", "2026-11-24", "06:30")
    assert found.destination.account_id == "0123"


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    folder = tmp_path / "activations"
    folder.mkdir()
    text = DEFAULTS + "---\n" + ACTIVATION
    (folder / "a.yaml").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load(folder, today=TODAY, environ={}).activations[0].id == "loyal"


def test_a_link_cannot_show_a_file_from_outside(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("client: s3cr3t: x\n")
    (tmp_path / "repo/activations").mkdir(parents=True)
    (tmp_path / "repo/activations/a.yaml").symlink_to(tmp_path / "secret.yaml")
    found = findings(tmp_path / "repo")
    assert [finding.code for finding in found] == ["outside-project"]
    assert "s3cr3t" not in render_findings(found)


def test_folders_that_link_in_a_circle_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "activations/sub").mkdir(parents=True)
    (tmp_path / "activations/sub/again").symlink_to(tmp_path / "activations")
    assert len(project(tmp_path, **{"sub/a": ACTIVATION, "d": DEFAULTS}).activations) == 1


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    assert codes(tmp_path, a="#" * (MAX_BYTES + 1)) == ["file-too-large"]


TEXTS = st.text(max_size=80) | st.binary(max_size=80).map(lambda data: data.decode("utf-8", "replace"))
YAMLISH = st.lists(
    st.sampled_from(
        ["kind: Activation\n", "id: a\n", "segment: ", "{", "}", "[", "]", "&a ", "*a", "- ", "? ", ": ", "!x ", "|\n",
         "'", '"', "{{ var('x') }}", "{% if %}", "---\n", "  ", "\n", "\t", "null", "1", "name", "sql", "mapping:\n",
         "kind: Destination\n", "credentials", "kind: Source\n", "<<: ", "schedule: ", "%", "\ufeff"]
    )
    | st.text(max_size=3),
    max_size=30,
).map("".join)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=120) | (TEXTS | YAMLISH).map(lambda text: text.encode("utf-8", "replace")))
def test_no_bytes_make_it_crash(tmp_path: Path, data: bytes) -> None:
    folder = tmp_path / "activations"
    folder.mkdir(exist_ok=True)
    (folder / "a.yaml").write_bytes(data)
    found: tuple[Finding, ...] = ()
    try:
        load(folder, today=date(2026, 1, 1), environ={})
    except InvalidProject as error:
        found = error.findings
    assert list(found) == sorted(found)
    assert render_findings(found).endswith(("1 file.\n", "0 files.\n"))
