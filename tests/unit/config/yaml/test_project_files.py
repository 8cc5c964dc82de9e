"""Which files are read, and how their text is taken."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.config import load
from runner.config.yaml import project_files
from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.project_files import MAX_BYTES
from runner.core.errors import InvalidProject
from runner.core.findings import Finding
from runner.disk import regular_files
from runner.disk.path_rule import NotAllowed, read_allowed
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


def test_a_link_cannot_show_a_hidden_file_or_one_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("token: s3cr3t: x\n")
    (tmp_path / "notes.txt").write_text("token: s3cr3t: x\n")
    (tmp_path / "activations").mkdir()
    (tmp_path / "activations/a.yaml").symlink_to("../.env")
    (tmp_path / "activations/b.yaml").symlink_to("../notes.txt")
    found = findings(tmp_path)
    assert [finding.code for finding in found] == ["outside-project", "outside-project"]
    assert "s3cr3t" not in render_findings(found)


def test_a_folder_that_links_out_of_the_project_is_not_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "activations").mkdir()
    (tmp_path / "activations/everything").symlink_to("/")
    monkeypatch.setattr(project_files, "MOST_LOOKED_AT", 10)  # there are more than ten files on any machine
    assert codes(tmp_path, a=ACTIVATION, d=DEFAULTS) == ["outside-project"]


def test_a_pipe_is_no_file_of_a_project(tmp_path: Path) -> None:
    (tmp_path / "activations").mkdir()
    os.mkfifo(tmp_path / "activations/a.yaml")
    assert codes(tmp_path, d=DEFAULTS) == ["unreadable-file"]


def test_a_folder_with_the_files_of_a_whole_machine_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_files, "MOST_LOOKED_AT", 1)
    assert "too-many-files" in codes(tmp_path, a=ACTIVATION, d=DEFAULTS)


def test_a_link_that_is_turned_while_its_file_is_opened_shows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.yaml").write_text("s3cr3t")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/fine.yaml").write_text("fine")
    link = tmp_path / "project/a.yaml"
    link.symlink_to("fine.yaml")
    open_file = os.open

    def turn_first(path: Path, flags: int) -> int:
        link.unlink()
        link.symlink_to("../secret.yaml")
        opened = open_file(path, flags)
        link.unlink()
        link.symlink_to("fine.yaml")
        return opened

    monkeypatch.setattr(regular_files.os, "open", turn_first)
    with pytest.raises(NotAllowed, match="was replaced while it was opened"):
        read_allowed(link, tmp_path / "project", (".yaml",), 100)


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


def test_the_files_of_a_project_are_bounded_together(tmp_path: Path) -> None:
    folder = tmp_path / "activations"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:02d}.yaml").write_text("# as large as a file may be\n" * (MAX_BYTES // 28))
    [finding] = findings(tmp_path)
    assert (finding.code, finding.location.file) == ("project-too-large", str(folder / "32.yaml"))
    assert "33,554,432" in finding.message


def test_sql_files_count_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_files, "MOST_BYTES", 1_000)
    (tmp_path / "large.sql").write_text("select email from shop.customers -- " + "x" * 1_000)
    text = ACTIVATION.replace("sql: select email from shop.customers", "file: ../large.sql")
    assert codes(tmp_path, a=text, d=DEFAULTS) == ["project-too-large"]


def test_a_project_with_nothing_right_is_told_so_in_few_words(tmp_path: Path) -> None:
    found = findings(tmp_path, a="---\n".join(f"kind: Activation\nwrong{number}: 1\n" for number in range(3_000)))
    assert len(found) == 1_001
    assert (found[-1].code, found[-1].location.line) == ("too-many-findings", 0)
    assert "there are more than 1,000 findings" in found[-1].message


def test_one_finding_that_comes_again_and_again_is_one(tmp_path: Path) -> None:
    collected = Findings()
    for _ in range(2_000):
        collected.add_nowhere("a.yaml", "unreadable-file", "the file cannot be read")
    collected.add_nowhere("b.yaml", "unreadable-file", "the file cannot be read")
    assert [finding.location.file for finding in collected.sorted()] == ["a.yaml", "b.yaml"]
