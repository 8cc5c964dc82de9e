"""The wheel holds everything the command needs, and nothing of the tests."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


def test_schemas_ship_with_it(names: frozenset[str]) -> None:
    schemas = {f"runner/schemas/{path.name}" for path in (ROOT / "schemas").glob("*.json")}
    assert schemas
    assert schemas <= names


def test_the_starter_ships_with_it(names: frozenset[str]) -> None:
    starter = {f"runner/starter/{path.name}" for path in (ROOT / "runner" / "starter").glob("*.yaml")}
    assert starter
    assert starter <= names


def test_it_holds_the_package_and_nothing_else(names: frozenset[str]) -> None:
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"runner"}
    assert "runner/py.typed" in names
