"""A real Chromium, without a window, and the report of a small project to look at in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.sandbox import SandboxOptions
from tests.end_to_end.shop import Person, Shop, mail, minutes_pass
from tests.sandbox_client import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = "HEADCOUNT_CHROMIUM"
"""The variable that names a Chromium; by default it is the one on the path."""

DAYS = 12


@dataclass
class Seen:
    """What a page did while it was looked at: messages of the console, and requests that left it."""

    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, through Playwright; skips, aloud, where one of them is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed", exc_type=ImportError)
    program = os.environ.get(CHROMIUM) or shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip(f"no Chromium is installed (`apt install chromium`), and {CHROMIUM} names none")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a shop after some days, with names that mean to break it."""
    for package in ("altair", "vl_convert"):
        pytest.importorskip(package, reason="plots need the extra [report]", exc_type=ImportError)
    folder = tmp_path_factory.mktemp("shop")
    with running(SandboxOptions()) as sandbox, pytest.MonkeyPatch.context() as patch:
        shop = Shop(folder, sandbox.url)
        shop.write("activations/never.yaml", SUPPRESSION)
        shop.activation("loyal", name=HOSTILE, owner="crm-and-everything-else@a-long-name.shop.example", freshness="2d")
        shop.activation("all", name="Everybody", sql="select email from shop.people where kind = 'all'")
        shop.activation("broken", sql="select email from shop.nobody")
        for day in range(DAYS):
            minutes_pass(patch, day * 24 * 60)
            shop.people([*mail(*range(3 * day, 60 + 4 * day)), Person(f"malformed {day}")])
            shop.apply("--allow-removals", "*", code=1)
        shop.run("report", "--out", "site")
    return folder / "site"


HOSTILE = "<script>alert(1)</script> \"'><img src=https://example.com/x> " + "aVeryLongNameWithoutABlank" * 5
SUPPRESSION = """\
kind: Suppression
name: no-marketing-consent
reason: withdrew consent
sql: select email from shop.people where email like 'person-1%'
mapping: {email: email}
"""


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def opened(browser: Browser, site: Path, seen: Seen) -> Iterator[Callable[..., object]]:
    """Opens a page of the report: `opened("index.html", width=360, scheme="dark")`."""
    contexts = []

    def open_page(name: str, *, width: int = 1280, scheme: str = "light", scripts: bool = True) -> object:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=scripts,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: seen.console.append(message.text))
        page.on("pageerror", lambda error: seen.console.append(str(error)))
        page.on("request", lambda request: seen.requests.append(request.url))
        page.goto((site / name).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
