"""Pictures of the example's report, for the README and the documents: what `make screenshots` runs.

The example runs once a day for some weeks against a sandbox, with the clock set ahead by a day for each; then its
report is looked at in Chromium, in a wide and a narrow window, in light and in dark.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "scripts"))

import demo_data  # noqa: E402

from runner.cli import options  # noqa: E402
from runner.cli.app import run  # noqa: E402
from runner.sandbox import SandboxOptions, running  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
FIRST_DAY, DAYS = date(2017, 9, 20), 24
SIZE = 150_000
"""Bytes that a picture has at most."""

SHOTS = (
    ("report-index", "index.html", 1280, 900, "light"),
    ("report-audience", "audiences/loyal-shoppers.html", 1280, 1180, "light"),
    ("report-audience-dark", "audiences/loyal-shoppers.html", 1280, 1180, "dark"),
    ("report-narrow", "audiences/loyal-shoppers.html", 360, 800, "light"),
)
"""The name of a picture, the page, the width and the height of the window, and the scheme."""


def main() -> int:
    demo_data.main(ROOT / "data")
    with tempfile.TemporaryDirectory() as folder, running(SandboxOptions()) as url:
        state, site = Path(folder) / ".headcount", Path(folder) / "site"
        os.environ |= {"CRITEO_API_URL": url, "HEADCOUNT_STATE": str(state), "NO_COLOR": "1"}
        os.environ["XDG_CACHE_HOME"] = folder
        os.chdir(ROOT)
        for day in range(DAYS):
            at(day)
            today = (FIRST_DAY + timedelta(days=day)).isoformat()
            code = run(["apply", "--yes", "--today", today])
            if code not in (0, 4):
                print(f"the example's run of {today} ended with {code}", file=sys.stderr)
                return 1
        if run(["report", "--out", str(site)]):
            return 1
        return draw(site)


def at(days: int) -> None:
    """From now on it is so many days later, for commands of this process."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz or UTC) + timedelta(days=days)

    options.datetime = Later  # type: ignore[attr-defined]


def draw(site: Path) -> int:
    """Take the pictures; ends with 1 where one is too large."""
    from playwright.sync_api import sync_playwright

    program = os.environ.get("HEADCOUNT_CHROMIUM") or shutil.which("chromium")
    PICTURES.mkdir(exist_ok=True)
    large = 0
    with sync_playwright() as playwright:
        browser: Any = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, page_name, width, height, scheme in SHOTS:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto((site / page_name).as_uri())
            path = PICTURES / f"{name}.png"
            page.screenshot(path=path)
            size = path.stat().st_size
            large += size > SIZE
            print(f"{path.relative_to(ROOT)}: {size:,} bytes", flush=True)
        browser.close()
    return 1 if large else 0


if __name__ == "__main__":
    raise SystemExit(main())
