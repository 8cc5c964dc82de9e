"""Which day it is: the one in the time zone of the project, unless `--today` says another."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from runner.cli.wiring import Setup


@pytest.mark.parametrize(
    ("project", "today"),
    [
        ("", date(2026, 11, 24)),
        ("timezone: Europe/Paris", date(2026, 11, 25)),
        ("timezone: America/New_York", date(2026, 11, 24)),
        ("timezone: Pacific/Kiritimati", date(2026, 11, 25)),
        ("timezone: Europe/Pari", date(2026, 11, 24)),  # a finding, once the files are read
        ("timezone: [", date(2026, 11, 24)),
    ],
)
def test_a_day_begins_at_midnight_of_the_projects_zone(tmp_path: Path, project: str, today: date) -> None:
    folder = tmp_path / "activations"
    folder.mkdir()
    (folder / "project.yaml").write_text(f"kind: Project\n{project}\n", encoding="utf-8")
    assert Setup.of(folder, at="2026-11-24T23:30:00Z").today == today
    assert Setup.of(folder, at="2026-11-24T23:30:00Z", today="2026-01-01").today == date(2026, 1, 1)
