"""A driver that the machine's owner installed for everybody comes before that of the wheel."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import adbc_driver_postgresql
import pytest

from runner.engine.segments.warehouse import machine_driver
from tests.end_to_end.shop import Shop
from tests.postgres import PASSWORD, ROLE, Postgres

SOURCE = """kind: Source
name: warehouse
type: postgres
uri: {uri}
auth: {{method: password, password: "{{{{ env('PGPASSWORD') }}}}"}}
---
"""


@pytest.fixture
def manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the machine's manifests, in which this user is the system's owner."""
    folder = tmp_path / "drivers"
    folder.mkdir(mode=0o755)
    monkeypatch.setattr(machine_driver, "SYSTEM", folder)
    monkeypatch.setattr(machine_driver, "OWNER", os.getuid())
    return folder


@pytest.fixture
def shop(shop: Shop, postgres: Postgres) -> Shop:
    """A project over Postgres."""
    postgres.run(f"""
        create schema if not exists drivers; drop table if exists drivers.people;
        create table drivers.people (email text); insert into drivers.people values ('a@shop.example');
        grant usage on schema drivers to {ROLE}; grant select on drivers.people to {ROLE};
    """)
    shop.environment["PGPASSWORD"] = PASSWORD
    destination = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8").partition("---\n")[2]
    shop.write("activations/shop.yaml", SOURCE.format(uri=postgres.uri) + destination)
    shop.activation(sql="select email from drivers.people", guardrails={"min_members": 0})
    return shop


def without_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra is not installed."""
    found = machine_driver.find_spec
    monkeypatch.setattr(
        machine_driver, "find_spec", lambda name: None if name == "adbc_driver_postgresql" else found(name)
    )


def installed(folder: Path, shared: str) -> Path:
    """A manifest as ADBC describes it, of a library that lies beside it."""
    library = folder / "libpostgres.so"
    shutil.copy(adbc_driver_postgresql._driver_path(), library)
    library.chmod(0o644)
    manifest = folder / "postgresql.toml"
    manifest.write_text(f"manifest_version = 1\nname = 'Postgres'\n[Driver]\n{shared.format(library)}\n")
    manifest.chmod(0o644)
    return manifest


@pytest.mark.parametrize("shared", ["shared = '{}'", f"[Driver.shared]\n{machine_driver.this_platform()} = '{{}}'"])
def test_a_segment_runs_by_the_machines_driver_where_the_wheel_is_not_installed(
    shop: Shop, manifests: Path, monkeypatch: pytest.MonkeyPatch, shared: str
) -> None:
    without_wheel(monkeypatch)
    assert "needs the package adbc_driver_postgresql" in shop.run("plan", code=1).out
    installed(manifests, shared)
    assert "1 to create" in shop.run("plan").out


def test_a_manifest_that_cannot_be_followed_is_no_reason_to_take_the_wheel(shop: Shop, manifests: Path) -> None:
    manifest = installed(manifests, "shared = '{}'")
    cases = {
        "can write": lambda: manifest.chmod(0o666),
        "cannot be read as TOML": lambda: manifest.write_text("["),
        "names no library by an absolute path": lambda: manifest.write_text("[Driver]\nshared = 'libpostgres'\n"),
        "is not there": lambda: manifest.write_text("[Driver]\nshared = '/nowhere/libpostgres.so'\n"),
    }
    for why, spoil in cases.items():
        manifest.chmod(0o644)
        spoil()
        said = shop.run("plan", code=1).out
        assert "source warehouse cannot be reached: the machine's manifest of its driver" in said
        assert why in said.replace("\n", " ")


def test_a_library_that_others_can_write_is_not_loaded(shop: Shop, manifests: Path) -> None:
    installed(manifests, "shared = '{}'")
    (manifests / "libpostgres.so").chmod(0o666)
    assert "can write" in shop.run("plan", code=1).out
